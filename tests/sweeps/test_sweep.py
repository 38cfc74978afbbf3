"""A sweep that is started again goes on where it ended."""

import csv
import json
import signal
import subprocess
import sys
import time

from dip_lightning.sweeps.sweep import finished, folder_of, format_summary, write_summary
from tests.conftest import TINY
from tests.dashboard.conftest import data_of

QUICK = ("task=denoising", "preset=smoke", "iterations=2", "logger=none")


def test_the_same_command_has_the_same_folder():
    first = folder_of(["task=sr", "lr=0.1,0.2"], "dip")
    assert first == folder_of(["lr=0.1,0.2", "task=sr", "logger=none", "resume=false"], "dip")
    assert first != folder_of(["task=sr", "lr=0.1,0.3"], "dip")
    assert first == folder_of(["task=sr", "lr=0.1,0.2", "logger.mode=offline"], "dip")
    told = ["seed=1,2"]
    assert folder_of(told, "rerun", "a/.hydra") != folder_of(told, "rerun", "b/.hydra")
    assert first.parts[:2] == ("outputs", "sweeps")
    assert first.name.startswith("sr-")


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


def test_summary_has_a_row_for_each_job(tmp_path):
    results = {
        "lr=0.1": {
            "status": "finished",
            "psnr": 30.0,
            "psnr_average": 31.0,
            "seconds": 2.0,
            "swept": {"lr": "0.1"},
        },
        "lr=9": {"status": "failed", "error": "lr=9: no good, sorry", "swept": {"lr": "9"}},
        "old": {"status": "finished"},
    }
    for name, metrics in results.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "metrics.json").write_text(json.dumps(metrics))
    lines = format_summary(write_summary(tmp_path)).splitlines()
    assert lines[1].split() == ["lr=0.1", "30.00", "31.00", "2.0", "finished"]
    assert lines[2].endswith("failed: lr=9: no good, sorry")
    with (tmp_path / "sweep.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["job"] for row in rows] == ["lr=0.1", "lr=9", "old"]
    assert [row["lr"] for row in rows] == ["0.1", "9", ""]
    assert rows[1]["error"] == "lr=9: no good, sorry"


def test_without_ground_truth_the_summary_has_no_dashes():
    rows = [{"job": "a", "status": "finished", "psnr": None, "seconds": 2.0}]
    assert [line.split() for line in format_summary(rows).splitlines()] == [
        ["job", "seconds", "status"],
        ["a", "2.0", "finished"],
    ]


def times(tmp_path):
    files = tmp_path.glob("outputs/sweeps/*/*/**/*")
    return {str(path): path.stat().st_mtime_ns for path in files if path.is_file()}


def test_finished_jobs_are_left_alone(dip, tmp_path, photo):
    command = (*QUICK, f"image={photo}", "-m", "seed=1,2,3")
    assert dip(*command)[0] == 0
    before = times(tmp_path)
    (gone,) = tmp_path.glob("outputs/sweeps/*/seed=2/metrics.json")
    gone.unlink()
    status, out, _ = dip(*command)
    assert status == 0
    assert out.count("finished before") == 2
    (summary,) = tmp_path.glob("outputs/sweeps/*/sweep.csv")
    with summary.open() as file:
        assert [row["seed"] for row in csv.DictReader(file)] == ["1", "2", "3"]
    after = times(tmp_path)
    assert after.keys() == before.keys()
    touched = {path for path in after if after[path] != before[path]}
    assert {path.split("/seed=")[1][0] for path in touched} == {"2"}


def test_resume_false_does_it_again(dip, photo):
    command = (*QUICK, f"image={photo}", "-m", "seed=1,2")
    dip(*command)
    assert "finished before" not in dip(*command, "resume=false")[1]
    assert "finished before" in dip(*command)[1]


def test_other_settings_in_the_same_folder_do_it_again(dip, photo):
    command = (*QUICK, f"image={photo}", "-m", "seed=1,2", "hydra.sweep.dir=here")
    dip(*command)
    assert "finished before" not in dip(*command, "lr=0.02")[1]


def test_a_failed_job_is_tried_again(dip, tmp_path):
    command = (*QUICK, "image=photo.png", "-m", "seed=1,2")
    (tmp_path / "photo.png").write_bytes(b"broken")
    assert dip(*command)[0] == 1
    from tests.conftest import save_png, smooth_image

    save_png(tmp_path / "photo.png", smooth_image(3, 13, 17))
    status, out, _ = dip(*command)
    assert status == 0
    assert out.count("  finished") == 2


def test_a_killed_sweep_goes_on(tmp_path, photo):
    arguments = [sys.executable, "-m", "dip_lightning", *QUICK, *TINY, f"image={photo}"]
    arguments += ["iterations=300", "-m", "seed=1,2,3,4,5,6"]
    process = subprocess.Popen(
        arguments, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 120
    while len(list(tmp_path.glob("outputs/sweeps/*/*/metrics.json"))) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = [path.parent for path in tmp_path.glob("outputs/sweeps/*/*/metrics.json")]
    before = times(tmp_path)
    again = subprocess.run(arguments, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
    assert again.stdout.count("finished before") == len(done)
    after = times(tmp_path)
    for path, changed in before.items():
        # By the job that was killed.
        left = ".partial." in path or path.endswith((".lock", ".dip_lightning.jsonl"))
        if any(path.startswith(f"{job}/") for job in done) and not left:
            assert after[path] == changed, path
    assert len(list(tmp_path.glob("outputs/sweeps/*/*/restored.png"))) == 6


def test_pages_are_written_after_each_job_failed_ones_included(dip, tmp_path, photo):
    arguments = ("task=sr", "factor=2,32", f"image={photo}", "preset=smoke", "iterations=2", "-m")
    assert dip(*arguments, "logger=none", "hydra.sweep.dir=sweep")[0] == 1
    data = data_of(tmp_path / "sweep" / "dashboard.html")
    assert [run["status"] for run in data["runs"]] == ["finished", "failed"]
    assert data["swept"][0] == "factor"
    for run in data["runs"]:
        (single,) = data_of(tmp_path / "sweep" / run["id"] / "report.html")["runs"]
        assert single["status"] == run["status"]
