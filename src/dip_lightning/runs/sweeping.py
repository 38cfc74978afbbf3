"""A sweep's own folder, in which several commands may work at the same time."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

from dip_lightning.errors import FolderError
from dip_lightning.files import reason, shown_path
from dip_lightning.runs import layout, lock, ownership


@contextmanager
def sweeping(folder: Path, *, alone: bool = False) -> Iterator[None]:
    """List what jobs of a sweep, and Hydra, write into its folder; the last command notes it.

    Args:
        folder: the sweep's folder, which is made if there is none.
        alone: keep other commands out.

    Raises:
        FolderError: a file of the user's is in the way; nothing has been touched.
            Or another command is there that is to be alone, or the folder cannot be written.
    """
    layout.check(folder, layout.SWEEP)
    with ExitStack() as held:
        try:
            ownership.begin(folder)
            ownership.claim(folder / layout.LOCK)
            taken: AbstractContextManager[lock.Share | None]
            taken = lock.locked(folder) if alone else lock.shared(folder / layout.LOCK)
            share = held.enter_context(taken)
            if share is None or share.joined is False:
                ownership.remove_partials(folder)
            layout.claim(folder, layout.SWEEP)
        except OSError as error:
            where = error.filename or shown_path(folder)
            raise FolderError(f"{where}: cannot be written ({reason(error)})") from None
        try:
            yield
        finally:
            if share is None or share.close_to_others():
                layout.seal(folder, layout.SUMMARY)
