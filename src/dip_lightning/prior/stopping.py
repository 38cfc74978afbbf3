"""When a fit is over: after its iterations, or when only noise is left."""

import math
from collections.abc import Callable
from typing import Any

EVERY = 10  # iterations between two looks at the result
SHARE = 0.96  # of the noise power: docs/benchmarks.md
NEAR = 1.1  # the same of noise that is not white, at the bend
BELOW = 0.6  # and without a bend
FIRST = 30  # iterations, before which the average means little
WINDOW = 1.5  # iterations now / those since which the loss has fallen
BENT = 0.6  # how fast it falls / the fastest so far


class Discrepancy:
    """Stop when only noise is left.

    Morozov's principle: the result is as far from y as the noise is strong. Every tenth iteration
    t, the fit is over if

        loss(x_average) <= share * mean(seen n^2)

    It is the loss of the averaged output, which is the result. A network fits correlated noise
    sooner than white noise, so there the level alone does not say when. Then it is over after the
    `Bend` at 1.15 times as much, and without a bend at 0.63 of it.

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
    ) -> None:
        """Compare, every tenth iteration.

        Args:
            iteration: the last one that was computed.
            distance: returns the loss of the result.
            power: returns that of the noise, in the values that the loss sees; None: unknown.
        """
        if self.reached_at is not None or iteration % EVERY or not self.share:
            return
        level = power()
        if level is None:
            return
        loss, enough = distance(), self.share * level
        if self.bend is not None:
            self.bend.add(iteration, loss)
            if self.share <= 1:
                enough *= (NEAR if self.bend.is_reached else BELOW) / SHARE
        if loss <= enough:
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

    The loss of the result falls with the iterations as a power of them. While the image is learnt
    the power is high, for noise it is low. With the loss at iterations t and s = t / 1.5,

        slope(t) = log(loss(s) / loss(t)) / log(t / s)

    the bend is where it is down to 0.6 of the steepest so far. Noise that is learnt late, as white
    noise is, bends the loss before the image is complete; there the level is the better guide.

    Attributes:
        losses: iteration and loss, in order.
        slopes: the slopes so far.
    """

    def __init__(self) -> None:
        self.losses: list[tuple[int, float]] = []
        self.slopes: list[float] = []

    def add(self, iteration: int, loss: float) -> None:
        """Note the loss of the result after an iteration, later than those before."""
        if iteration < FIRST or not 0 < loss < math.inf:
            return
        before = [entry for entry in self.losses if WINDOW * entry[0] <= iteration]
        if before:
            since, earlier = before[-1]
            self.slopes.append(math.log(earlier / loss) / math.log(iteration / since))
        self.losses.append((iteration, loss))

    @property
    def is_reached(self) -> bool:
        """Whether the loss falls slowly, compared with before."""
        return bool(self.slopes) and self.slopes[-1] < BENT * max(self.slopes)

    def state_dict(self) -> dict[str, Any]:
        """Return what was noted."""
        return {"losses": list(self.losses), "slopes": list(self.slopes)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take it back."""
        self.losses, self.slopes = list(state["losses"]), list(state["slopes"])
