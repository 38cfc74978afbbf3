"""What is one for the whole process, changed while any of its threads restores an image."""

import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from threading import Lock

import torch

LOGGERS = ("pytorch_lightning", "lightning", "lightning.pytorch", "lightning.fabric")


class WhileAny:
    """Change the process while any thread is inside; the last one to leave sets it back.

    Args:
        change: makes the change, and returns what sets it back.

    Example:
        >>> from dip_lightning.process_wide import WhileAny
        >>> told = []
        >>> def change():
        ...     told.append("changed")
        ...     return lambda: told.append("set back")
        >>> inside = WhileAny(change)
        >>> with inside(), inside():
        ...     pass
        >>> told
        ['changed', 'set back']
    """

    def __init__(self, change: Callable[[], Callable[[], None]]) -> None:
        self._change, self._lock, self._count = change, Lock(), 0

    @contextmanager
    def __call__(self) -> Iterator[None]:
        """Be inside."""
        with self._lock:
            if not self._count:
                self._set_back = self._change()
            self._count += 1
        try:
            yield
        finally:
            with self._lock:
                self._count -= 1
                if not self._count:
                    self._set_back()


def _to_float32() -> Callable[[], None]:
    theirs, rounds = torch.get_default_dtype(), torch.backends.cudnn.allow_tf32
    torch.set_default_dtype(torch.float32)
    torch.backends.cudnn.allow_tf32 = False  # else cuDNN rounds float32 to 10 bits

    def set_back() -> None:
        torch.set_default_dtype(theirs)
        torch.backends.cudnn.allow_tf32 = rounds

    return set_back


def _hide_lightning() -> Callable[[], None]:
    loggers = [logging.getLogger(name) for name in LOGGERS]
    levels = [logger.level for logger in loggers]
    caught = warnings.catch_warnings()
    caught.__enter__()
    warnings.filterwarnings("ignore", module=r"(pytorch_)?lightning\b")
    for logger in loggers:
        logger.setLevel(logging.WARNING)

    def set_back() -> None:
        caught.__exit__(None, None, None)
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)

    return set_back


in_float32 = WhileAny(_to_float32)
without_lightnings_messages = WhileAny(_hide_lightning)


@contextmanager
def as_pytorch_begins() -> Iterator[None]:
    """Compute in float32, on the CPU, with gradients, whatever is the user's default.

    Number formats are those of the whole process; the rest is this thread's.

    Example:
        >>> import torch
        >>> from dip_lightning.process_wide import as_pytorch_begins
        >>> with torch.inference_mode(), torch.device("meta"), as_pytorch_begins():
        ...     torch.ones(2, requires_grad=True).square()
        tensor([1., 1.], grad_fn=<PowBackward0>)
    """
    is_cpu = torch.get_default_device().type == "cpu"
    # PyTorch looks at each operation where a device is set, so none is where none need be.
    on_cpu = nullcontext() if is_cpu else torch.device("cpu")
    with in_float32(), torch.inference_mode(mode=False), on_cpu:
        yield
