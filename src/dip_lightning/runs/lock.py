"""One process at a time in a result folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from dip_lightning.errors import FolderError
from dip_lightning.files import reason, shown_path
from dip_lightning.runs import ownership
from dip_lightning.runs.layout import LOCK


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
    lock = FileLock(folder / LOCK, timeout=0, fallback_to_soft=False, preserve_lock_file=True)
    try:
        lock.acquire()
    except Timeout:
        raise FolderError(
            f"{shown_path(folder)}: another process is working there; name another folder"
        ) from None
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
