"""Limits that no input may break: time, memory, and where files are written.

FUZZ_TIMES=35 multiplies the number of cases, which then differ from run to run (`make fuzz`).
"""

import ctypes
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hypothesis import HealthCheck, Phase, settings

TIMES = int(os.environ.get("FUZZ_TIMES", "1"))
JOBS = max(1, TIMES // 3)  # of cases that fit, which take seconds
SECONDS, BYTES = 60, 4e9
_written: list[str] = []
_watching = False


def cases(number: int, times: int = TIMES) -> settings:
    """So many cases of a test, the same in every run unless there are to be more."""
    return settings(
        max_examples=number * times,
        derandomize=TIMES == 1,
        deadline=None,  # Hang is what says that a case takes too long
        database=None,
        print_blob=True,
        phases=[Phase.explicit, Phase.generate],  # shrinking a fit takes longer than reading it
        suppress_health_check=list(HealthCheck),
    )


class Hang(BaseException):
    """A case has not ended in time; nothing that catches exceptions may catch it."""


def _hang(*_: object) -> None:
    raise Hang(f"took more than {SECONDS} seconds")


def _note(event: str, arguments: tuple) -> None:
    if _watching and event == "open":
        path, _, flags = arguments
        if flags & (os.O_WRONLY | os.O_RDWR) and isinstance(path, str | bytes):
            _written.append(os.fsdecode(path))


sys.addaudithook(_note)


def _bytes(key: str) -> int:
    text = Path("/proc/self/status").read_text(encoding="utf-8")
    return 1024 * int(text.split(f"{key}:")[1].split()[0])


@contextmanager
def limits(folder: Path | None = None) -> Iterator[None]:
    """Fail if what happens inside hangs, takes 4 GB, or opens a file outside `folder` to write."""
    global _watching  # noqa: PLW0603 - an audit hook can only look at a global
    # What glibc has kept of other tests' memory would be used again without being counted.
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")  # forget the peak so far
    at_first = _bytes("VmRSS")
    _written.clear()
    before = signal.signal(signal.SIGALRM, _hang)
    signal.alarm(SECONDS)
    _watching = True
    try:
        yield
    finally:
        _watching = False
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
    taken = _bytes("VmHWM") - at_first
    assert taken < BYTES, f"took {taken / 1e9:.1f} GB"
    allowed = ("/dev/null", "/proc/", *(() if folder is None else (str(folder),)))
    # What is gone again was a temporary file of a library's.
    stray = [
        path
        for path in map(os.path.abspath, _written)
        if not path.startswith(allowed) and "__pycache__" not in path and os.path.exists(path)
    ]
    assert not stray
