"""The average of a fit's outputs, which is its result."""

import torch
from torch import Tensor


@torch.no_grad()
def add_to_average(
    average: Tensor, weight: Tensor, x_hat: Tensor, decay: float, *, counts: Tensor
) -> None:
    """Take one more output into a running average: a_t = sum_k d^(t-k) x_k / sum_k d^(t-k).

    Later outputs weigh more, and the weights are divided by their sum, as Adam divides its moments.
    Nothing here waits for the device, and all stays in place, as a CUDA graph needs it.

    Args:
        average: a_t, (1, C, H, W); changed.
        weight: (1 - d) sum_k d^(t-k), a scalar, 0 in the beginning; changed.
        x_hat: x_t, (1, C, H, W).
        decay: d, from 0 (the last output alone) to below 1.
        counts: whether x_t is to be averaged, a scalar; the weights fade all the same.

    Source: averaging of outputs: Ulyanov et al., "Deep Image Prior", 2018, section 4.1.

    Example:
        >>> import torch
        >>> from dip_lightning.optimizers import add_to_average
        >>> average, weight, counts = torch.zeros(2), torch.zeros(()), torch.tensor(True)
        >>> for value in (0.0, 1.0):
        ...     add_to_average(average, weight, torch.full((2,), value), 0.5, counts=counts)
        >>> average
        tensor([0.6667, 0.6667])
    """
    weight.mul_(decay).add_(1 - decay)
    average.lerp_(x_hat, counts * (1 - decay) / weight)
