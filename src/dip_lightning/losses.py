"""Fidelity of an estimate to the observation."""

from torch import Tensor


def mse(estimate: Tensor, y: Tensor) -> Tensor:
    """Mean squared error: mean((estimate - y)^2).

    Args:
        estimate: A(x_hat), (1, C, H, W), in [0, 1].
        y: observation, same shape and range.

    Returns:
        Scalar.
    """
    return (estimate - y).square().mean()


def masked_mse(x_hat: Tensor, y: Tensor, m: Tensor) -> Tensor:
    """Mean squared error of the known pixels, divided by all: mean((m * x_hat - m * y)^2).

    Args:
        x_hat: restored image, (1, C, H, W), in [0, 1].
        y: observation, same shape; its missing pixels do not count.
        m: known pixels, (1, 1 or C, H, W), 0 or 1.

    Returns:
        Scalar.

    Source: Ulyanov et al., "Deep Image Prior", 2018, equation of inpainting.
    """
    return (m * (x_hat - y)).square().mean()
