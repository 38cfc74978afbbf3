"""Measurement noise n of the observation model y = A(x) + n."""

import torch
from torch import Tensor


def add_gaussian_noise(x: Tensor, sigma: float, generator: torch.Generator) -> Tensor:
    """Add white Gaussian noise and clip: y = clip(x + n, 0, 1), n ~ N(0, (sigma / 255)^2).

    Args:
        x: image, (1, C, H, W), in [0, 1].
        sigma: standard deviation in 8-bit grey levels, as the literature writes it.
        generator: source of randomness, on the CPU.

    Returns:
        y, same shape, in [0, 1].
    """
    noise = torch.randn(x.shape, generator=generator).to(x.device)
    return (x + noise * (sigma / 255)).clamp(0, 1)


def shuffle_pixels(x: Tensor, generator: torch.Generator) -> Tensor:
    """Put the pixels of an image into random places; its colours stay as they are.

    Args:
        x: image, (1, C, H, W), in [0, 1].
        generator: source of randomness, on the CPU.

    Returns:
        y, same shape and range.

    Source: Ulyanov et al., "Deep Image Prior", 2018, figure 2.
    """
    places = torch.randperm(x.shape[-2] * x.shape[-1], generator=generator).to(x.device)
    return x.flatten(2)[..., places].view_as(x)


def uniform_noise(x: Tensor, generator: torch.Generator) -> Tensor:
    """Draw an image of the same shape as x, each value uniform in [0, 1].

    Args:
        x: image, (1, C, H, W); only its shape matters.
        generator: source of randomness, on the CPU.

    Returns:
        y, same shape, in [0, 1].

    Source: Ulyanov et al., "Deep Image Prior", 2018, figure 2.
    """
    return torch.rand(x.shape, generator=generator).to(x.device)
