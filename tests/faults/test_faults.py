"""What a disk, a machine or another process may do to a fit."""

import errno
import os
import shutil
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from filelock import FileLock
from PIL import Image

from dip_lightning.callbacks import checkpoints
from dip_lightning.prior.deep_image_prior import DeepImagePrior
from dip_lightning.runs import ownership
from dip_lightning.tasks.denoising import NoisyImage
from tests.conftest import read_metrics
from tests.faults.test_resume import FIT, crash, cut, whole  # noqa: F401 - fixtures
from tests.test_main import FILES

MOUNT, UNMOUNT = ("mount",), ("umount",)


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 384 kB, a little more than a result."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = [*MOUNT, "-t", "tmpfs", "-o", "size=384k", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a small disk")
    yield folder
    subprocess.run([*UNMOUNT, str(folder)], check=True)


def test_a_full_disk_keeps_what_there_is(dip, small_disk, photo, whole, cut):  # noqa: F811
    command = (*FIT, f"image={photo}", "hydra.run.dir=disk/out", "resume=true")
    filler = small_disk / "filler"

    def fill(_task):
        with suppress(OSError), filler.open("wb") as file:
            while True:
                file.write(bytes(1024))

    cut(10, fill)
    status, out, err = dip(*command)
    assert status == 1
    assert "Traceback" not in out + err
    assert "out/last.ckpt: No space left on device; the fit goes on without" in err
    (sentence,) = (line for line in err.splitlines() if line.startswith("error: "))
    assert "No space left on device" in sentence
    filler.unlink()
    assert dip(*command)[0] == 0
    assert (small_disk / "out" / "restored.png").read_bytes() == (
        whole / "restored.png"
    ).read_bytes()
    assert set(os.listdir(small_disk / "out")) == FILES  # noqa: PTH208


def test_a_result_needs_no_checkpoint(dip, small_disk, photo, whole, monkeypatch):  # noqa: F811
    written = checkpoints.write

    def refuse(path, state):
        if state["fit"]["is_over"]:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        written(path, state)

    monkeypatch.setattr(checkpoints, "write", refuse)
    status, _, err = dip(*FIT, f"image={photo}", "hydra.run.dir=disk/out")
    assert status == 0
    assert "out/last.ckpt: No space left on device; the result is written without" in err
    found, expected = (folder / "restored.png" for folder in (small_disk / "out", whole))
    assert found.read_bytes() == expected.read_bytes()


def test_a_folder_that_is_read_only(dip, tmp_path, photo, monkeypatch):
    opened = Path.open

    def refuse(self, mode="r", *arguments, **settings):
        if self.is_relative_to(tmp_path / "out") and mode[0] in "wxa":
            raise OSError(errno.EROFS, "Read-only file system", str(self))
        return opened(self, mode, *arguments, **settings)

    monkeypatch.setattr(Path, "open", refuse)
    status, out, err = dip(*FIT, f"image={photo}", "hydra.run.dir=out")
    assert status == 1
    assert err.startswith("error: ")
    assert err.endswith("cannot be written (Read-only file system)\n")
    assert err.count("\n") == 1
    assert "Traceback" not in out + err


def test_a_folder_that_is_removed_is_made_again(dip, tmp_path, photo, whole, cut):  # noqa: F811
    cut(10, lambda _task: shutil.rmtree(tmp_path / "out"))
    status, _, err = dip(*FIT, f"image={photo}", "hydra.run.dir=out")
    assert status == 0
    assert "history.csv: No such file or directory; the fit goes on" in err
    assert {path.name for path in (tmp_path / "out").iterdir()} == FILES - {".lock"}
    assert (tmp_path / "out/restored.png").read_bytes() == (whole / "restored.png").read_bytes()
    rows = (tmp_path / "out" / "history.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows[1:]] == ["1", "3", "6", "9", "12", "15", "18", "20"]


def test_a_folder_in_use(dip, photo, whole):  # noqa: F811
    ownership.claim(whole / ".lock")
    before = {path: path.stat().st_mtime_ns for path in whole.rglob("*") if path.is_file()}
    with FileLock(whole / ".lock"):
        status, _, err = dip(*FIT, f"image={photo}", "hydra.run.dir=whole")
    assert status == 1
    assert err == "error: whole: another process is working there; name another folder\n"
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_a_finished_result_is_replaced_once_the_next_one_begins(dip, photo, whole, cut):  # noqa: F811
    command = (*FIT, f"image={photo}", "hydra.run.dir=whole")
    result = (whole / "restored.png").read_bytes()
    assert dip(*command[:-2], "image=gone.png", command[-1])[0] != 0
    assert (whole / "restored.png").read_bytes() == result  # it had not begun
    cut(10, crash)
    assert dip(*command)[0] == 1
    assert read_metrics(whole)["status"] == "failed"
    assert not (whole / "restored.png").exists()
    assert dip(*command, "resume=true")[0] == 0
    assert {path.name for path in whole.iterdir()} == FILES
    assert (whole / "restored.png").read_bytes() == result


def test_a_clock_that_goes_back(dip, tmp_path, photo, whole, monkeypatch, cut):  # noqa: F811
    cut(5, lambda _task: monkeypatch.setattr(time, "time", lambda: 1.0))
    assert dip(*FIT, f"image={photo}", "hydra.run.dir=out")[0] == 0
    rows = (tmp_path / "out" / "history.csv").read_text().splitlines()[1:]
    seconds = [float(row.rpartition(",")[2]) for row in rows]
    assert seconds == sorted(seconds)
    assert read_metrics(tmp_path / "out")["seconds"] > 0


EXHAUSTED = {
    "Python's": MemoryError(),
    "PyTorch's": RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"),
    "a GPU's": torch.OutOfMemoryError("CUDA out of memory"),
}


@pytest.mark.parametrize("name", EXHAUSTED)
def test_a_job_without_memory_does_not_stop_the_others(dip, tmp_path, photo, monkeypatch, name):
    healthy = DeepImagePrior.iterate

    def iterate(self):
        if self.settings.seed == 1:
            raise EXHAUSTED[name]
        return healthy(self)

    monkeypatch.setattr(DeepImagePrior, "iterate", iterate)
    command = (*FIT, f"image={photo}", "-m", "seed=1,2", "hydra.sweep.dir=out")
    status, out, err = dip(*command)
    assert status == 1
    assert "error: memory: there is not enough" in err
    assert "Traceback" not in out + err
    first, second = (read_metrics(tmp_path / "out" / f"seed={seed}") for seed in (1, 2))
    assert (first["status"], first["diagnosis"]) == ("failed", "out_of_memory")
    assert (second["status"], second["diagnosis"]) == ("finished", None)


@pytest.mark.parametrize(
    ("given", "word", "sentence"),
    [
        ("image=grey.png", "constant_image", "image: all of its pixels are the same"),
        ("mask=all.png", "nothing_missing", "mask: no pixel is missing"),
        ("mask=none.png", "nothing_known", "mask=none.png: no pixel is known"),
        (
            "observed=clear.png",
            "nothing_known",
            "observed=clear.png: no pixel is known, as its alp",
        ),
    ],
)
def test_what_is_wrong_with_the_input_is_named(dip, tmp_path, photo, given, word, sentence):
    for name, value in (("grey", 100), ("all", 255), ("none", 0)):
        Image.new("L", (17, 13), value).save(tmp_path / f"{name}.png")
    more = ("task=denoising",)
    if given.startswith("mask"):
        more = ("task=inpainting", "observed=photo.png")
    elif given.startswith("observed"):
        Image.new("LA", (17, 13), (100, 0)).save(tmp_path / "clear.png")
        more = ("task=inpainting",)
    status, _, err = dip(*FIT[1:], "hydra.run.dir=out", given, *more)
    metrics = read_metrics(tmp_path / "out")
    failed = word == "nothing_known"
    assert (status, metrics["status"]) == ((1, "failed") if failed else (0, "finished"))
    assert metrics["diagnosis"] == word
    assert err.count(sentence) == 1


def test_a_black_result_is_named(dip, tmp_path, photo, monkeypatch):
    monkeypatch.setattr(NoisyImage, "complete", lambda _self, x_hat, seen: 0 * x_hat)
    command = (*FIT, f"image={photo}", "-m", "seed=1,2", "hydra.sweep.dir=out")
    status, out, err = dip(*command)
    assert status == 0
    assert err.count("lr=0.01: the restored image is all black") == 2
    assert out.count("finished (black)") == 2
    assert read_metrics(tmp_path / "out" / "seed=1")["diagnosis"] == "black"
