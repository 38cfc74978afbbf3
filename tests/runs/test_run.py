import os
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest

from dip_lightning.runs.run import Run, find_run, find_runs, finished, flatten, snapshots
from tests.dashboard.conftest import write_json, write_run


def test_runs_are_found_whatever_became_of_them(tmp_path):
    for status in ("finished", "failed", "running", "interrupted"):
        write_run(tmp_path / status, status=status)
    write_run(tmp_path / "lost", status="running")
    long_ago = time.time() - 3600
    for path in (tmp_path / "lost").rglob("*"):
        os.utime(path, (long_ago, long_ago))
    (tmp_path / "finished" / "wandb" / "offline-run").mkdir(parents=True)
    write_json(tmp_path / "finished" / "wandb" / "offline-run", {"status": "finished"})
    found = {run.folder.name: run.status for run in find_runs(tmp_path)}
    assert found == {
        "finished": "finished",
        "failed": "failed",
        "running": "running",
        "interrupted": "interrupted",
        "lost": "lost",
    }


HOLDER = """
import sys
from pathlib import Path
from dip_lightning.runs.lock import locked
with locked(Path(sys.argv[1])):
    print("locked", flush=True)
    input()
"""


@contextmanager
def worker(folder):
    """A process that works in a folder, and is killed."""
    command = [sys.executable, "-c", HOLDER, folder]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"locked\n"
        yield
        process.kill()


def is_older(path, seconds=3600):
    """Make a file look as if it had been written before the others."""
    stamp = time.time() - seconds
    os.utime(path, (stamp, stamp))


def test_a_dead_process_is_lost_at_once_and_a_silent_one_runs(tmp_path):
    folder = write_run(tmp_path / "one", status="running")
    for path in folder.rglob("*"):
        is_older(path)
    with worker(folder):
        assert find_run(folder).status == "running"
    for path in folder.rglob("*"):
        path.touch()
    assert find_run(folder).status == "lost"


def test_a_dead_fit_of_tiles_is_lost_at_once(tmp_path):
    folder = write_run(tmp_path / "mosaic", status="running")
    (folder / "tiles" / "000").mkdir(parents=True)
    with worker(folder):
        assert find_run(folder).status == "running"
        (folder / "tiles" / "000" / "last.ckpt").touch()
    assert find_run(folder).status == "lost"


@pytest.mark.parametrize("further", [0, 10])
def test_a_run_that_goes_on_runs_whatever_it_ended_in_before(tmp_path, further):
    folder = write_run(tmp_path / "one", status="interrupted")
    is_older(folder / "metrics.json")
    # Copied in some order: the history is newer, but says no more.
    assert find_run(folder).status == "interrupted"
    with worker(folder):
        assert find_run(folder).status == "running"
        with (folder / "history.csv").open("a") as file:
            file.writelines(f"{60 + i},0.1,30,31,{6 + i}\n" for i in range(1, further + 1))
        assert find_run(folder).status == "running"
    assert find_run(folder).status == ("lost" if further else "interrupted")


@pytest.mark.parametrize("further", [0, 10])
def test_tiles_that_go_on_are_lost_when_their_process_is(tmp_path, further):
    folder = write_run(tmp_path / "mosaic", status="interrupted")
    is_older(folder / "metrics.json")
    for tile, last in (("000", 40), ("001", 20 + further)):
        (folder / "tiles" / tile).mkdir(parents=True)
        (folder / "tiles" / tile / "history.csv").write_text(f"iteration,loss\n1,1\n{last},0.5\n")
    with worker(folder):
        assert find_run(folder).status == "running"
    assert find_run(folder).status == ("lost" if further else "interrupted")


def test_a_result_that_was_just_written_is_one_while_its_process_still_works(tmp_path):
    folder = write_run(tmp_path / "one")
    with worker(folder):
        assert find_run(folder).status == "finished"


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("metrics.json", "{", "metrics.json: is no JSON"),
        ("metrics.json", "[]", "metrics.json: holds no keys and values"),
        (".hydra/rerun.yaml", "a: [", "rerun.yaml: is no YAML"),
        (".hydra/rerun.yaml", "a: &a [*a]", "rerun.yaml: refers to itself"),
    ],
)
def test_what_cannot_be_read_is_said(tmp_path, name, text, sentence):
    folder = write_run(tmp_path / "one", status="running")
    (folder / name).write_text(text)
    run = find_run(folder)
    assert run.status == "unreadable"
    assert sentence in run.trouble


@pytest.mark.parametrize("sign", ["tiles/000/history.csv", "tiles/000/last.ckpt", "last.ckpt"])
def test_what_a_fit_writes_on_its_way_shows_that_it_runs(tmp_path, sign):
    folder = write_run(tmp_path / "mosaic", status="running")
    long_ago = time.time() - 3600
    for path in folder.rglob("*"):
        os.utime(path, (long_ago, long_ago))
    assert find_run(folder).status == "lost"
    (folder / sign).parent.mkdir(parents=True, exist_ok=True)
    (folder / sign).touch()
    assert find_run(folder).status == "running"


def test_a_run_is_read_again_only_when_it_has_changed(tmp_path):
    folder = write_run(tmp_path / "one", status="running")
    before = find_run(folder)
    assert find_run(folder) is before
    assert before.metrics == {}
    write_json(folder, {"status": "finished"})
    assert find_run(folder).status == "finished"


def test_the_curve_is_of_every_iteration_where_that_was_recorded(tmp_path):
    folder = write_run(tmp_path / "one")
    run = find_run(folder)
    assert run.curve is run.history
    (folder / "diagnostics.csv").write_text("iteration,loss\n1,0.5\n")
    again = Run(folder, ())
    assert list(again.curve) == ["iteration", "loss"]
    assert len(again.history["loss"]) == 60


def test_files_that_are_no_yaml_or_json_are_passed_over(tmp_path):
    folder = write_run(tmp_path / "one")
    (folder / "metrics.json").write_text("{")
    (folder / ".hydra" / "rerun.yaml").write_text("a: [")
    run = find_run(folder)
    assert run.metrics == {}
    assert run.settings == {}
    assert run.image == ""


def test_only_a_finished_job_is_finished(tmp_path):
    assert finished(tmp_path) is None
    for text, expected in (
        ("{", False),
        ("[]", False),
        ('{"status": "failed"}', False),
        ('{"status": "finished"}', True),
    ):
        (tmp_path / "metrics.json").write_text(text)
        assert (finished(tmp_path) is not None) == expected


def test_options_of_a_group_are_named_after_it():
    nested = {"defaults": ["dip"], "lr": 0.1, "network": {"name": "skip", "down": [4]}}
    assert flatten(nested) == {"lr": 0.1, "network": "skip", "network.down": [4]}


def test_previews_are_in_the_order_of_their_iterations(tmp_path):
    (tmp_path / "snapshots").mkdir()
    for name in ("1000000", "999999", "000002", "last"):
        (tmp_path / "snapshots" / f"{name}.webp").touch()
    assert [path.stem for path in snapshots(tmp_path)] == ["000002", "999999", "1000000"]
