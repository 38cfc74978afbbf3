"""How far the fit has come, on the terminal."""

import sys
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer
from tqdm import auto, tqdm

from dip_lightning.metrics import decibels
from dip_lightning.prior.deep_image_prior import DeepImagePrior

LINES = 10  # of a whole fit, where there is no terminal to draw a bar on


class Progress(Callback):
    """Show iteration, speed, time left, loss and PSNR: a bar, or ten lines in a log file.

    Args:
        total: iterations of the whole fit, or of the fits of all tiles together.
        before: how many of them the fits before this one have done.
        name: what this fit is called, such as "tile 3/12"; empty if there is no other.
        found: the checkpoint that the fit goes on from; None: it begins.
    """

    def __init__(
        self, total: int, before: int = 0, name: str = "", found: Path | None = None
    ) -> None:
        self.total, self.before, self.name, self.found = total, before, name, found
        self._bar: tqdm[Any] | None = None
        self._line = self._first = 0
        self._started = 0.0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw the bar, empty or as full as the checkpoint is."""
        assert isinstance(pl_module, DeepImagePrior)  # noqa: S101 - narrows the type
        self._started, self._first = time.perf_counter(), self.before + pl_module.iteration
        self._line = self._first * LINES // self.total
        if self.found is not None:
            with suppress(OSError):  # nobody reads, or another has just taken the file away
                print(self._goes_on(self.found), file=sys.stderr, flush=True)
        if sys.stderr.isatty():
            form = (
                "{percentage:3.0f}% |{bar}| {n_fmt}/{total_fmt} {rate_fmt} ETA {remaining}{postfix}"
            )
            form = f"{self.name} {form}".lstrip()
            settings = {"unit": "it", "bar_format": form, "dynamic_ncols": True}
            self._bar = tqdm(total=self.total, initial=self._first, **settings)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Redraw the bar, or print the next line."""
        assert isinstance(pl_module, DeepImagePrior)  # noqa: S101 - narrows the type
        done = self.before + pl_module.iteration
        if self._bar is not None:
            self._bar.set_postfix_str(self._measures(pl_module), refresh=False)
            self._bar.update(done - self._bar.n)
        elif done * LINES >= (self._line + 1) * self.total:
            self._line = done * LINES // self.total
            self._print(done, pl_module)

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

    def _goes_on(self, found: Path) -> str:
        written = datetime.fromtimestamp(found.stat().st_mtime).astimezone()
        today = datetime.now(UTC).astimezone().date() == written.date()
        moment = written.strftime("%H:%M" if today else "%Y-%m-%d %H:%M")
        name = f"{self.name}, " if self.name else ""
        where = f"iteration {self._first} of {self.total}"
        return f"{name}going on at {where} (checkpoint of {moment})"

    def _print(self, done: int, task: DeepImagePrior) -> None:
        seconds = time.perf_counter() - self._started
        speed = (done - self._first) / seconds
        left = tqdm.format_interval((self.total - done) / speed)
        name = f"{self.name}, " if self.name else ""
        text = f"{name}iteration {done}/{self.total}, {speed:.2f} it/s, ETA {left}"
        with suppress(OSError):  # nobody reads any more; the fit goes on
            print(f"{text}, {self._measures(task)}", file=sys.stderr, flush=True)

    @staticmethod
    def _measures(task: DeepImagePrior) -> str:
        last = task.iterates[-1]
        psnr, average = decibels(last.error), decibels(last.error_average)
        shown = f"loss {last.loss:.2e}"
        return shown if psnr is None else f"{shown}, PSNR {psnr:.2f} (averaged {average:.2f}) dB"


class Bar(Callback):
    """Draw a bar, in a terminal or a notebook, for a fit that is a part of a program."""

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw it empty."""
        assert isinstance(pl_module, DeepImagePrior)  # noqa: S101 - narrows the type
        self.bar = auto.tqdm(total=pl_module.settings.iterations, unit="it")

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Move it."""
        assert isinstance(pl_module, DeepImagePrior)  # noqa: S101 - narrows the type
        self.bar.set_postfix(loss=f"{pl_module.iterates[-1].loss:.2e}", refresh=False)
        self.bar.update(pl_module.iteration - self.bar.n)

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Leave it as it is."""
        if hasattr(self, "bar"):
            self.bar.close()
