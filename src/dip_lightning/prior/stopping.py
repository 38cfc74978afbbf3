"""When a fit is over: after its iterations, or when only noise is left."""

import math
from collections.abc import Callable
from typing import Any

import torch.nn.functional as F
from torch import Tensor

EVERY = 10  # iterations between two looks at the result
SHARE = 0.96  # of the noise power: docs/benchmarks.md
NEAR = 1.35  # the same, where the noise is not white and the bend has to agree
WINDOW = 1.5  # iterations now / those at which what was learnt since begins
SPACING = 1.05  # iterations of a residual that is kept / those of the one before
BASE = 1.25  # iterations now / those with which the direction is compared
FLAT = 0.5  # falls no faster than iterations^-FLAT


class Discrepancy:
    """Stop when only noise is left.

    Morozov's principle: the result is as far from y as the noise is strong. Every tenth iteration
    t, the fit is over if

        loss(x_average) <= share * mean(seen n^2)

    It is the loss of the averaged output, which is the result. A network fits correlated noise
    sooner than white noise, so there the level alone does not say when. Then the loss may be 1.4
    times as much, but the `Bend` has to be reached, too.

    Args:
        share: of the noise power; 0: never. Of more than 1, the level is enough.
        is_white: the noise is white.

    Attributes:
        reached_at: t; None: not yet.

    Source: Morozov, "On the solution of functional equations by the method of regularization",
        1966.
    """

    def __init__(self, share: float, *, is_white: bool = True) -> None:
        self.share = share
        self.bend = None if is_white else Bend()
        self.reached_at: int | None = None

    def look(
        self,
        iteration: int,
        distance: Callable[[], float],
        power: Callable[[], float | None],
        residual: Callable[[], Tensor],
    ) -> None:
        """Compare, every tenth iteration.

        Args:
            iteration: the last one that was computed.
            distance: returns the loss of the result.
            power: returns that of the noise, in the values that the loss sees; None: unknown.
            residual: returns y - A(result), where the loss sees it.
        """
        if self.reached_at is not None or iteration % EVERY or not self.share:
            return
        level = power()
        if level is None:
            return
        near = self.share
        is_bent = True
        if self.bend is not None:
            self.bend.add(iteration, residual())
            if self.share <= 1:
                near, is_bent = NEAR * self.share / SHARE, self.bend.is_reached
        if is_bent and distance() <= near * level:
            self.reached_at = iteration

    def state_dict(self) -> dict[str, Any]:
        """Return what a fit that goes on needs."""
        return {} if self.bend is None else self.bend.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take it back."""
        if self.bend is not None:
            self.bend.load_state_dict(state)


class Bend:
    """Where a fit turns from the image to the noise, which needs no level.

    With the residual r(t) = y - A(x_average), what was learnt since iteration s = t / 1.5 is
    r(s) - r(t). As long as it is the image, whatever is missing is learnt at once and what was
    learnt points at what is left,

        cos(t) = <r(s) - r(t), r(t)> / (|r(s) - r(t)| |r(t)|)

    falls fast as less of the image is left. Of noise some is always left to learn: the cosine
    stays, or rises. The bend is where it falls more slowly than the root of t.
    """

    def __init__(self) -> None:
        self.residuals: list[tuple[int, Tensor]] = []
        self.cosines: list[tuple[int, float]] = []

    def add(self, iteration: int, residual: Tensor) -> None:
        """Note the residual of an iteration, (1, C, H, W); each is later than the one before."""
        older = [entry for entry in self.residuals if WINDOW * entry[0] <= iteration]
        if older:
            learnt = older[-1][1].to(residual.device) - residual
            cosine = F.cosine_similarity(learnt.flatten(), residual.flatten(), dim=0)
            self.cosines.append((iteration, float(cosine)))
            del self.residuals[: len(older) - 1]
        if not self.residuals or iteration >= SPACING * self.residuals[-1][0]:
            self.residuals.append((iteration, residual.clone()))

    @property
    def is_reached(self) -> bool:
        """Whether the cosine has stopped to fall fast."""
        if not self.cosines:
            return False
        at, now = self.cosines[-1]
        before = [entry for entry in self.cosines if BASE * entry[0] <= at]
        if not before:
            return False
        since, earlier = before[-1]
        if now <= 0 or earlier <= 0:  # the result moves away from y: nothing is left to learn
            return True
        return math.log(now / earlier) > -FLAT * math.log(at / since)

    def state_dict(self) -> dict[str, Any]:
        """Return what was noted."""
        return {"residuals": list(self.residuals), "cosines": list(self.cosines)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take it back."""
        self.residuals, self.cosines = list(state["residuals"]), list(state["cosines"])
