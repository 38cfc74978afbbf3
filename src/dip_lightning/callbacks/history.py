"""The curve of a fit, written while it runs."""

import csv
import math
import time
from pathlib import Path
from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer

from dip_lightning.callbacks.table import Table
from dip_lightning.tasks.base import RestorationTask

COLUMNS = ("iteration", "loss", "psnr", "psnr_average", "seconds")


def decibels(error: float | None) -> float | None:
    """PSNR of a mean squared error, images in [0, 1]: -10 log10(error); None stays None."""
    if error is None or math.isnan(error):
        return None
    return math.inf if error == 0 else -10 * math.log10(error)


class History(Callback):
    """Write history.csv row by row, pass the rows to the logger, and remember the oracle's best.

    Args:
        path: the CSV file.
        every: iterations between rows; the first and the last have one in any case.
        total: iterations of the whole fit.
    """

    def __init__(self, path: Path, every: int, total: int) -> None:
        self.table, self.every, self.total = Table(path, COLUMNS), every, total
        self.psnr_best: float | None = None
        self.iteration_best: int | None = None
        self.seconds = 0.0
        self._started = 0.0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock and the file, both where the checkpoint ends if there is one."""
        self._started = time.perf_counter() - self.seconds
        self.table.begin()
        for row in csv.DictReader(self.table.text.splitlines()):  # the logger's run is a new one
            self._send(trainer, {name: float(value) for name, value in row.items() if value})

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint keeps: the file itself, the oracle's best, the clock."""
        names = ("psnr_best", "iteration_best", "seconds")
        return {"rows": self.table.text, **{name: getattr(self, name) for name in names}}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a checkpoint; rows that were written after it are computed again."""
        self.table.text = state_dict["rows"]
        self.psnr_best, self.iteration_best = state_dict["psnr_best"], state_dict["iteration_best"]
        self.seconds = state_dict["seconds"]

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Write the rows of the chunk that has just been computed."""
        assert isinstance(pl_module, RestorationTask)  # noqa: S101 - narrows the type
        now = time.perf_counter() - self._started
        rows = list(self._rows(pl_module, now))
        self.seconds = now
        self.table.append(
            ["" if value is None else f"{value:.8g}" for value in row.values()] for row in rows
        )
        for row in rows:
            self._send(trainer, {name: value for name, value in row.items() if value is not None})

    @staticmethod
    def _send(trainer: Trainer, row: dict[str, float]) -> None:
        if trainer.logger is not None:
            trainer.logger.log_metrics(row, step=int(row["iteration"]))

    def _rows(self, task: RestorationTask, now: float) -> list[dict[str, float | None]]:
        rows = []
        first = task.iteration - len(task.iterates) + 1
        for position, iterate in enumerate(task.iterates):
            iteration = first + position
            psnr = decibels(iterate.error)
            finite = math.isfinite(iterate.loss)
            if finite and psnr is not None and (self.psnr_best is None or psnr > self.psnr_best):
                self.psnr_best, self.iteration_best = psnr, iteration
            ends = {1, self.total, task.discrepancy.reached_at}
            if iteration % self.every and iteration not in ends and finite:
                continue
            share = (position + 1) / len(task.iterates)
            seconds = self.seconds + share * (now - self.seconds)
            average = decibels(iterate.error_average)
            values = (iteration, iterate.loss, psnr, average, seconds)
            rows.append(dict(zip(COLUMNS, values, strict=True)))
        return rows
