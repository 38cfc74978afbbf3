"""Ending a fit before its time, with what there is."""

import signal
from types import TracebackType
from typing import Any, Self

from pytorch_lightning import Callback, LightningModule, Trainer

from dip_lightning import signals
from dip_lightning.signals import Signals


class Stopping(Callback):
    """Stop after the current iteration on a signal.

    Used as a context: signals are caught inside it. Ctrl-C after that quits at once; whatever is
    on the disk by then is whole.
    """

    def __init__(self) -> None:
        self._is_caught = signals.lasting is not None
        self._signals = signals.lasting or Signals()

    @property
    def received(self) -> int | None:
        """The signal that asked for the stop, None if none did."""
        return self._signals.received

    def __enter__(self) -> Self:
        """Catch signals."""
        if not self._is_caught:
            self._signals.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Give the signals back; what the Trainer ends with status 0 gets the signal's status.

        Raises:
            SystemExit: a signal came before the first iteration.
        """
        if self._is_caught:
            self._signals.catch_again()
        else:
            self._signals.__exit__(kind, error, traceback)
        if isinstance(error, SystemExit):
            raise SystemExit(128 + (self.received or signal.SIGTERM)) from None

    def note(self, number: int) -> None:
        """Stop as if this signal had come, unless one has."""
        if self.received is None:
            self._signals.receive(number)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Catch SIGTERM again: the Trainer's own handler would end the process with status 0."""
        self._signals.catch_again()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Stop the Trainer after a signal."""
        if self.received is not None:
            trainer.should_stop = True
