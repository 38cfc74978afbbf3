"""Images fitted in tiles that are cut off at any moment, and go on."""

import json
import os
import shutil
import signal

import numpy as np
import pytest
import torch
from PIL import Image

from dip_lightning.prior.deep_image_prior import DeepImagePrior
from dip_lightning.prior.outputs import KEPT
from dip_lightning.runs import checkpoint, ownership
from dip_lightning.runs.ownership import LISTING
from tests.conftest import TINY, read_metrics, save_png, smooth_image
from tests.faults.killing import die_in_write, differences, start, wait
from tests.faults.test_resume import crash, curve, same, stop

FIT = ("task=restoration", "known=0.5", "iterations=6", "chunk=2", "logger=none", "log_every=3")
FIT += ("checkpoint_seconds=0", "tile=64", "overlap=16", "noise_std=0.03")
WRITES = 4  # of a tile's last.ckpt: two chunks, the end, and what is kept of it


@pytest.fixture
def photo(tmp_path):
    """An RGB image file of three tiles beside each other."""
    return save_png(tmp_path / "photo.png", smooth_image(3, 20, 150))


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    return tmp_path_factory.mktemp("kept") / "whole"


@pytest.fixture
def whole(dip, tmp_path, photo, kept):
    """A copy of what the command gives if nothing stops it."""
    if not kept.exists():
        assert dip(*FIT, f"image={photo.name}", "hydra.run.dir=whole")[0] == 0
        shutil.copytree(tmp_path / "whole", kept)
    return shutil.copytree(kept, tmp_path / "whole", dirs_exist_ok=True)


@pytest.fixture
def cut(monkeypatch):
    """Let something happen in a tile after an iteration, once; tiles begin at 0, 43 and 86."""

    def at(column, iteration, happen):
        healthy, left = DeepImagePrior.training_step, [happen]

        def step(self, iterations):
            healthy(self, iterations)
            if self.part.endswith(f" {column}") and self.iteration >= iteration and left:
                left.pop()(self)

        monkeypatch.setattr(DeepImagePrior, "training_step", step)

    return at


def same_tiles(one, two):
    places = sorted(path.parent.name for path in one.glob("tiles/*/last.ckpt"))
    assert places == ["000", "001", "002"]
    for place in places:
        first, second = (checkpoint.read(f / "tiles" / place / "last.ckpt") for f in (one, two))
        del first["callbacks"], second["callbacks"]  # the curve, with seconds in it
        assert list(differences(first, second)) == []
        assert curve(one / "tiles" / place) == curve(two / "tiles" / place)
    assert sorted(path.name for path in one.glob("tiles/*/*")) == sorted(
        path.name for path in two.glob("tiles/*/*")
    )


@pytest.mark.parametrize(
    ("place", "happen"),
    [((0, 6), stop), ((43, 2), stop), ((86, 4), crash)],
    ids=["first, late", "second, early", "third, crash"],
)
def test_a_mosaic_goes_on_where_it_was_cut_off(dip, photo, whole, cut, place, happen):
    command, out = (
        (*FIT, f"image={photo.name}", "hydra.run.dir=out", "resume=true"),
        whole.parent / "out",
    )
    cut(*place, happen)
    assert dip(*command)[0] == (143 if happen is stop else 1)
    assert read_metrics(out)["status"] == ("interrupted" if happen is stop else "failed")
    finished = [out / f"tiles/{number:03}/last.ckpt" for number in range(place[0] // 43)]
    before = [path.read_bytes() for path in finished]
    status, _, err = dip(*command)
    assert status == 0
    assert "tile 1/3" not in err
    assert "tile 3/3" in err
    same(whole, out)
    same_tiles(whole, out)
    assert [path.read_bytes() for path in finished] == before
    assert "finished before" in dip(*command)[1]


def test_what_there_is_is_kept(dip, tmp_path, photo, whole, cut):
    cut(43, 4, stop)
    status, _, err = dip(*FIT, f"image={photo.name}", "hydra.run.dir=out")
    assert status == 143
    assert "1 of 3 tiles are finished" in err
    folder = tmp_path / "out"
    metrics = read_metrics(folder)
    assert (metrics["status"], metrics["iterations"], metrics["baselines"]) == (
        "interrupted",
        3,
        [],
    )
    restored, complete, observed = (
        np.asarray(Image.open(path))
        for path in (folder / "restored.png", whole / "restored.png", folder / "observed.png")
    )
    assert np.array_equal(restored[:, :43], complete[:, :43])  # the first tile alone
    assert not np.array_equal(restored[:, 64:86], complete[:, 64:86])
    assert not np.array_equal(restored[:, 64:86], observed[:, 64:86])
    assert np.array_equal(restored[:, 107:], observed[:, 107:])  # the third tile alone
    assert [row.split(",")[0] for row in curve(folder)[1:]] == ["6", "10"]


def test_sr_that_was_cut_off_shows_an_enlargement(dip, tmp_path, cut):
    save_png(tmp_path / "small.png", smooth_image(3, 10, 75))
    cut(0, 4, stop)
    command = ("task=sr", "factor=2", "observed=small.png", *FIT[2:])
    assert dip(*command, "hydra.run.dir=out")[0] == 143
    with Image.open(tmp_path / "out" / "restored.png") as restored:
        assert restored.size == (150, 20)
        right = np.asarray(restored)[:, 110:].astype(float)
    small = np.asarray(Image.open(tmp_path / "small.png"))[:, 55:].astype(float)
    assert np.abs(right.reshape(10, 2, 20, 2, 3).mean((1, 3)) - small).max() < 6


def test_a_signal_before_the_first_iteration_leaves_no_result(dip, tmp_path, photo, monkeypatch):
    from dip_lightning.runs import report

    healthy = report.write_observed

    def write(*arguments):
        healthy(*arguments)
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(report, "write_observed", write)
    assert dip(*FIT, f"image={photo.name}", "hydra.run.dir=out")[0] == 143
    assert not (tmp_path / "out" / "restored.png").exists()


def test_a_signal_between_copies_and_the_first_fit_invents_no_iterations(
    dip, tmp_path, photo, monkeypatch
):
    from dip_lightning.cli.tiling import Tiling

    healthy = Tiling._fit

    def fit(*arguments):
        os.kill(os.getpid(), signal.SIGTERM)
        return healthy(*arguments)

    monkeypatch.setattr(Tiling, "_fit", fit)
    mask = np.full((20, 150), 255, np.uint8)
    mask[-3:, -3:] = 0
    Image.fromarray(mask).save(tmp_path / "mask.png")
    command = ("task=inpainting", f"observed={photo}", "mask=mask.png", "keep_known=true")
    status, _, err = dip(*FIT[2:], *command, "hydra.run.dir=out")
    assert status == 143
    assert "stopped at iteration 0; the result so far is saved" in err
    metrics = read_metrics(tmp_path / "out")
    assert (metrics["status"], metrics["iterations"], metrics["loss"]) == ("interrupted", 0, None)
    assert (tmp_path / "out" / "restored.png").exists()


@pytest.mark.parametrize("count", [1, WRITES, 2 * WRITES + 3, 3 * WRITES])
def test_a_mosaic_killed_while_it_writes_ends_with_the_same_bits(tmp_path, photo, whole, count):
    command = [*FIT, *TINY, f"image={photo.name}", "resume=true", "hydra.run.dir=out"]
    log = tmp_path / "log"
    assert wait(start(log, command, die_in_write(count))) == -signal.SIGKILL
    half = (tmp_path / f"out/tiles/{(count - 1) // WRITES:03}").glob(".*.partial.last.ckpt")
    assert len(list(half)) == 1
    assert wait(start(log, command)) == 0
    assert not list(tmp_path.rglob("*.partial*"))
    same(whole, tmp_path / "out")
    same_tiles(whole, tmp_path / "out")


def test_a_tile_that_diverges_keeps_its_last_good_result(dip, tmp_path, photo, monkeypatch):
    healthy = DeepImagePrior.iterate

    def breaking(self):
        bad = self.part.endswith(" 43") and self.iteration >= 4
        self.problem.own_loss = (lambda a, y: (a - y).sum() * float("nan")) if bad else None
        return healthy(self)

    monkeypatch.setattr(DeepImagePrior, "iterate", breaking)
    command = (*FIT, f"image={photo.name}", "hydra.run.dir=out", "resume=true")
    for _ in range(2):  # a tile that diverged begins again, the others are kept
        status, _, err = dip(*command)
        metrics = read_metrics(tmp_path / "out")
        assert status == 0
        assert (metrics["status"], metrics["diagnosis"]) == ("diverged", "not_finite")
        assert "not a finite number any more at iteration 5" in err
        assert metrics["psnr_average"] > 5
    assert "tile 1/3" not in err
    monkeypatch.setattr(DeepImagePrior, "iterate", healthy)
    assert dip(*command)[0] == 0
    assert read_metrics(tmp_path / "out")["status"] == "finished"


def test_a_tile_of_another_image_is_refused(dip, tmp_path, photo, cut):
    command = (*FIT, f"image={photo.name}", "hydra.run.dir=out", "resume=true")
    cut(43, 4, stop)
    dip(*command)
    files = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    for name in ("report.html", LISTING):  # written anew, and a line longer, after every job
        del files[tmp_path / "out" / name]
    pixels = smooth_image(3, 20, 150)
    pixels[..., 70:100] = 0.5  # the first tile is as it was
    save_png(photo, pixels)
    status, _, err = dip(*command)
    assert status == 1
    assert err == (
        "error: out/tiles/001/last.ckpt: is of another image; start again with resume=false\n"
    )
    assert {path: path.read_bytes() for path in files} == files


def test_a_tile_of_another_mask_is_refused(dip, tmp_path, photo, cut):
    """With an image of the user's own, nothing but the mask itself tells."""
    mask = torch.ones(1, 1, 20, 150)
    mask[..., 5:9, 40:] = 0
    save_png(tmp_path / "mask.png", mask)
    told = (f"observed={photo}", "mask=mask.png", "hydra.run.dir=out", "resume=true")
    command = (*(text for text in FIT if not text.startswith("known=")), *told)
    cut(43, 4, stop)
    dip(*command)
    mask[..., 5:9, 100:] = 1  # the first tile is as it was
    save_png(tmp_path / "mask.png", mask)
    status, _, err = dip(*command)
    assert status == 1
    assert "last.ckpt: is of another image or mask; start again with resume=false" in err


def test_a_damaged_tile_is_fitted_again(dip, tmp_path, photo, whole):
    ownership.claim(whole / "tiles/001/last.ckpt")  # as if a run had been killed
    (whole / "tiles/001/last.ckpt").write_bytes(b"broken")
    metrics = json.loads((whole / "metrics.json").read_text())
    (whole / "metrics.json").unlink()
    result = (whole / "restored.png").read_bytes()
    status, _, err = dip(*FIT, f"image={photo.name}", "hydra.run.dir=whole", "resume=true")
    assert status == 0
    assert "whole/tiles/001/last.ckpt: cannot be read" in err
    assert "tile 2/3" in err
    assert "tile 1/3" not in err
    assert (whole / "restored.png").read_bytes() == result
    assert read_metrics(whole)["psnr"] == metrics["psnr"]


def test_what_is_kept_of_a_tile_is_small(whole):
    saved = checkpoint.read(whole / "tiles/000/last.ckpt")
    assert saved.keys() == {"configuration", "given", "fit", "callbacks", "state_dict"}
    assert saved["state_dict"].keys() == set(KEPT)
    assert all(isinstance(value, torch.Tensor) for value in saved["state_dict"].values())


def test_a_new_run_in_the_folder_takes_no_old_tiles(dip, tmp_path, photo, whole):
    (whole / "tiles/007").mkdir()
    assert dip(*FIT, f"image={photo.name}", "hydra.run.dir=whole")[0] == 0
    assert sorted(path.name for path in (whole / "tiles").iterdir()) == ["000", "001", "002"]
