"""One process at a time in a result folder, and whether there is one."""

import errno
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from dip_lightning.errors import FolderError
from dip_lightning.files import reason, shown_path
from dip_lightning.runs import ownership
from dip_lightning.runs.layout import LOCK

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

# Whoever asks `is_held` has the lock for an instant: that is no other process at work.
PATIENCE, AGAIN = 0.5, 0.02  # seconds
CONTENTION = {errno.EACCES, errno.EAGAIN, errno.EWOULDBLOCK}


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other processes out of a folder, which is made if there is none.

    The operating system frees the lock when its process ends, however it ends.

    Raises:
        FolderError: another process works in it, or its file system has no locks.
        OSError: the folder cannot be written.
    """
    ownership.begin(folder)
    ownership.claim(folder / LOCK)
    # A soft lock, which a killed process would leave behind, is worse than none.
    lock = FileLock(
        folder / LOCK,
        timeout=PATIENCE,
        poll_interval=AGAIN,
        fallback_to_soft=False,
        preserve_lock_file=True,
    )
    try:
        lock.acquire()
    except Timeout:
        raise _occupied(folder) from None
    except OSError as error:
        if error.filename is not None:
            raise
        raise FolderError(
            f"{shown_path(folder)}: cannot be locked ({reason(error)}); "
            "name a folder on another disk"
        ) from None
    try:
        yield
    finally:
        lock.release()


@dataclass(frozen=True)
class Share:
    """A lock file that is held together with others.

    Attributes:
        joined: whether another process held it before; None where that cannot be known.
        handle: the open file; None if it cannot be opened.
    """

    joined: bool | None
    handle: int | None

    def close_to_others(self) -> bool:
        """Keep others out from now on; False, and it is theirs alone, if there still are some."""
        return self.handle is None or _insist(self.handle, exclusive=True) is not False


@contextmanager
def shared(path: Path) -> Iterator[Share]:
    """Hold a lock file together with others; without one where there are no such locks.

    Args:
        path: the file, which is made if there is none.

    Raises:
        FolderError: a process has it for itself.
    """
    try:
        handle = _open(path, os.O_RDWR | os.O_CREAT)
    except OSError:
        yield Share(None, None)
        return
    try:
        alone = _insist(handle, exclusive=True)
        if alone is not None and _insist(handle, exclusive=False) is False:
            raise _occupied(path.parent)
        yield Share(None if alone is None else not alone, handle)
    finally:
        os.close(handle)  # which frees the lock


def is_held(path: Path, *, by_several: bool = False) -> bool | None:
    """Ask whether a process holds a lock file; nothing is changed, and nobody is kept waiting.

    Args:
        path: the file.
        by_several: it is one of those that `shared` holds.

    Returns:
        None where that cannot be known: there is no file, or no lock of this kind.
    """
    try:
        # Some network file systems lock for others only what is open for writing.
        handle = _open(path, os.O_RDWR if by_several else os.O_RDONLY)
    except OSError:
        return None
    try:
        taken = _take(handle, exclusive=by_several)
    finally:
        os.close(handle)
    return None if taken is None else not taken


def _occupied(folder: Path) -> FolderError:
    return FolderError(
        f"{shown_path(folder)}: another process is working there; name another folder"
    )


def _open(path: Path, flags: int) -> int:
    # A named pipe would be waited for.
    more = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    return os.open(path, flags | more, 0o644)


def _insist(handle: int, *, exclusive: bool) -> bool | None:
    until = time.monotonic() + PATIENCE
    while (taken := _take(handle, exclusive=exclusive)) is False and time.monotonic() < until:
        time.sleep(AGAIN)
    return taken


def _take(handle: int, *, exclusive: bool) -> bool | None:
    """Lock an open file, if nobody has it; None where there are no such locks."""
    if fcntl is None:
        return None
    try:
        fcntl.flock(handle, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except OSError as error:
        return False if error.errno in CONTENTION else None
    return True
