"""One job: what it loads, and what it sets for the process."""

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image

from dip_lightning import compute
from dip_lightning.cli import run
from dip_lightning.cli.composing import Source, to_config
from tests.conftest import read_metrics, save_png, smooth_image, stored_array


def config(*overrides):
    return to_config(Source().compose([*overrides, "logger=none"]))


def test_a_limit_of_the_side_cuts_image_and_mask_to_their_centre(dip, tmp_path, photo):
    mask = torch.ones(1, 1, 13, 17)
    mask[..., 6, 7:] = 0
    save_png(tmp_path / "mask.png", mask)
    told = ("task=inpainting", f"image={photo}", "mask=mask.png", "preset=smoke", "iterations=1")
    assert dip(*told, "logger=none", "max_side=8", "hydra.run.dir=out")[0] == 0
    metrics = read_metrics(tmp_path / "out")
    assert (metrics["size"], metrics["cropped"]) == ([3, 8, 8], True)
    inside = (..., slice(2, 10), slice(4, 12))
    expected = save_png(tmp_path / "y.png", (smooth_image(3, 13, 17) * mask)[inside])
    with Image.open(tmp_path / "out" / "observed.png") as observed, Image.open(expected) as y:
        assert np.array_equal(np.asarray(observed), np.asarray(y))


def test_an_input_image_is_cut_where_the_small_image_is(tmp_path):
    small = torch.arange(11 * 9.0).view(1, 1, 11, 9) / 255
    large = small.repeat_interleave(3, 2).repeat_interleave(3, 3)
    paths = [save_png(tmp_path / f"{i}.png", image) for i, image in enumerate((small, large))]
    told = (f"observed={paths[0]}", f"input_image={paths[1]}", "input_type=image", "input_depth=1")
    picture, given = run.load(config("task=sr", "factor=3", *told, "max_side=14"))
    assert picture.size == (4, 4)
    assert torch.equal(given.z[..., ::3, ::3], given.y)
    assert given.z.shape[2:] == (12, 12)


@pytest.mark.parametrize("tile", [(), ("tile=64", "overlap=16")])
def test_an_input_image_is_as_large_as_the_image_that_is_blurred(dip, tmp_path, tile):
    for name, size in (("sharp", (75, 71)), ("small", (71, 67))):
        save_png(tmp_path / f"{name}.png", smooth_image(3, *size))
    told = ("task=deblurring", "image=sharp.png", "kernel=motion", "length=5", "preset=smoke")
    told += ("iterations=1", "logger=none", "input_type=image", "input_depth=3", *tile)
    assert dip(*told, "input_image=sharp.png", "hydra.run.dir=out")[0] == 0
    status, _, err = dip(*told, "input_image=small.png")
    assert status != 0
    assert err == "error: input_image: is 67 x 71 pixels, expected 71 x 75\n"


def test_each_job_sets_the_threads_again(monkeypatch):
    before, kept = torch.get_num_threads(), []
    monkeypatch.setattr(compute, "keep_float32", lambda: kept.append("float32"))
    monkeypatch.setattr(compute, "keep_freed_memory", lambda: kept.append("memory"))
    try:
        run._prepare(config("threads=3"))
        assert torch.get_num_threads() == 3
        run._prepare(config())
        assert torch.get_num_threads() == compute.ALL_THREADS
    finally:
        torch.set_num_threads(before)
    assert sorted(kept) == ["float32"] * 2 + ["memory"] * 2


@pytest.mark.parametrize("tiles", [(), ("tile=64",)])
def test_a_fit_ends_when_its_result_is_at_the_noise(dip, tmp_path, photo, tiles):
    told = ("task=denoising", f"image={photo}", "preset=smoke", "iterations=90", "log_every=7")
    told += ("discrepancy=4", "logger=none", *tiles)
    status, out, _ = dip(*told, "chunk=1", "hydra.run.dir=one")
    assert status == 0
    assert "at most 90 iterations on cpu" in out
    metrics = read_metrics(tmp_path / "one")
    assert metrics["status"] == "finished"
    assert 0 < metrics["iterations"] < 90
    assert metrics["iterations"] % 10 == 0
    assert f"ended at iteration {metrics['iterations']}: the result differs" in out
    assert metrics["y_noise_std"] == pytest.approx(25 / 255)
    assert metrics["stopping"] == "noise level"
    rows = (tmp_path / "one" / "history.csv").read_text().splitlines()
    assert rows[-1].startswith(f"{metrics['iterations']},")
    assert (tmp_path / "one" / "snapshots" / f"{metrics['iterations']:06}.webp").is_file()
    assert dip(*told, "hydra.run.dir=two")[0] == 0
    one, two = (tmp_path / name / "restored.png" for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()


def noisy_photo(tmp_path, blur=1):
    side = 40 + blur - 1
    noise = torch.randn(1, 1, side, side, generator=torch.Generator().manual_seed(0))
    mean = noise.unfold(2, blur, 1).mean(-1).unfold(3, blur, 1).mean(-1)
    return save_png(tmp_path / "noisy.png", (0.5 + 0.1 * mean).clamp(0, 1))


def test_a_limit_before_the_noise_is_told(dip, tmp_path):
    told = ("task=denoising", f"observed={noisy_photo(tmp_path)}", "preset=smoke", "logger=none")
    status, out, err = dip(*told, "discrepancy=0.01", "hydra.run.dir=out")
    assert status == 0
    assert "iterations=20: the fit would end where the result differs from the noisy image" in err
    assert "noise found: 2" in out
    metrics = read_metrics(tmp_path / "out")
    assert metrics["y_noise_std"] == pytest.approx(0.1, rel=0.1)
    assert metrics["stopping"] == "iterations"
    assert "before the result" not in dip(*told)[2]


def test_noise_that_detail_hides_is_told(dip, tmp_path, photo):
    told = ("task=denoising", f"observed={photo}", "preset=smoke", "logger=none")
    status, _, err = dip(*told, "discrepancy=0.96", "hydra.run.dir=out")
    assert status == 0
    assert "noise: how much there is cannot be told from this image" in err
    metrics = read_metrics(tmp_path / "out")
    assert (metrics["y_noise_std"], metrics["stopping"]) == (None, "iterations")
    assert "noise:" not in dip(*told)[2]
    told = ("task=denoising", f"image={photo}", "observation=clean", "preset=smoke", "logger=none")
    assert "noise:" not in dip(*told, "discrepancy=0.96")[2]


def test_correlated_noise_ends_at_its_bend(dip, tmp_path):
    photo = noisy_photo(tmp_path, blur=3)
    told = ("task=denoising", f"observed={photo}", "preset=smoke", "logger=none", "iterations=90")
    assert dip(*told, "discrepancy=20", "hydra.run.dir=out")[0] == 0
    metrics = read_metrics(tmp_path / "out")
    assert metrics["stopping"] == "noise level and bend"
    assert metrics["iterations"] < 90


@pytest.mark.parametrize("task", ["inpainting", "restoration"])
def test_what_is_under_a_mask_changes_no_bit_of_the_result(dip, tmp_path, task):
    m = torch.ones(1, 1, 21, 17)
    m[..., 5:9, 3:8] = 0
    save_png(tmp_path / "m.png", m)
    values = 30 * smooth_image(1, 21, 17)[0, 0].numpy()
    told = (f"task={task}", "observed=a.tif", "mask=m.png", "preset=smoke", "logger=none")
    for name, hidden in (("one", -9999), ("two", np.nan)):
        tifffile.imwrite(tmp_path / "a.tif", np.where(m[0, 0] > 0, values, hidden))
        assert dip(*told, f"hydra.run.dir={name}")[0] == 0
    for file in ("restored.tif", "restored.png", "observed.png", "comparison.png", "mask.png"):
        one, two = (tmp_path / name / file for name in ("one", "two"))
        assert one.read_bytes() == two.read_bytes(), file
    restored = tifffile.imread(tmp_path / "one" / "restored.tif")
    assert 0 <= restored.min() < restored.max() < 31
    with Image.open(tmp_path / "one" / "mask.png") as understood:
        assert np.array_equal(np.asarray(understood), 255 * m[0, 0].numpy())


def test_a_corner_of_16_bits_is_restored_in_its_own_values(dip, tmp_path):
    stored = (100 + 500 * smooth_image(1, 69, 71)[0, 0].numpy()).astype(np.uint16)
    stored[33, 34], stored[40:42, 45] = 65535, 60000
    tifffile.imwrite(tmp_path / "a.tif", stored)
    told = ("task=denoising", "observed=a.tif", "preset=smoke", "logger=none")
    assert dip(*told, "max_side=40", "hydra.run.dir=out")[0] == 0
    ((low, high),) = read_metrics(tmp_path / "out")["data_range"]
    assert low >= 100
    assert high < 800
    restored = tifffile.imread(tmp_path / "out" / "restored.tif")
    assert restored.dtype == np.uint16
    with Image.open(tmp_path / "out" / "snapshots" / "restored.png") as shown:
        assert np.asarray(shown).max() > 64
    assert (restored > 50000).sum() == 2  # the star; not the hot pixel
    assert (restored < 800).sum() == restored.size - 2


def test_a_hole_in_one_channel(dip, tmp_path):
    stored = smooth_image(5, 21, 17)[0].numpy()
    stored[2, 3:6, 4:7] = np.nan
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="minisblack", planarconfig="separate")
    told = ("task=restoration", "observed=a.tif", "preset=smoke", "logger=none")
    status, out, _ = dip(*told, "hydra.run.dir=out")
    assert status == 0
    assert "0.5 % missing" in out
    assert len(read_metrics(tmp_path / "out")["data_range"]) == 5
    assert np.isfinite(tifffile.imread(tmp_path / "out" / "restored.tif")).all()


def test_a_mosaic_of_16_bits_becomes_a_colour_image_of_16_bits(dip, tmp_path):
    mosaic = stored_array(1, "uint16")
    tifffile.imwrite(tmp_path / "a.tif", mosaic, imagej=True)
    told = ("task=demosaicing", "pattern=bggr", "observed=a.tif", "preset=smoke", "logger=none")
    assert dip(*told, "iterations=2", "hydra.run.dir=out")[0] == 0
    restored = tifffile.imread(tmp_path / "out" / "restored.tif")
    assert (restored.shape, restored.dtype) == ((9, 14, 3), np.uint16)
    assert (restored[::2, ::2, 2] == mosaic[::2, ::2]).all()
    assert (restored[1::2, 1::2, 0] == mosaic[1::2, 1::2]).all()
    with tifffile.TiffFile(tmp_path / "out" / "restored.tif") as file:
        assert file.pages[0].photometric.name == "RGB"
    with Image.open(tmp_path / "out" / "observed.png") as observed:
        assert (np.asarray(observed) == mosaic).all()
