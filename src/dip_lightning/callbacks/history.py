"""The curve of a fit, written while it runs."""

import math
import time
from pathlib import Path
from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.loggers import Logger

from dip_lightning.callbacks.table import Table
from dip_lightning.metrics import decibels
from dip_lightning.prior.deep_image_prior import DeepImagePrior, Iterate

COLUMNS = ("iteration", "loss", "psnr", "psnr_average", "seconds")
SILENT_SECONDS = 2.0  # a reader of the file sees that the fit goes on, however rare its rows are


class History(Callback):
    """Remember the curve of a fit and the oracle's best, and write the curve if there is a file.

    Args:
        every: iterations between rows; the first and the last have one in any case.
        total: iterations of the whole fit.
        path: history.csv, written row by row; None: only remembered. Where rows are rare, it has
            more of them until the fit ends.

    Attributes:
        rows: what was measured, by column; None where it is not defined.
        psnr_best: the oracle's, dB.
        iteration_best: where that was.
        seconds: how long the fit has taken.
    """

    def __init__(self, every: int, total: int, path: Path | None = None) -> None:
        self.every, self.total = every, total
        self.table = None if path is None else Table(path, COLUMNS)
        self.rows: list[dict[str, float | None]] = []
        self.psnr_best: float | None = None
        self.iteration_best: int | None = None
        self.seconds = 0.0
        self._started = self._written = 0.0
        self._has_more = False

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock and the file, both where the checkpoint ends if there is one."""
        self._started = time.perf_counter() - self.seconds
        self.write_rows(trainer.logger)  # the logger's run is a new one

    def write_rows(self, logger: Logger | None) -> None:
        """Write and send the rows that there are.

        Raises:
            OSError: the file cannot be written.
        """
        if self.table is not None:
            self.table.fill(map(_cells, self.rows))
            self.table.begin()
            self._written = time.perf_counter()
        for row in self.rows:
            _send(logger, row)

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint keeps: the curve, the oracle's best, the clock."""
        names = ("rows", "psnr_best", "iteration_best", "seconds")
        return {**{name: getattr(self, name) for name in names[1:]}, "rows": list(self.rows)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a checkpoint; rows that were written after it are computed again."""
        self.rows = list(state_dict["rows"])
        self.psnr_best, self.iteration_best = state_dict["psnr_best"], state_dict["iteration_best"]
        self.seconds = state_dict["seconds"]

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Take the rows of the chunk that has just been computed."""
        assert isinstance(pl_module, DeepImagePrior)  # noqa: S101 - narrows the type
        now = time.perf_counter() - self._started
        rows = self._measured(pl_module, now)
        self.seconds = now
        self.rows += rows
        self._append(rows or self._latest(pl_module, now))
        for row in rows:
            _send(trainer.logger, row)

    def finish(self) -> None:
        """Leave the file with its own rows, those that could not be written before included.

        Raises:
            OSError: it cannot be written.
        """
        if self.table is None:
            return
        if self._has_more:
            self.write_rows(None)
            self._has_more = False
        self.table.finish()

    def _append(self, rows: list[dict[str, float | None]]) -> None:
        if self.table is not None and rows:
            self.table.append(map(_cells, rows))
            self._written = time.perf_counter()

    def _latest(self, prior: DeepImagePrior, now: float) -> list[dict[str, float | None]]:
        """Describe the latest iterate, for the file alone, if it has had no row for a while."""
        if self.table is None or time.perf_counter() - self._written < SILENT_SECONDS:
            return []
        self._has_more = True
        return [_row(prior.iteration, prior.iterates[-1], now)]

    def _measured(self, prior: DeepImagePrior, now: float) -> list[dict[str, float | None]]:
        rows = []
        first = prior.iteration - len(prior.iterates) + 1
        for position, iterate in enumerate(prior.iterates):
            iteration = first + position
            psnr = decibels(iterate.error)
            finite = math.isfinite(iterate.loss)
            if finite and psnr is not None and (self.psnr_best is None or psnr > self.psnr_best):
                self.psnr_best, self.iteration_best = psnr, iteration
            ends = {1, self.total, prior.discrepancy.reached_at}
            if iteration % self.every and iteration not in ends and finite:
                continue
            share = (position + 1) / len(prior.iterates)
            seconds = self.seconds + share * (now - self.seconds)
            rows.append(_row(iteration, iterate, seconds))
        return rows


def _row(iteration: int, iterate: Iterate, seconds: float) -> dict[str, float | None]:
    errors = (decibels(iterate.error), decibels(iterate.error_average))
    return dict(zip(COLUMNS, (iteration, iterate.loss, *errors, seconds), strict=True))


def _send(logger: Logger | None, row: dict[str, float | None]) -> None:
    if logger is not None:
        values = {name: value for name, value in row.items() if value is not None}
        logger.log_metrics(values, step=int(values["iteration"]))


def _cells(row: dict[str, float | None]) -> list[str]:
    return ["" if value is None else f"{value:.8g}" for value in row.values()]
