"""A case of the quality benchmark, on tiny images in place of the published ones."""

import numpy as np
import pytest
import torch
from PIL import Image

from benchmarks import quality_fit
from benchmarks.quality_sets import SETS
from dip_lightning.errors import UserError
from dip_lightning.operators import Blur
from tests.conftest import TINY, save_png, smooth_image

SETTINGS = [*TINY, "iterations=12", "precision=float32", "device=cpu"]
CAMERA = "d600_iso3200_2"


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A folder with an image of each kind, named as the published ones."""
    root = tmp_path / "data"
    for folder in ("bm3d11", "bm3d11_masks", "set5", "real_noise"):
        (root / folder).mkdir(parents=True)
    save_png(root / "bm3d11" / "house.png", smooth_image(1, 21, 17))
    known = np.random.default_rng(0).random((21, 17)) < 0.5
    Image.fromarray(known).save(root / "bm3d11_masks" / "house.png")
    save_png(root / "set5" / "bird.png", smooth_image(3, 33, 35))
    pair(root)
    monkeypatch.setenv("DIP_DATA", str(root))
    return root


def pair(root, truth=None):
    """Write a noisy image, always the same, and its truth."""
    noise = 0.05 * torch.randn(1, 3, 15, 13, generator=torch.Generator().manual_seed(1))
    clean = smooth_image(3, 15, 13)
    save_png(root / "real_noise" / f"{CAMERA}_real.png", (clean + noise).clamp(0, 1))
    save_png(root / "real_noise" / f"{CAMERA}_mean.png", clean if truth is None else truth)


def test_all_is_compared_with_the_truth(data, tmp_path):
    found, history = quality_fit.restored("half/house", SETTINGS, tmp_path / "out")
    assert list(found.classical) == ["biharmonic"]
    assert found.observed < found.fit < found.classical["biharmonic"]
    assert (
        found.result >= found.classical["biharmonic"] - 0.05
    )  # that short a fit counts for nothing
    assert found.iterations == 12
    assert found.seconds > history.seconds > 0
    # Looked at after the tenth and the last iteration; the curve has a row for both.
    assert found.highest == pytest.approx(max(r["psnr_average"] for r in history.rows[1:]), 1e-5)
    assert {p.name for p in (tmp_path / "out").glob("*.png")} >= {"restored.png", "comparison.png"}


def test_super_resolution_is_measured_in_luma(data, tmp_path):
    found, history = quality_fit.restored("x4/bird", SETTINGS, tmp_path / "out")
    assert found.observed is None
    assert {"bicubic", "Lanczos"} <= found.classical.keys()
    assert found.highest - 0.5 < found.fit <= found.highest
    assert found.fit > history.rows[-1]["psnr_average"] + 2  # of the whole frame, in RGB


def test_an_image_too_small_for_its_metric_is_refused(data, tmp_path):
    with pytest.raises(UserError, match="x4/bird: the image is too small for psnr_y"):
        quality_fit.restored("x4/bird", [*SETTINGS, "max_side=20"], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_truth_of_a_real_photo_reaches_measurements_only(data, tmp_path):
    found = [quality_fit.restored(f"camera/{CAMERA}", SETTINGS, tmp_path / "one")[0]]
    pair(data, truth=smooth_image(3, 15, 13, seed=5))
    found += [quality_fit.restored(f"camera/{CAMERA}", SETTINGS, tmp_path / "two")[0]]
    one, two = ((tmp_path / name / "restored.png").read_bytes() for name in ("one", "two"))
    assert one == two
    assert found[0].iterations == found[1].iterations
    assert found[0].observed > 25 > found[1].observed


@pytest.mark.parametrize(
    "case", ["half/house", "x4/bird", "blur/bird", "mosaic/bird", f"camera/{CAMERA}"]
)
def test_the_result_is_the_commands(case, data, tmp_path, dip):
    quality_fit.restored(case, SETTINGS, tmp_path / "ours")
    group, image = case.split("/")
    of = SETS[group]
    given = f"image={of.clean.format(image)}"
    if of.observed:
        given = f"observed={data / of.observed.format(image)}"
    status, _, said = dip(*of.keys, given, "logger=none", *SETTINGS, "hydra.run.dir=command")
    assert status == 0, said
    ours, theirs = (tmp_path / name / "restored.png" for name in ("ours", "command"))
    assert ours.read_bytes() == theirs.read_bytes()


def test_photo_and_truth_are_cut_alike(data):
    job = quality_fit.opened(f"camera/{CAMERA}", [*SETTINGS, "max_side=9"])
    assert job.problem.x.shape == job.problem.y.shape == (1, 3, 9, 9)
    assert job.score(job.problem.y) > 25


@pytest.mark.parametrize("number", [4, 5])
def test_a_kernel_is_turned_as_its_file_needs_it(number, tmp_path, monkeypatch):
    """The fifth is applied by correlation, the fourth by convolution."""
    (tmp_path / "levin").mkdir()
    kernel = torch.tensor([[0.5, 0.2, 0.0], [0.1, 0.0, 0.2]]).repeat_interleave(2, 0)[:3]
    wide = smooth_image(1, 37, 38)
    as_applied = kernel if number == 4 else kernel.flip(0, 1)
    save_png(tmp_path / f"levin/im1_kernel{number}_img.png", Blur(as_applied / kernel.sum())(wide))
    save_png(tmp_path / "levin/im1.png", wide[..., 1:-1, 1:-1])
    save_png(tmp_path / f"levin/kernel{number}.png", kernel[None, None])
    monkeypatch.setenv("DIP_DATA", str(tmp_path))
    job = quality_fit.opened(f"levin/im1_kernel{number}", SETTINGS)
    residual = (job.problem.A(wide) - job.problem.y).abs().max()
    assert float(residual) < 0.02
    assert job.score(job.problem.x) > 60


def test_a_truth_of_another_size_is_refused(data):
    pair(data, truth=smooth_image(3, 14, 13))
    with pytest.raises(UserError, match="the truth is"):
        quality_fit.opened(f"camera/{CAMERA}", SETTINGS)


def test_a_version_is_of_the_settings_and_of_no_path(data, tmp_path, monkeypatch):
    case = f"camera/{CAMERA}"
    before = quality_fit.version(case, SETTINGS)
    assert quality_fit.version(case, [*SETTINGS, "lr=0.003"]) != before
    assert quality_fit.version("half/house", SETTINGS) != before
    monkeypatch.setenv("DIP_DATA", str(data.rename(tmp_path / "moved")))
    assert quality_fit.version(case, SETTINGS) == before
