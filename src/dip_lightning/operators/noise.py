"""Measurement noise n of the observation model y = A(x) + n."""

import math
from numbers import Real

import torch
from torch import Tensor
from torch.special import ndtr

from dip_lightning.errors import UserError


def add_gaussian_noise(x: Tensor, sigma: float, generator: torch.Generator) -> Tensor:
    """Add white Gaussian noise and clip: y = clip(x + n, 0, 1), n ~ N(0, (sigma / 255)^2).

    Args:
        x: image, (1, C, H, W), in [0, 1].
        sigma: standard deviation in 8-bit grey levels, as the literature writes it.
        generator: source of randomness, on the CPU.

    Returns:
        y, same shape, in [0, 1].

    Raises:
        UserError: sigma is negative, or not a finite number.

    Example:
        >>> import torch
        >>> from dip_lightning.operators import add_gaussian_noise
        >>> x, draw = torch.rand(1, 3, 20, 24), torch.Generator().manual_seed(0)
        >>> add_gaussian_noise(x, 25, draw).shape
        torch.Size([1, 3, 20, 24])
    """
    if not isinstance(sigma, Real) or not 0 <= sigma < math.inf:
        raise UserError(f"sigma={sigma!r}: expected a number of 0 or more")
    noise = torch.randn(x.shape, generator=generator).to(x.device)
    return (x + noise * (sigma / 255)).clamp(0, 1)


def add_poisson_noise(x: Tensor, peak: float, generator: torch.Generator) -> Tensor:
    """Count photons: y = c / peak, c ~ Poisson(peak x). It is not clipped at 1.

    Args:
        x: image, (1, C, H, W), in [0, 1].
        peak: photons where x is 1.
        generator: source of randomness, on the CPU.

    Returns:
        y, same shape, 0 or more.

    Raises:
        UserError: peak is not above 0, or not a finite number.

    Example:
        >>> import torch
        >>> from dip_lightning.operators import add_poisson_noise
        >>> x, draw = torch.rand(1, 3, 20, 24), torch.Generator().manual_seed(0)
        >>> add_poisson_noise(x, 30, draw).shape
        torch.Size([1, 3, 20, 24])
    """
    if not 0 < peak < math.inf:
        raise UserError(f"peak={peak}: expected a number of more than 0")
    return (torch.poisson(peak * x.cpu(), generator) / peak).to(x.device)


def clipped_noise_power(x: Tensor, std: float, known: Tensor | None = None) -> Tensor:
    """E (clip(x + n, 0, 1) - x)^2, n ~ N(0, std^2), averaged over all pixels.

    With a = -x / std, b = (1 - x) / std, the normal density phi and its integral Phi, a pixel has

        std^2 (Phi(b) - Phi(a) + a phi(a) - b phi(b)) + x^2 Phi(a) + (1 - x)^2 Phi(-b)

    which is std^2 far from 0 and 1, and half of it there.

    Args:
        x: image, (1, C, H, W), in [0, 1].
        std: of the noise, in the units of x.
        known: pixels that count, (1, 1 or C, H, W), 0 or 1; the others are treated as free of
            noise. None: all.

    Returns:
        A scalar.

    Example:
        >>> import torch
        >>> from dip_lightning.operators import clipped_noise_power
        >>> black = torch.zeros(1, 1, 8, 8)
        >>> round(float(clipped_noise_power(black, 0.1)), 6)
        0.005
    """
    if std == 0:
        return x.new_zeros(())
    a, b = -x / std, (1 - x) / std
    inside = ndtr(b) - ndtr(a) + a * _density(a) - b * _density(b)
    power: Tensor = std**2 * inside + x**2 * ndtr(a) + (1 - x) ** 2 * ndtr(-b)
    return power.mean() if known is None else (known * power).mean()


def _density(value: Tensor) -> Tensor:
    return (-(value**2) / 2).exp() / math.sqrt(2 * math.pi)


def shuffle_pixels(x: Tensor, generator: torch.Generator) -> Tensor:
    """Put the pixels of an image into random places; its colours stay as they are.

    Args:
        x: image, (1, C, H, W), in [0, 1].
        generator: source of randomness, on the CPU.

    Returns:
        y, same shape and range.

    Source: Ulyanov et al., "Deep Image Prior", 2018, figure 2.

    Example:
        >>> import torch
        >>> from dip_lightning.operators import shuffle_pixels
        >>> x, draw = torch.rand(1, 3, 20, 24), torch.Generator().manual_seed(0)
        >>> shuffle_pixels(x, draw).shape
        torch.Size([1, 3, 20, 24])
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

    Example:
        >>> import torch
        >>> from dip_lightning.operators import uniform_noise
        >>> x, draw = torch.rand(1, 3, 20, 24), torch.Generator().manual_seed(0)
        >>> uniform_noise(x, draw).shape
        torch.Size([1, 3, 20, 24])
    """
    return torch.rand(x.shape, generator=generator).to(x.device)
