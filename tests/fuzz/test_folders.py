"""Files of the user's, whatever their names and whatever the command, are as they were."""

import os
import signal
import tempfile
from contextlib import chdir
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from dip_lightning.runs import ownership
from tests.conftest import TINY, save_png, smooth_image
from tests.faults.killing import start, wait
from tests.fuzz.conftest import JOBS, cases, limits
from tests.fuzz.test_runs import run

QUICK = ("task=denoising", "preset=smoke", "iterations=2", "logger=none", "checkpoint_seconds=0")
INSIDE = [
    *("observed.png", "restored.png", "restored.tif", "comparison.png", "mask.png"),
    *("metrics.json", "history.csv", "diagnostics.csv", "last.ckpt", "report.html", ".lock"),
    *("snapshots", "snapshots/x.jpg", "snapshots/000001.webp", "snapshots/truth.png"),
    *("tiles", "tiles/map.png", "tiles/000/last.ckpt", "tiles/001/history.csv", "tiles/notes/a"),
    *(".hydra/config.yaml", ".hydra/rerun.yaml", ".hydra/notes", "csv/metrics.csv", "index.html"),
    *("last.ckpt.partial", "metrics.json.partial", ownership.LISTING),
    *("wandb/debug.log", "notes.txt", "holiday.jpg", "Restored.PNG", ".submitit/1/a"),
]
SWEEP = ["sweep.csv", "dashboard.html", "multirun.yaml", "sweep.csv.partial"]
NAMES = st.one_of(
    st.sampled_from(INSIDE),
    st.sampled_from([*SWEEP, *(f"seed={seed}/{name}" for seed in (0, 1) for name in INSIDE)]),
)
KINDS = st.sampled_from(["file", "file", "empty", "link", "broken link", "hard link"])
TREES = st.lists(st.tuples(NAMES, KINDS), max_size=6)
FOLDERS = st.sampled_from(["out", "out", "out/../out", "."])
INPUTS = st.sampled_from(
    [*["photo.png"] * 3, "out/observed.png", "out/restored.png", "observed.png", "gone.png"]
)
MORE = st.lists(
    st.sampled_from(["resume=true", "tile=64", "diagnose=true", "logger=csv", "max_side=16"]),
    max_size=2,
    unique=True,
)
BEFORE = st.one_of(st.none(), st.just(0), st.integers(1, 60))


def die(count):
    """Return what kills a run before the disk has taken its so many-th file."""

    def prepare():
        healthy, asked = os.fsync, []

        def deadly(handle):
            asked.append(handle)
            if len(asked) == count:
                os.kill(os.getpid(), signal.SIGKILL)
            healthy(handle)

        os.fsync = deadly

    return prepare


def place(path, kind, photo):
    """Put a file of the user's there, if there can be one, in place of what is there."""
    if path.is_dir() or any(parent.is_file() for parent in path.parents):
        return
    if None in ownership._listed(path):
        return  # a run that was killed was adding to it: nobody could tell whose it is
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    match kind:
        case "link":
            path.symlink_to(photo)
        case "broken link":
            path.symlink_to("nowhere")
        case "hard link":
            os.link(photo, path)
        case _:
            path.write_bytes(b"" if kind == "empty" else b"mine")


def state(path):
    return os.readlink(path) if path.is_symlink() else path.read_bytes()  # noqa: PTH115


COMMANDS = st.tuples(FOLDERS, INPUTS, MORE, st.sampled_from([[], ["-m", "seed=0,1"]]))


@given(before=BEFORE, tree=TREES, command=COMMANDS)
@cases(8, JOBS)
def test_files_of_the_users_stay(before, tree, command):
    folder, name, more, several = command
    with tempfile.TemporaryDirectory() as at, chdir(at):
        top = Path(at)
        photo = save_png(top / "photo.png", smooth_image(3, 11, 70))
        same = [*QUICK, *TINY, *(text for text in more if text == "tile=64"), *several]
        if before is not None:
            given = [*same, f"observed={photo}", "hydra.run.dir=out"]
            wait(start(top / "log", given, die(before)))
        users = {photo}
        for file, kind in tree:
            path = top / folder.replace("out/../", "") / file
            place(path, kind, photo)
            users.add(path)
        was = {path: state(path) for path in users if path.is_symlink() or path.is_file()}
        with limits(top):
            status, said = run(*same, *more, f"observed={name}", f"hydra.run.dir={folder}")
        assert "Traceback" not in said, said
        assert status in {0, 1, 2}
        now = {path: state(path) for path in was if path.is_symlink() or path.is_file()}
        assert now == was, said
