"""Fidelity of an estimate to the observation."""

import math

import numpy as np
import torch
from torch import Tensor
from torch.special import ndtr

DARK = 1e-5  # of white: no count is impossible
DARKEST = 1e-3  # counts, at most: the truth, too, pays twice as much for it
NOTHING = 1e-30
FEW = 100.0  # counts, above which they are taken for normal
STEPS = 512  # of the table below that, in roots of counts


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


def poisson_deviance(estimate: Tensor, y: Tensor, peak: float, m: Tensor | None = None) -> Tensor:
    """Deviance of counts: mean(2 (l - c + c log(c / l))), c = peak y, l = peak estimate.

    It is twice the negative log-likelihood of the Poisson distribution, less its minimum: 0 for
    estimate = y, and about 1 for the truth.

    Args:
        estimate: x_hat, (1, C, H, W), 0 or more.
        y: counts / peak, of the same shape.
        peak: counts where y is 1.
        m: values that count, (1, 1 or C, H, W), 0 or 1; None: all. It is divided by all.

    Returns:
        Scalar.

    Source: McCullagh & Nelder, "Generalized Linear Models", 1989, section 2.3.

    Example:
        >>> import torch
        >>> from dip_lightning.losses import poisson_deviance
        >>> y = torch.full((1, 1, 2, 2), 0.5)
        >>> round(float(poisson_deviance(1.2 * y, y, peak=100)), 2)
        1.77
    """
    mean = estimate + min(DARK, DARKEST / peak)
    ratio = y.clamp(min=NOTHING) / mean  # as the gradient of 0 log 0 is none
    deviance = 2 * peak * (mean - y + y * ratio.log())
    return deviance.mean() if m is None else (m * deviance).mean()


def expected_deviance(
    x: Tensor, peak: float, m: Tensor | None = None, *, is_clipped: bool = False
) -> float:
    """Return the expected deviance of counts of mean peak x, if x is the estimate.

    About 1 where there are many; less in the dark, and near white if y was clipped.

    Args:
        x: (1, C, H, W) in [0, 1].
        peak: counts where x is 1.
        m: values that count, see `poisson_deviance`.
        is_clipped: counts above peak were recorded as peak.

    Example:
        >>> import torch
        >>> from dip_lightning.losses import expected_deviance
        >>> round(expected_deviance(torch.full((1, 1, 2, 2), 0.5), peak=100), 2)
        1.0
    """
    mean = peak * x.detach().double().cpu()
    most = peak if is_clipped else math.inf
    roots = torch.linspace(0, math.sqrt(FEW), STEPS, dtype=torch.float64)
    table = _deviance_of_few(roots.square(), most)
    few = torch.from_numpy(np.interp(mean.sqrt().numpy(), roots.numpy(), table.numpy()))
    found = torch.where(mean > FEW, _deviance_of_many(mean.clamp(min=FEW), most), few)
    return float((found if m is None else m.cpu() * found).mean())


def _deviance_of_few(mean: Tensor, most: float) -> Tensor:
    counts, mean = torch.arange(3 * FEW, dtype=torch.float64), mean.clamp(min=1e-12)[:, None]
    chance = (torch.xlogy(counts, mean) - mean - torch.lgamma(counts + 1)).exp()
    seen = counts.clamp(max=most)
    deviance: Tensor = 2 * (mean - seen + torch.xlogy(seen, seen / mean))
    return (chance * deviance).sum(1)


def _deviance_of_many(mean: Tensor, most: float) -> Tensor:
    usual = 1 + 1 / (6 * mean)
    if math.isinf(most):
        return usual
    end = (most - mean) / mean.sqrt()
    density = (-end.square() / 2).exp() / math.sqrt(2 * math.pi)
    clipped: Tensor = ndtr(end) - end * density + end.square() * ndtr(-end)
    return usual * clipped


def _squared(error: Tensor) -> Tensor:
    if error.is_complex():
        return torch.view_as_real(error).square().sum(-1)
    return error.square()
