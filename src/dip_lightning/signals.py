"""Signals that ask for an end: noted, so that what runs can end in order."""

import os
import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, Self

# A closed terminal sends SIGHUP, which Windows does not have.
SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)
owns_process = False  # the command does; in a notebook, the process is the user's


def quit_at_once(number: int) -> None:
    """End the process, or, where it is the user's, what runs in it.

    Raises:
        KeyboardInterrupt: in a process that is not the command's own.
    """
    if owns_process:
        os._exit(128 + number)
    raise KeyboardInterrupt


class Signals:
    """Note the first signal; a context in which signals are caught.

    Args:
        first: called with the number of the first signal.
        again: called with SIGINT's number where that comes after a first signal. SIGTERM may come
            twice without a meaning: a cluster sends it to every process.

    Attributes:
        received: the first signal that came, None if none did.
    """

    def __init__(
        self,
        first: Callable[[int], None] = lambda _: None,
        again: Callable[[int], None] = quit_at_once,
    ) -> None:
        self.received: int | None = None
        self._first, self._again = first, again
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> Self:
        """Catch signals, in the main thread, the only one that Python lets catch them.

        Those that are ignored stay so: nohup is there to be obeyed.
        """
        if threading.current_thread() is threading.main_thread():
            heeded = [n for n in SIGNALS if signal.getsignal(n) is not signal.SIG_IGN]
            self._previous = {number: signal.signal(number, self._handle) for number in heeded}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Give the signals back."""
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def catch_again(self) -> None:
        """Catch the same signals where somebody else has taken them since."""
        for number in self._previous:
            signal.signal(number, self._handle)

    def receive(self, number: int) -> None:
        """Note a signal that has come."""
        if self.received is None:
            self.received = number
            self._first(number)
        elif number == signal.SIGINT:
            self._again(number)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        self.receive(number)


lasting: Signals | None = None  # of a process that catches signals for longer than one fit
