"""The weighted mean of a fit and a classical method, weighed where neither of them has looked."""

import torch
from kornia.filters import gaussian_blur2d
from torch import Tensor

RELEASED_AT = 0.8  # share of the fit after which the values that were held out count again
WINDOW = 8.0  # standard deviation of the window in which a weight is found, pixels
SHRINKAGE = 1.0  # of the weights towards that of the whole image


@torch.no_grad()
def weigh(fit: Tensor, classical: Tensor, y: Tensor, held_out: Tensor) -> Tensor:
    """Find how much of a fit and how much of a classical method is nearest to the truth.

    w = argmin sum (w d + (1 - w) b - y)^2 over the values held out, d the fit, b the classical
    method: in a Gaussian window about each pixel, shrunk to the weight of the whole image.

    Args:
        fit: d, (1, C, H, W).
        classical: b, (1, C, H, W).
        y: observation, (1, C, H, W).
        held_out: 1 where neither has seen y, else 0; (1, 1 or C, H, W).

    Returns:
        w, (1, 1, H, W), in [0, 1]; 1 where the two are the same.

    Example:
        >>> import torch
        >>> from dip_lightning.prior.combination import weigh
        >>> y, everywhere = torch.rand(1, 3, 20, 24), torch.ones(1, 1, 20, 24)
        >>> w = weigh(y + 0.1, y - 0.3, y, everywhere)
        >>> bool(torch.allclose(w, torch.full_like(w, 0.75)))
        True
    """
    apart = held_out * (fit - classical)
    gain, power = (
        (apart * other).sum(1, keepdim=True).double() for other in (y - classical, apart)
    )
    if not power.any():
        return torch.ones_like(power, dtype=y.dtype)
    overall = (gain.sum() / power.sum()).clamp(0, 1)
    prior = SHRINKAGE * power.mean()
    w = (_blurred(gain) + prior * overall) / (_blurred(power) + prior)
    return w.clamp(0, 1).to(y.dtype)


def combine(fit: Tensor, classical: Tensor, w: Tensor) -> Tensor:
    """Return w d + (1 - w) b, (1, C, H, W); see `weigh`."""
    return torch.lerp(classical, fit, w)


def _blurred(image: Tensor) -> Tensor:
    radius = min(round(3 * WINDOW), min(image.shape[2:]) - 1)
    side = 2 * radius + 1
    return gaussian_blur2d(image, (side, side), (WINDOW, WINDOW))
