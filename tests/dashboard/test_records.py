import os
import shlex
import sys
from dataclasses import fields

import pytest

from dip_lightning.config import Config
from dip_lightning.dashboard.previews import Pictures
from dip_lightning.dashboard.records import PROBLEM, points_each, record, swept_keys
from dip_lightning.runs.run import find_run, find_runs
from tests.dashboard.conftest import write_json, write_run


def described(folder, page=None, pictures=None):
    return record(find_run(folder), page or folder, folder, 100, pictures or Pictures(1))


def test_swept_keys_are_those_in_which_runs_differ(sweep):
    assert swept_keys(find_runs(sweep)) == ["lr", "input_depth"]


def test_what_follows_from_what_was_typed_is_not_swept(tmp_path):
    for task, shown in (("denoising", 0.0), ("restoration", 0.7)):
        for lr in (0.1, 0.2):
            write_run(tmp_path / f"{task}-{lr}", task=task, lr=lr, shown=shown, iterations=9)
    assert swept_keys(find_runs(tmp_path)) == ["task", "lr"]
    # The same was typed once more, and something else has changed.
    write_run(tmp_path / "again", task="denoising", lr=0.1, shown=0.0, iterations=10)
    assert swept_keys(find_runs(tmp_path)) == ["task", "lr", "iterations"]


def test_a_seed_of_its_own_explains_nothing(tmp_path):
    for seed, lr in ((0, 0.1), (1, 0.2)):
        folder = write_run(tmp_path / str(seed), seed=seed, lr=lr)
        (folder / ".hydra" / "overrides.yaml").write_text(f"- seed={seed}\n")
    assert swept_keys(find_runs(tmp_path)) == ["seed", "lr"]


def test_problems_are_made_of_keys():
    assert set(PROBLEM) <= {entry.name for entry in fields(Config)}


def test_curves_share_the_page():
    assert points_each(1) == 10_000
    assert points_each(200) == 2500
    assert points_each(5000) == 600


def test_files_are_addressed_from_the_page(tmp_path):
    folder = write_run(tmp_path / "outputs" / "lr=0.1,a b#1")
    pictures = Pictures(1)
    found = described(folder, tmp_path, pictures)
    assert found["images"]["restored"] == "outputs/lr%3D0.1%2Ca%20b%231/restored.png"
    assert [s["iteration"] for s in found["snapshots"]] == [1, 15, 60]
    assert "comparison" not in found["images"]
    assert pictures.found[found["previews"]["truth"]].startswith("data:image/webp")
    assert found["previews"]["mask"] is None


def test_the_command_is_what_was_typed_and_the_one_that_repeats_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    typed, again = described(write_run(tmp_path / "a b"))["commands"]
    wanted = ["python", "-m", "dip_lightning", "task=denoising", "image=set/bird", "lr=0.01"]
    assert shlex.split(typed) == wanted
    assert shlex.split(again)[3:] == ["--config-dir", "a b/.hydra", "--config-name", "rerun"]


@pytest.mark.parametrize("name", ["dip", "own"])
def test_the_command_names_the_users_own_configurations(dip, tmp_path, name):
    own = tmp_path / "my conf"
    (own / "preset").mkdir(parents=True)
    (own / "preset" / "quick.yaml").write_text(
        "# @package _global_\npreset: quick\niterations: 2\n"
    )
    (own / "own.yaml").write_text("defaults: [dip]\n")
    given = ("--config-dir", str(own), *(("--config-name", name) if name == "own" else ()))
    command = (*given, "preset=quick", "logger=none", "image=astronaut", "max_side=16")
    assert dip(*command, "hydra.run.dir=first")[0] == 0
    typed, _ = described(tmp_path / "first")["commands"]
    assert "my conf" in typed
    assert "--config-name" in typed or name == "dip"
    assert dip(*shlex.split(typed)[3:], "hydra.run.dir=second", tiny=False)[0] == 0
    first, second = (tmp_path / run / "restored.png" for run in ("first", "second"))
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("cropped", [False, True])
def test_published_numbers_belong_to_whole_images_only(tmp_path, cropped):
    folder = write_run(
        tmp_path / "one", task="restoration", image="bm3d11/house", mask="bm3d11_masks"
    )
    write_json(folder, {"status": "finished", "image": "house", "cropped": cropped})
    published = described(folder)["published"]
    expected = {} if cropped else {"DIP, published": 39.16, "sparse coding, published": 34.58}
    assert expected.items() <= published.get("psnr", {}).items()
    assert bool(published) != cropped


def test_a_running_job_says_how_far_it_is(tmp_path):
    running = write_run(tmp_path / "running", status="running", iterations=240)
    live = described(running)["live"]
    assert (live["iteration"], live["iterations"]) == (60, 240)
    assert live["left"] == pytest.approx(18)
    assert described(write_run(tmp_path / "done"))["live"] is None


def test_the_stamp_changes_with_the_files(tmp_path):
    folder = write_run(tmp_path / "one")
    seen = [described(folder)["stamp"]]
    assert described(folder)["stamp"] == seen[0]
    for name in ("metrics.json", "history.csv", "restored.png", "snapshots/truth.png"):
        path = folder / name
        os.utime(path, ns=(0, path.stat().st_mtime_ns + 1))
        seen.append(described(folder)["stamp"])
    (folder / "snapshots" / "000077.webp").touch()
    seen.append(described(folder)["stamp"])
    seen.append(described(folder, pictures=Pictures(200))["stamp"])
    assert len(set(seen)) == len(seen)
    assert all(len(stamp) == 12 for stamp in seen)


def test_what_cannot_be_read_is_a_sentence(tmp_path):
    folder = write_run(tmp_path / "one")
    (folder / "metrics.json").write_text("[]")
    found = described(folder)
    assert found["status"] == "unreadable"
    assert found["metrics"] == {"error": "metrics.json: holds no keys and values"}
    assert found["settings"]["lr"] == 0.01
    assert found["curve"]["psnr"]


def test_a_run_that_cannot_be_shown_costs_no_page(tmp_path, monkeypatch):
    def fail(*_):
        raise KeyError("factor")

    monkeypatch.setattr("dip_lightning.dashboard.records.find_table", fail)
    found = described(write_run(tmp_path / "one"))
    assert found["status"] == "unreadable"
    assert found["metrics"]["error"] == "cannot be shown (KeyError: 'factor')"
    monkeypatch.undo()
    assert found.keys() == described(tmp_path / "one").keys()


@pytest.mark.skipif(sys.platform != "linux", reason="names are bytes on Linux alone")
def test_a_folder_whose_name_is_no_text_is_addressed(tmp_path):
    folder = write_run(tmp_path / os.fsdecode(b"a\xff"))
    assert described(folder, tmp_path)["folder"] == "a%FF"
