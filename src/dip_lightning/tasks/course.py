"""How a fit goes: what is measured in an iteration, and when it has gone far enough."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

EVERY = 10  # iterations between two looks at the result


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
    """Morozov's principle: a result that is as near to y as x is, has y's noise left to fit.

    The fit is over at the first iteration t, a multiple of ten, at which

        loss(x_average) <= level

    whatever its chunks. It is the result's loss, as the average follows a fast fit late.

    Attributes:
        reached_at: t; None: not yet.

    Source: Morozov, "On the solution of functional equations by the method of regularization",
        1966.
    """

    def __init__(self) -> None:
        self.reached_at: int | None = None

    @torch.no_grad()
    def look(
        self, iteration: int, distance: Callable[[], Tensor], level: Callable[[], float | None]
    ) -> None:
        """Compare, every tenth iteration.

        Args:
            iteration: the last one of a chunk; there is no look at those before it.
            distance: returns how far the result is from y, a scalar.
            level: returns how far x is from y; None: nobody knows, and the fit is not over.
        """
        if self.reached_at is not None or iteration % EVERY:
            return
        if (limit := level()) is not None and float(distance()) <= limit:
            self.reached_at = iteration

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint keeps."""
        return {"reached_at": self.reached_at}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a checkpoint."""
        self.reached_at = state["reached_at"]
