"""What a result folder and a sweep's folder hold: one table of names, and what becomes of them."""

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath

from dip_lightning.errors import FolderError
from dip_lightning.files import shown_path
from dip_lightning.runs import ownership

LOCK = ".lock"
TILES = "tiles"  # a folder for each tile, with a checkpoint of its own
JOBS, JOBS_LOCK = "jobs.json", ".jobs.lock"  # of a sweep
CSV = ("csv/metrics.csv", "csv/hparams.yaml")  # Lightning's own
WANDB = ("wandb/latest-run", "wandb/debug.log", "wandb/debug-internal.log")  # links
_FIT = ("history.csv", "diagnostics.csv", "last.ckpt")
# A part with a backslash is a regular expression. metrics.json is removed first, so that nothing
# calls a half-removed result finished.
RESULT = (
    "metrics.json",
    *("restored.png", "restored.tif", "restored.webp", "restored.jpg"),
    *("observed.png", "comparison.png", "mask.png", "uncertainty.png", "kernel.png"),
    *_FIT,
    *(f".hydra/{name}.yaml" for name in ("config", "overrides", "hydra", "rerun")),
    *(f"snapshots/{name}.png" for name in ("truth", "observed", "classical", "restored")),
    r"snapshots/\d{6,}\.webp",
    *(rf"{TILES}/\d{{3,}}/{name}" for name in _FIT),
    *(*CSV, "report.html"),
)
FOLDER = (LOCK, *RESULT, *WANDB)
SUMMARY = (
    *("sweep.csv", "dashboard.html", "multirun.yaml", "optimization_results.yaml"),
    *(LOCK, JOBS, JOBS_LOCK),
)
JOURNAL = ("optuna.journal", "optuna.journal.lock")  # only grows, and other programs write to it
SWEEP = (*SUMMARY, *JOURNAL)
KEPT = ("restored.png", "last.ckpt", rf"{TILES}/\d{{3,}}/last\.ckpt")
Inputs = Sequence[tuple[str, Path]]


def present(folder: Path, names: Sequence[str]) -> Iterator[Path]:
    """List what is in a folder under names of the table, whoever it belongs to."""
    for name in names:
        found = [folder]
        for part in name.split("/"):
            found = [inner for path in found for inner in _inside(path, part)]
        yield from found


def check(folder: Path, names: Sequence[str], inputs: Inputs = ()) -> None:
    """Check that whatever may be replaced in a folder is ours, and none of the inputs.

    Args:
        folder: result folder or sweep's folder; there may be none.
        names: of the table.
        inputs: files that the job reads, each with the argument that names it.

    Raises:
        FolderError: names the first file that is in the way; nothing has been touched.
    """
    for path in present(folder, names):
        for given, file in inputs:
            if _is_same(path, file):
                raise FolderError(
                    f"{given}: the result in {shown_path(folder)} would replace it; name another "
                    "folder for the result (hydra.run.dir=)"
                )
        if not ownership.owns(path):
            raise _in_the_way(path)
    listing = folder / ownership.LISTING
    if ownership.is_foreign(listing):
        raise _in_the_way(listing)
    for inner in _folders(folder, [name for name in names if name not in WANDB]):
        if not inner.is_dir():
            raise _in_the_way(inner)


def holds_result(folder: Path) -> bool:
    """Say whether a folder holds a result, or a fit to go on with."""
    return any(present(folder, KEPT))


def clear(folder: Path) -> None:
    """Remove what an earlier run left, so that no result mixes two runs."""
    for path in list(present(folder, RESULT)):
        ownership.remove(path)
    _remove_empty(folder, RESULT)


def claim(folder: Path, names: Sequence[str]) -> None:
    """List names that another library writes, see `ownership.claim`."""
    for name in names:
        ownership.claim(folder / name)


def seal(folder: Path, names: Sequence[str]) -> None:
    """Note what the claimed files hold at the end, as far as the disk lets us."""
    for path in [*present(folder, names), *(folder / n for n in names if "\\" not in n)]:
        with suppress(OSError):  # they then count as those of a run that was killed
            ownership.seal(path)


def _inside(folder: Path, part: str) -> Iterator[Path]:
    names = [part]
    if "\\" in part:
        try:
            names = sorted({name.lower() for name in os.listdir(folder)})  # noqa: PTH208
        except OSError:
            return
        names = [name for name in names if re.fullmatch(part, name)]
    # Where case does not count, a file of another spelling is found as well.
    yield from (folder / name for name in names if os.path.lexists(folder / name))


def _remove_empty(folder: Path, names: Sequence[str]) -> None:
    for inner in _folders(folder, names):
        with suppress(OSError):  # something of the user's is in it
            inner.rmdir()


def _folders(folder: Path, names: Sequence[str]) -> list[Path]:
    """List the folders that are there under names of the table, the innermost first."""
    inner = {str(parent) for name in names for parent in PurePosixPath(name).parents[:-1]}
    return sorted(present(folder, sorted(inner)), key=lambda path: -len(path.parts))


def _is_same(path: Path, file: Path) -> bool:
    try:
        return path.samefile(file)
    except OSError:
        return False


def _in_the_way(path: Path) -> FolderError:
    return FolderError(
        f"{shown_path(path)}: {ownership.FOREIGN}, and would be replaced; name another folder, or "
        "move it away"
    )
