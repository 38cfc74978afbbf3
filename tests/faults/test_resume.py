"""The same command again: it goes on where it was cut off, and damages nothing."""

import json
import os
import signal

import pytest
import torch

from dip_lightning.prior.deep_image_prior import DeepImagePrior
from dip_lightning.runs.ownership import LISTING
from tests.conftest import read_metrics, save_png, smooth_image

FIT = ("task=denoising", "preset=smoke", "iterations=20", "chunk=5", "logger=none")
FIT += ("checkpoint_seconds=0", "log_every=3")


@pytest.fixture
def cut(monkeypatch):
    """Let something happen after an iteration, once."""

    def at(iteration, happen):
        healthy, left = DeepImagePrior.training_step, [happen]

        def step(self, iterations):
            healthy(self, iterations)
            if self.iteration >= iteration and left:
                left.pop()(self)

        monkeypatch.setattr(DeepImagePrior, "training_step", step)

    return at


def stop(_task):
    os.kill(os.getpid(), signal.SIGTERM)


def crash(_task):
    raise ZeroDivisionError("boom")


def curve(folder):
    lines = (folder / "history.csv").read_text().splitlines()
    return [line.rpartition(",")[0] for line in lines]


def same(one, two):
    assert (one / "restored.png").read_bytes() == (two / "restored.png").read_bytes()
    assert curve(one) == curve(two)
    assert sorted(os.listdir(one)) == sorted(os.listdir(two))  # noqa: PTH208
    timing = {"seconds", "iterations_per_second", "peak_memory_bytes", "baselines"}
    first, second = ({**read_metrics(folder), "swept": None} for folder in (one, two))
    assert first.keys() == second.keys()
    assert {k for k in first if first[k] != second[k]} <= timing


@pytest.fixture
def whole(dip, tmp_path, photo):
    assert dip(*FIT, f"image={photo}", "hydra.run.dir=whole")[0] == 0
    return tmp_path / "whole"


@pytest.mark.parametrize(("status", "typed"), [(143, True), (1, True), (143, False)])
def test_a_single_run_goes_on_in_its_folder(dip, tmp_path, photo, whole, cut, status, typed):
    """Whether it was asked to or not; what has finished is done again unless it was."""
    resume = ("resume=true",) if typed else ()
    command = (*FIT, f"image={photo}", "hydra.run.dir=out", *resume)
    cut(10, {143: stop, 1: crash}[status])
    assert dip(*command)[0] == status
    assert read_metrics(tmp_path / "out")["status"] in {"interrupted", "failed"}
    status, _, err = dip(*command)
    assert status == 0
    assert "going on at iteration " in err
    same(whole, tmp_path / "out")
    assert ("finished before" in dip(*command)[1]) == typed


def test_a_single_run_begins_anew_if_told_so(dip, tmp_path, photo, whole, cut):
    command = (*FIT, f"image={photo}", "hydra.run.dir=out")
    cut(10, stop)
    assert dip(*command)[0] == 143
    status, _, err = dip(*command, "resume=false")
    assert status == 0
    assert "going on" not in err
    same(whole, tmp_path / "out")


@pytest.mark.parametrize("cut_at", [10, 40])
def test_a_fit_that_ends_at_its_noise_ends_there_again(dip, tmp_path, photo, cut, cut_at):
    """Even where it was broken off between its end and its result."""
    level = ("iterations=60", "discrepancy=5", f"image={photo}")
    assert dip(*FIT, *level, "hydra.run.dir=whole")[0] == 0
    assert read_metrics(tmp_path / "whole")["iterations"] == 40
    cut(cut_at, crash)
    assert dip(*FIT, *level, "hydra.run.dir=out", "resume=true")[0] == 1
    assert dip(*FIT, *level, "hydra.run.dir=out", "resume=true")[0] == 0
    same(tmp_path / "whole", tmp_path / "out")


def test_the_latest_unfinished_run_is_found(dip, tmp_path, photo, cut):
    command = (*FIT, f"image={photo}")
    cut(10, stop)
    assert dip(*command)[0] == 143
    assert dip(*command, "seed=7")[0] == 0
    assert dip(*command, "resume=true")[0] == 0
    runs = sorted(tmp_path.glob("outputs/denoising/photo/*"))
    assert [read_metrics(run)["seed"] for run in runs] == [0, 7]
    assert [read_metrics(run)["status"] for run in runs] == ["finished"] * 2
    status, out, _ = dip(*command, "resume=true")
    assert status == 0
    assert "resume=true: no unfinished run of this configuration; starting a new one" in out
    assert len(list(tmp_path.glob("outputs/denoising/photo/*"))) == 3


def test_a_sweep_goes_on_within_a_job(dip, tmp_path, photo, whole, cut):
    command = (*FIT, f"image={photo}", "-m", "seed=0,1", "hydra.sweep.dir=out")
    cut(10, stop)
    assert dip(*command)[0] == 143
    assert json.loads((tmp_path / "out/seed=0/metrics.json").read_text())["iterations"] == 10
    status, _, err = dip(*command)
    assert status == 0
    assert err.count("iteration 10/20") == 1  # the other job's; here it was computed before
    same(whole, tmp_path / "out" / "seed=0")


def test_another_configuration_is_left_alone(dip, tmp_path, photo, whole):
    before = {path: path.stat().st_mtime_ns for path in whole.rglob("*")}
    status, _, err = dip(*FIT, f"image={photo}", "lr=0.5", "hydra.run.dir=whole", "resume=true")
    assert status == 1
    assert err == (
        "error: resume=true: whole holds another configuration; name another folder, or leave "
        "resume=true out to replace what is there\n"
    )
    assert {path: path.stat().st_mtime_ns for path in whole.rglob("*")} == before


def test_another_image_of_the_same_name_is_refused(dip, tmp_path, photo, cut):
    command = (*FIT, f"image={photo}", "hydra.run.dir=out", "resume=true")
    cut(10, stop)
    dip(*command)
    kept = (tmp_path / "out" / "last.ckpt").read_bytes()
    save_png(photo, smooth_image(3, 13, 17, seed=5))
    status, _, err = dip(*command)
    assert status == 1
    assert err == ("error: out/last.ckpt: is of another image; start again with resume=false\n")
    assert (tmp_path / "out" / "last.ckpt").read_bytes() == kept
    assert read_metrics(tmp_path / "out")["status"] == "interrupted"


def test_another_mask_of_the_same_name_is_refused(dip, tmp_path, photo, cut):
    """With an image of the user's own, nothing but the mask itself tells."""
    mask = torch.ones(1, 1, 13, 17)
    mask[..., 3:5, 4:9] = 0
    save_png(tmp_path / "mask.png", mask)
    told = (f"observed={photo}", "mask=mask.png", "hydra.run.dir=out", "resume=true")
    command = (*FIT[1:], "task=restoration", *told)
    cut(10, stop)
    dip(*command)
    assert read_metrics(tmp_path / "out")["status"] == "interrupted"
    mask[..., 9, 4] = 0
    save_png(tmp_path / "mask.png", mask)
    status, _, err = dip(*command)
    assert status == 1
    assert err == (
        "error: out/last.ckpt: is of another image or mask; start again with resume=false\n"
    )


@pytest.mark.parametrize("name", ["metrics.json", "history.csv", "last.ckpt"])
def test_a_file_that_was_changed_is_made_again_once_it_is_moved_away(
    dip, tmp_path, photo, whole, cut, name
):
    command = (*FIT, f"image={photo}", "hydra.run.dir=out", "resume=true")
    if name != "metrics.json":
        cut(10, stop)
    dip(*command)
    changed = tmp_path / "out" / name
    changed.write_bytes(b"\x00\xff{")
    before = {path: path.read_bytes() for path in changed.parent.rglob("*") if path.is_file()}
    status, _, err = dip(*command)
    assert status == 1
    assert err == (
        f"error: out/{name}: was not written by this version, or was changed since, and would be "
        "replaced; name another folder, or move it away\n"
    )
    assert {path: path.read_bytes() for path in before} == before
    changed.unlink()
    assert dip(*command)[0] == 0
    same(whole, tmp_path / "out")


def test_inputs_that_cannot_be_read_leave_a_result_as_it_was(dip, tmp_path, photo, whole):
    files = [path for path in whole.rglob("*") if path.is_file() and path.name != LISTING]
    before = {path: path.read_bytes() for path in files}
    photo.write_bytes(b"broken")
    for given in ("image=gone.png", f"image={photo}"):
        status, out, err = dip(*FIT, given, "hydra.run.dir=whole")
        assert status == (2 if given == "image=gone.png" else 1)
        assert ("left as it was: whole" in out) == (status == 1)
        assert err.count("error: ") == 1
        assert {path: path.read_bytes() for path in before} == before
