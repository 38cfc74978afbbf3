"""How a fit goes: what is measured in an iteration, and when it has gone far enough."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

EVERY = 10  # iterations between two looks at the loss, and in the mean that is looked at


@dataclass(frozen=True)
class Iterate:
    """Measurements of one iteration; errors are against x, None without it.

    Attributes:
        loss: fidelity to the observation, before the step.
        error: mean squared error of the iterate.
        error_average: mean squared error of the averaged output.
    """

    loss: float
    error: float | None
    error_average: float | None


def iterates_of(measured: Tensor, *, compared: bool) -> list[Iterate]:
    """Read what iterations have measured, once for all of them: the device is waited for.

    Args:
        measured: loss, error and error of the average, (N, 3).
        compared: whether the errors are against x; else there is none.
    """
    rows = measured.tolist()
    return [Iterate(row[0], *(row[1:] if compared else (None, None))) for row in rows]


class Discrepancy:
    """Morozov's principle: a fit that is as near to y as x is, has y's noise left to fit.

    The fit is over at the first iteration t, a multiple of ten, at which

        (loss(t - 9) + ... + loss(t)) / 10 <= level(t)

    whatever the chunks in which the losses come.

    Attributes:
        reached_at: t; None: not yet.

    Source: Morozov, "On the solution of functional equations by the method of regularization",
        1966.
    """

    def __init__(self) -> None:
        self.reached_at: int | None = None
        self._sum = 0.0

    def look(
        self, losses: Sequence[float], iteration: int, level: Callable[[], float | None]
    ) -> None:
        """Take the losses of a chunk.

        Args:
            losses: mean((x_hat - y)^2) of each iteration.
            iteration: the last one of the chunk; there is no look at those before it.
            level: returns how far x is from y; None: nobody knows, and the fit is not over.
        """
        for loss in losses:
            self._sum += loss
        if iteration % EVERY:
            return
        mean, self._sum = self._sum / EVERY, 0.0
        if self.reached_at is None and (limit := level()) is not None and mean <= limit:
            self.reached_at = iteration

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint keeps."""
        return {"reached_at": self.reached_at, "sum": self._sum}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a checkpoint."""
        self.reached_at, self._sum = state["reached_at"], state["sum"]
