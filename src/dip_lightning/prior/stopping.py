"""When a fit is over: after its iterations, or when only noise is left."""

from collections.abc import Callable

EVERY = 10  # iterations between two looks at the result
SHARE = 0.96  # of the noise power: docs/benchmarks.md


class Discrepancy:
    """Morozov's principle: stop when the result is as far from y as the noise is strong.

    Every tenth iteration t, the fit is over if

        loss(x_average) <= share * mean(seen n^2)

    It is the loss of the averaged output, which is the result.

    Args:
        share: of the noise power; 0: never.

    Attributes:
        reached_at: t; None: not yet.

    Source: Morozov, "On the solution of functional equations by the method of regularization",
        1966.
    """

    def __init__(self, share: float) -> None:
        self.share = share
        self.reached_at: int | None = None

    def look(
        self, iteration: int, distance: Callable[[], float], power: Callable[[], float | None]
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
        if level is not None and distance() <= self.share * level:
            self.reached_at = iteration
