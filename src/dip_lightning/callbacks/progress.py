"""How far the fit has come, on the terminal."""

import sys
import time
from contextlib import suppress
from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer
from tqdm import tqdm

from dip_lightning.callbacks.history import decibels
from dip_lightning.tasks.base import RestorationTask

LINES = 10  # of a whole fit, where there is no terminal to draw a bar on


class Progress(Callback):
    """Show iteration, speed, time left, loss and PSNR: a bar, or ten lines in a log file.

    Args:
        total: iterations of the whole fit.
    """

    def __init__(self, total: int) -> None:
        self.total = total
        self._bar: tqdm[Any] | None = None
        self._line = self._first = 0
        self._started = 0.0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw the bar, empty or as full as the checkpoint is."""
        assert isinstance(pl_module, RestorationTask)  # noqa: S101 - narrows the type
        self._started, self._first = time.perf_counter(), pl_module.iteration
        self._line = self._first * LINES // self.total
        if sys.stderr.isatty():
            form = (
                "{percentage:3.0f}% |{bar}| {n_fmt}/{total_fmt} {rate_fmt} ETA {remaining}{postfix}"
            )
            settings = {"unit": "it", "bar_format": form, "dynamic_ncols": True}
            self._bar = tqdm(total=self.total, initial=self._first, **settings)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Redraw the bar, or print the next line."""
        assert isinstance(pl_module, RestorationTask)  # noqa: S101 - narrows the type
        if self._bar is not None:
            self._bar.set_postfix_str(self._measures(pl_module), refresh=False)
            self._bar.update(pl_module.iteration - self._bar.n)
        elif pl_module.iteration * LINES >= (self._line + 1) * self.total:
            self._line = pl_module.iteration * LINES // self.total
            self._print(pl_module)

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Leave the bar as it is."""
        self.close()

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        """Leave the bar as it is."""
        self.close()

    def close(self) -> None:
        """Finish the line that the bar is on."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def _print(self, task: RestorationTask) -> None:
        seconds = time.perf_counter() - self._started
        speed = (task.iteration - self._first) / seconds
        left = tqdm.format_interval((self.total - task.iteration) / speed)
        done = f"iteration {task.iteration}/{self.total}, {speed:.2f} it/s, ETA {left}"
        with suppress(OSError):  # nobody reads any more; the fit goes on
            print(f"{done}, {self._measures(task)}", file=sys.stderr, flush=True)

    @staticmethod
    def _measures(task: RestorationTask) -> str:
        last = task.iterates[-1]
        psnr, average = decibels(last.error), decibels(last.error_average)
        shown = f"loss {last.loss:.2e}"
        return shown if psnr is None else f"{shown}, PSNR {psnr:.2f} (averaged {average:.2f}) dB"
