"""Ending a fit before its time, with what there is."""

import os
import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self

from pytorch_lightning import Callback, LightningModule, Trainer

from dip_lightning.tasks.base import RestorationTask

# A closed terminal sends SIGHUP, which Windows does not have.
SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)


class Stopping(Callback):
    """Stop after the current iteration on a signal, or when the loss is not a number any more.

    Used as a context: signals are caught inside it. Ctrl-C after that quits at once; whatever is
    on the disk by then is whole. SIGTERM may come twice, a cluster sends it to every process.

    Attributes:
        received: the signal that asked for the stop, None if none did.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> Self:
        """Catch signals, in the main thread, the only one that Python lets catch them.

        Those that are ignored stay so: nohup is there to be obeyed.
        """
        if threading.current_thread() is threading.main_thread():
            heeded = [n for n in SIGNALS if signal.getsignal(n) is not signal.SIG_IGN]
            self._previous = {number: signal.signal(number, self._receive) for number in heeded}
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
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        if isinstance(error, SystemExit):
            raise SystemExit(128 + (self.received or signal.SIGTERM)) from None

    def _receive(self, number: int, _frame: FrameType | None) -> None:
        if self.received is not None and number == signal.SIGINT:
            os._exit(128 + number)
        self.received = self.received or number

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Catch SIGTERM again: the Trainer's own handler would end the process with status 0."""
        assert isinstance(pl_module, RestorationTask)  # noqa: S101 - narrows the type
        pl_module.is_stopped = lambda: self.received is not None
        for number in self._previous:
            signal.signal(number, self._receive)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Stop the Trainer where there is reason to."""
        assert isinstance(pl_module, RestorationTask)  # noqa: S101 - narrows the type
        if self.received is not None or pl_module.diverged_at or pl_module.is_over:
            trainer.should_stop = True
