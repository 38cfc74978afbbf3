"""How many iterations belong to one step of Lightning's."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

SECONDS = 0.5  # of work in a chunk


class Fit(Protocol):
    """What a fit tells of its course."""

    iteration: int
    seconds_per_iteration: float | None

    @property
    def is_over(self) -> bool:
        """Whether there is nothing left to do."""


@dataclass
class Chunks:
    """Deal out the iterations of a fit; the data that a Trainer asks for.

    Attributes:
        fit: its speed and its iteration, which a checkpoint may have set.
        total: iterations of the whole fit.
        size: most iterations of a chunk; None: half a second of work.
        every: a chunk ends at each multiple of it, so none is longer.
        epoch: iterations after which an epoch ends; None: the whole fit is one.
    """

    fit: Fit
    total: int
    size: int | None = 1
    every: int = 1
    epoch: int | None = None

    def __iter__(self) -> Iterator[int]:
        """Give the number of iterations of each chunk of an epoch."""
        done, end = self.fit.iteration, self._end()
        while done < end:
            left = min(self.every - done % self.every, end - done)
            chunk = min(self.size or self._affordable(), left)
            yield chunk
            done += chunk

    def __len__(self) -> int:
        """Return the number of chunks in an epoch.

        Raises:
            TypeError: chunks depend on the speed, so their number is unknown; or there is none, and
                a Trainer would leave out what comes before and after them.
        """
        if self.size != 1 or self.fit.is_over:
            raise TypeError("chunks depend on the speed of the fit")
        return self._end() - self.fit.iteration

    def _end(self) -> int:
        done = self.fit.iteration
        if self.fit.is_over:
            return done
        epoch = self.epoch or self.total
        return min(self.total, (done // epoch + 1) * epoch)

    def _affordable(self) -> int:
        seconds = self.fit.seconds_per_iteration
        if seconds is None:
            return 1
        return max(1, round(SECONDS / max(seconds, 1e-9)))
