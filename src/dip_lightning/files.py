"""Writing a file so that a reader, a crash or a power cut never leaves half of it."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def shown_path(path: Path) -> Path:
    """Shorten a path to what the user would type, where it lies below the current folder."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


@contextmanager
def whole(path: Path, partial: Path, before: Callable[[], object] = lambda: None) -> Iterator[None]:
    """Put a file in its place once it is written and on the disk, over the old one.

    Args:
        path: file to write or replace; its folder exists.
        partial: file beside it, which is written inside the context.
        before: called before the file is renamed.

    Raises:
        OSError: it cannot be written; the old file is as it was.
    """
    try:
        yield
        with partial.open("r+b") as file:
            os.fsync(file.fileno())
        before()
        partial.replace(path)
    except BaseException:
        with suppress(OSError):  # a full disk needs the space
            partial.unlink()
        raise
    _sync_folder(path.parent)


def reason(error: OSError) -> str:
    """Say in a few words what the system refused."""
    return error.strerror or str(error) or type(error).__name__


class Attempts:
    """Writing that must not cost a fit: where the disk takes nothing, say so once and go on.

    Args:
        then: what goes on, for the sentence.

    Attributes:
        failing: whether the last attempt failed.
    """

    def __init__(self, then: str) -> None:
        self.then, self.failing = then, False

    @contextmanager
    def at(self, path: Path) -> Iterator[None]:
        """Try to write a file; an OSError inside is said and swallowed."""
        try:
            yield
        except OSError as error:
            if not self.failing:
                print(f"{shown_path(path)}: {reason(error)}; {self.then}", file=sys.stderr)
            self.failing = True
        else:
            self.failing = False


def _sync_folder(folder: Path) -> None:
    with suppress(OSError):  # Windows opens no folders
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
