"""What the command changes of its process, set back when it is done: it may be a notebook's."""

import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
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
