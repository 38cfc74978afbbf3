"""The image of least total variation, for any linear operator."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import pad

from dip_lightning.limits import GREY_LEVELS

ITERATIONS, LOOK = 1000, 10
STEP, FIRST_WEIGHT, CAUTION = 0.5, 1e-3, 0.3
LEAST_POWER, LEAST_WEIGHT = 1e-12, 1e-6  # where no image, or any, explains y
SHARE = 0.95  # of the noise power: the minimum explains some of the noise (docs/deblurring.md)
BETWEEN_ITERATIONS, BETWEEN_STEP = 200, 0.02
STEEPEST = 8  # the gradient's squared norm, at most


def least_variation(
    y: Tensor,
    A: Callable[[Tensor], Tensor],  # noqa: N803 - as everybody writes
    start: Tensor,
    sigma: float,
    known: Tensor | None = None,
) -> Tensor:
    """Find the image of the least total variation that explains y up to its noise.

        min_x |A x - y|^2 / 2 + w TV(x), x in [0, 1], w such that |A x - y|^2 = 0.95 noise

    The steps of all channels of a pixel count together. w is adapted to the residual during the
    minimisation.

    Args:
        y: observation, of any shape.
        A: linear, of norm 1 at most, from (1, C, H, W) to y's shape; differentiable.
        start: where to begin, (1, C, H, W), in [0, 1].
        sigma: standard deviation of the noise in 8-bit grey levels.
        known: which values of y count, 0 or 1, of its shape or broadcasting to it; None: all.

    Returns:
        (1, C, H, W), in [0, 1].

    Source: Rudin & Osher, "Total variation based image restoration with free local constraints",
        1994; minimised after Condat, "A primal-dual splitting method for convex optimization
        involving Lipschitzian, proximable and linear composite terms", 2013.

    Example:
        >>> import torch
        >>> from dip_lightning.baselines import least_variation
        >>> from dip_lightning.operators import Blur
        >>> blur = Blur(torch.ones(3, 5) / 15)
        >>> least_variation(torch.rand(1, 3, 20, 24), blur, torch.rand(1, 3, 22, 28), sigma=9).shape
        torch.Size([1, 3, 22, 28])
    """
    known = torch.ones_like(y) if known is None else known.expand_as(y)
    noise, weight = SHARE * (sigma / GREY_LEVELS) ** 2 * float(known.mean()), FIRST_WEIGHT
    adjoint = torch.func.vjp(A, start)[1]  # the same at any x
    x, steps = start, torch.zeros(2, *start.shape[1:]).to(start)  # dual: of rows and columns
    dual_step = (1 / STEP - 0.5) / STEEPEST
    for count in range(1, ITERATIONS + 1):
        residual = known * (A(x) - y)
        nearer = (x - STEP * (adjoint(residual)[0] - _divergence(steps))).clamp(0, 1)
        steps = steps + dual_step * _gradient(2 * nearer - x)
        steps = steps / (steps.square().sum((0, 1)).sqrt() / weight).clamp(min=1)
        x = nearer
        if not count % LOOK:
            power = float(residual.square().mean())
            weight = max(weight * (noise / max(power, LEAST_POWER)) ** CAUTION, LEAST_WEIGHT)
    return x.detach()


def least_variation_between(
    low: Tensor,
    high: Tensor,
    A: Callable[[Tensor], Tensor],  # noqa: N803 - as everybody writes
    start: Tensor,
    known: Tensor,
    share: Tensor | None = None,
) -> Tensor:
    """Find the image of the least total variation between bounds.

        min_x TV(x), low <= A x <= high, x in [0, 1]

    The steps of all channels of a pixel count together.

    Args:
        low: of any shape.
        high: of the same shape.
        A: linear, from (1, C, H, W) to that shape; differentiable.
        start: where to begin, (1, C, H, W), in [0, 1].
        known: which bounds count, 0 or 1, of their shape.
        share: t, at most 1, what each pixel takes of a step, such that A sqrt(t) is of norm 1 at
            most; of a shape that broadcasts to (1, C, H, W). None: A is of norm 1 at most.

    Returns:
        (1, C, H, W), in [0, 1].

    Source: Bredies & Holler, "Artifact-free JPEG decompression with total generalized variation",
        2012; minimised after Pock & Chambolle, "Diagonal preconditioning for first order
        primal-dual algorithms in convex optimization", 2011.

    Example:
        >>> import torch
        >>> from dip_lightning.baselines import least_variation_between
        >>> y, everywhere = torch.rand(1, 3, 20, 24), torch.ones(1, 3, 20, 24)
        >>> bounds = y - 0.1, y + 0.1
        >>> least_variation_between(*bounds, lambda x: x, start=y, known=everywhere).shape
        torch.Size([1, 3, 20, 24])
    """
    adjoint = torch.func.vjp(A, start)[1]  # the same at any x
    x, steps, held = start, torch.zeros(2, *start.shape[1:]).to(start), torch.zeros_like(low)
    dual_step = 1 / (BETWEEN_STEP * (STEEPEST + 1))
    step = BETWEEN_STEP if share is None else BETWEEN_STEP * share
    for _ in range(BETWEEN_ITERATIONS):
        nearer = (x - step * (adjoint(held)[0] - _divergence(steps))).clamp(0, 1)
        ahead = 2 * nearer - x
        steps = steps + dual_step * _gradient(ahead)
        steps = steps / steps.square().sum((0, 1)).sqrt().clamp(min=1)
        held = held + dual_step * A(ahead)
        held = known * (held - dual_step * (held / dual_step).clamp(low, high))
        x = nearer
    return x.detach()


def _gradient(x: Tensor) -> Tensor:
    """Steps from each pixel to the next, of rows and columns: (2, C, H, W)."""
    return torch.stack([pad(x.diff(dim=2), (0, 0, 0, 1))[0], pad(x.diff(dim=3), (0, 1))[0]])


def _divergence(steps: Tensor) -> Tensor:
    """The negative adjoint of `_gradient`: (1, C, H, W)."""
    rows, columns = steps
    down = pad(rows[:, :-1], (0, 0, 1, 1)).diff(dim=1)
    right = pad(columns[..., :-1], (1, 1)).diff(dim=2)
    return (down + right)[None]
