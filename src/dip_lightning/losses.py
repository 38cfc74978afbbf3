"""Fidelity of an estimate to the observation."""

import torch
from torch import Tensor


def mse(estimate: Tensor, y: Tensor) -> Tensor:
    """Mean squared error: mean(|estimate - y|^2).

    Args:
        estimate: A(x_hat), real or complex.
        y: observation, of the same shape.

    Returns:
        Scalar.

    Example:
        >>> import torch
        >>> from dip_lightning.losses import mse
        >>> mse(torch.zeros(1, 1, 2, 2), torch.full((1, 1, 2, 2), 0.5))
        tensor(0.2500)
    """
    return _squared(estimate - y).mean()


def masked_mse(estimate: Tensor, y: Tensor, m: Tensor) -> Tensor:
    """Mean squared error of the known pixels, divided by all: mean((m (estimate - y))^2).

    Args:
        estimate: x_hat or A(x_hat), of y's shape, (1, C, h, w), in [0, 1].
        y: observation; its missing pixels do not count.
        m: known pixels, (1, 1 or C, h, w), 0 or 1.

    Returns:
        Scalar.

    Source: Ulyanov et al., "Deep Image Prior", 2018, equation of inpainting.

    Example:
        >>> import torch
        >>> from dip_lightning.losses import masked_mse
        >>> m = torch.tensor([1.0, 0.0]).view(1, 1, 1, 2)
        >>> masked_mse(torch.zeros(1, 1, 1, 2), torch.full((1, 1, 1, 2), 0.5), m)
        tensor(0.1250)
    """
    return _squared(m * (estimate - y)).mean()


def _squared(error: Tensor) -> Tensor:
    if error.is_complex():
        return torch.view_as_real(error).square().sum(-1)
    return error.square()
