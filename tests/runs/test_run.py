import os
import time

import numpy as np
import pytest

from dip_lightning.runs.run import Run, find_run, find_runs, finished, flatten, read_curve
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


def test_a_history_that_is_being_written_loses_its_last_row_only(tmp_path):
    path = tmp_path / "history.csv"
    path.write_text("iteration,loss,psnr,seconds\n1,0.5,,2\n2,0.25,,3\n3,0.1")
    curve = read_curve(path)
    assert list(curve) == ["iteration", "loss", "seconds"]
    np.testing.assert_array_equal(curve["loss"], [0.5, 0.25])


def test_no_history_and_an_empty_one_are_no_mistake(tmp_path):
    path = tmp_path / "history.csv"
    assert read_curve(path) == {}
    path.write_text("")
    assert read_curve(path) == {}
    path.write_text("iteration,loss\n")
    assert read_curve(path) == {}
    path.write_text("iteration,loss\n1,zero\n")
    assert read_curve(path) == {}
    path.write_text("iteration,loss\n1\n2,0.5\n")
    assert read_curve(path) == {}


def test_a_number_that_is_being_written_is_no_number(tmp_path):
    path = tmp_path / "history.csv"
    path.write_text("iteration,loss\r\n1,0.5\r\n2,0.2")  # 0.25, it will be
    np.testing.assert_array_equal(read_curve(path)["loss"], [0.5])


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
