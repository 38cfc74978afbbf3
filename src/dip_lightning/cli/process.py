"""What the command changes of its process, set back in the end where it may be a notebook's."""

import io
import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dip_lightning.signals import Signals

LOGGERS = ("pytorch_lightning", "lightning", "lightning.pytorch", "lightning.fabric")


@contextmanager
def as_it_was() -> Iterator[None]:
    """Set back environment, import path, warnings, loggers and PyTorch's switches in the end."""
    environment, path = dict(os.environ), [*sys.path]
    levels = {name: logging.getLogger(name).level for name in LOGGERS}
    switches = _switches()
    with warnings.catch_warnings():
        try:
            yield
        finally:
            _restore_environment(environment)
            sys.path[:] = path
            for name, level in levels.items():
                logging.getLogger(name).setLevel(level)
            _set_switches(switches)


def _restore_environment(before: dict[str, str]) -> None:
    for name in os.environ.keys() - before.keys():
        del os.environ[name]
    os.environ.update(before)


def _switches() -> tuple[int, bool] | None:
    torch: Any = sys.modules.get("torch")  # not loaded for this, which takes seconds
    if torch is None:
        return None
    return torch.get_num_threads(), torch.backends.cudnn.allow_tf32


def _set_switches(before: tuple[int, bool] | None) -> None:
    torch: Any = sys.modules.get("torch")
    if torch is None:
        return
    if before is None:  # loaded since then: as PyTorch itself begins
        from dip_lightning.compute import ALL_THREADS  # noqa: PLC0415 - imports PyTorch

        before = ALL_THREADS, True
    threads, torch.backends.cudnn.allow_tf32 = before
    torch.set_num_threads(threads)


def escape_unprintable() -> None:
    """Print what the terminal's encoding does not have as escapes, where it would end the job."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a notebook's is another
            stream.reconfigure(errors="backslashreplace")


class Outliving(io.TextIOWrapper):
    """A stream whose reader may leave, as `head -1` does: what comes after that is dropped."""

    def write(self, text: str, /) -> int:
        """Write; where nobody reads any more, drop it."""
        try:
            return super().write(text)
        except BrokenPipeError:
            self._drop()
        return len(text)

    def flush(self) -> None:
        """Flush; where nobody reads any more, drop it."""
        try:
            super().flush()
        except BrokenPipeError:
            self._drop()

    def _drop(self) -> None:
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, self.fileno())
        os.close(nothing)


def outlive_readers() -> None:
    """Let a process of ours go on where its output is closed, or its reader leaves."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed before the process began
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115
        elif isinstance(stream, io.TextIOWrapper):
            lines = name == "stderr" or stream.line_buffering
            outliving = Outliving(
                stream.buffer, stream.encoding, stream.errors, line_buffering=lines
            )
            setattr(sys, name, outliving)


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Let a signal end what runs here by an exception, so that it ends in order.

    Raises:
        SystemExit: with 128 plus the number of the signal.
    """
    with Signals(first=_end):
        yield


def _end(number: int) -> None:
    raise SystemExit(128 + number)
