"""The weighted mean of a fit and a classical method, weighed where neither of them has looked."""

import math

import torch
from kornia.filters import gaussian_blur2d
from torch import Tensor, nn

from dip_lightning.prior.problem import Problem

RELEASED_AT = 0.8  # share of the fit after which the values that were held out count again
WINDOW = 16.0  # standard deviation of the window in which a weight is found, pixels
SHRINKAGE = 500  # pixels held out that the weight of the whole image counts for in a window


class Combination(nn.Module):
    """The result: the averaged output beside a classical method, polished, agreeing with y.

    Until the release, about a share of y's known values is kept from the loss. At the release, both
    methods are compared there; then the values count again. A problem that cannot be weighed may
    have a fixed weight.

    Args:
        problem: what is asked.
        seen: which values of y the loss may see; None: all that are known.
        share: of these, kept back until the release; 0: the fit is not weighed.
        iterations: of the fit.
        every: the release is at a multiple of it.
        draw: source of randomness, on the CPU.

    Attributes:
        released_at: iteration of the release; None: nothing is or can be kept back.
        first: which values of y the loss may see until then; None: all that are known.
        seen: which values of y the loss may see now; None: all that are known.
        w: weight of the fit, (1, 1, H, W).
        x: the result, (1, C, H, W).
        is_weighed: whether w has been found, a scalar.
        is_done: whether x has been computed, and is another image than the averaged output.
    """

    w: Tensor
    x: Tensor
    first: Tensor | None
    seen: Tensor | None
    after: Tensor | None
    is_weighed: Tensor
    is_done: Tensor

    def __init__(
        self,
        problem: Problem,
        seen: Tensor | None,
        share: float,
        iterations: int,
        every: int,
        draw: torch.Generator,
    ) -> None:
        super().__init__()
        after = problem.known_values() if seen is None else seen
        before = problem.keep_back(after, share, draw) if share else None
        at = every * round(RELEASED_AT * iterations / every)
        self.released_at = at if before is not None and 0 < at < iterations else None
        kept_back = self.released_at is not None
        first = before if kept_back else seen
        self.register_buffer("first", first, persistent=False)
        self.register_buffer("seen", None if first is None else first.clone(), persistent=False)
        self.register_buffer("after", after if kept_back else None, persistent=False)
        self.register_buffer("w", problem.y.real.new_zeros(1, 1, *problem.shape[1:]))
        self.register_buffer("x", problem.y.real.new_zeros(1, *problem.shape))
        for name in ("is_weighed", "is_done"):
            self.register_buffer(name, torch.tensor(False))  # noqa: FBT003

    def begin(self, iteration: int) -> None:
        """Go on after so many iterations, fewer than before, too."""
        if self.released_at is not None:
            self._show(self.first if iteration < self.released_at else self.after)

    @torch.no_grad()
    def look(self, iteration: int, x_average: Tensor, problem: Problem) -> None:
        """At the release, find the weights."""
        if iteration != self.released_at or self.seen is None or self.after is None:
            return
        classical = problem.classical(self.seen)
        if classical is not None:
            images = (x_average, classical, problem.y, self.after - self.seen)
            self.w.copy_(weigh(*(image.cpu() for image in images)))  # in float64
            self.is_weighed.fill_(True)  # noqa: FBT003
        self._show(self.after)

    def _show(self, values: Tensor | None) -> None:
        if self.seen is not None and values is not None:
            self.seen.copy_(values)  # in place, for a CUDA graph

    @torch.no_grad()
    def finish(self, x_average: Tensor, problem: Problem) -> None:
        """Compute the result."""
        x = x_average
        if self.is_weighed or problem.fit_weight is not None:
            classical = problem.classical(self.seen)
            if classical is not None:
                classical = classical.to(x)
                self._use_fixed_weight(problem, x_average, classical)
                x = combine(x, classical, self.w)
        if problem.is_polished:
            x = problem.polished(x, self.seen)
        self.x.copy_(problem.agree(x, self.seen))
        self.is_done.fill_(not torch.equal(self.x, x_average))

    def _use_fixed_weight(self, problem: Problem, x_average: Tensor, classical: Tensor) -> None:
        weight = problem.weight_for(x_average, classical)
        if not self.is_weighed and weight is not None:
            self.w.fill_(weight)
            self.is_weighed.fill_(True)  # noqa: FBT003

    @property
    def fit_weight(self) -> float | None:
        """Mean of w; None: the result is the fit alone."""
        return float(self.w.mean()) if self.is_weighed and self.is_done else None

    @property
    def counts(self) -> Tensor | None:
        """Which values of y count in the end, whether the loss sees them yet; None: all."""
        return self.seen if self.after is None else self.after


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
    pixels = held_out.expand_as(apart).amax(1).sum()
    prior = SHRINKAGE / (4 * math.pi * WINDOW**2) * power.sum() / pixels
    w = (_blurred(gain) + prior * overall) / (_blurred(power) + prior)
    return w.clamp(0, 1).to(y.dtype)


def combine(fit: Tensor, classical: Tensor, w: Tensor) -> Tensor:
    """Return w d + (1 - w) b, (1, C, H, W); see `weigh`."""
    return torch.lerp(classical, fit, w)


def _blurred(image: Tensor) -> Tensor:
    radius = min(round(3 * WINDOW), min(image.shape[2:]) - 1)
    side = 2 * radius + 1
    return gaussian_blur2d(image, (side, side), (WINDOW, WINDOW))
