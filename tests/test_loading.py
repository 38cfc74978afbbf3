"""What a job is given of its files: nothing that lies under a mask."""

import numpy as np
import pytest
import tifffile
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kornia.filters import gaussian_blur2d
from PIL import Image

from dip_lightning import tasks
from dip_lightning.config import Config
from dip_lightning.errors import UserError
from dip_lightning.loading import load
from dip_lightning.operators import Mosaic
from tests.conftest import save_png, smooth_image, stored_array

MASKED = {"mask_means": "known", "mask_grow": 0, "keep_known": False}


def configure(task="restoration", **keys):
    return Config(task=task, **({} if task == "denoising" else MASKED), **keys)


def save_mask(path, m):
    Image.fromarray((m * 255).astype(np.uint8)).save(path)
    return str(path)


def same(one, other):
    return all(
        (a is None and b is None) or torch.equal(a, b)
        for a, b in zip(
            (one[1].y, one[1].m, one[0].pixels, one[0].beyond),
            (other[1].y, other[1].m, other[0].pixels, other[0].beyond),
            strict=True,
        )
    )


@given(
    dtype=st.sampled_from(["uint8", "uint16", "float32", "float64"]),
    values=st.lists(st.floats(allow_subnormal=False), min_size=1, max_size=5),
    seed=st.integers(0, 99),
)
@settings(deadline=None, suppress_health_check=list(HealthCheck), max_examples=40)
def test_what_is_masked_never_matters(tmp_path, dtype, values, seed):
    rng = np.random.default_rng(seed)
    stored = stored_array(1, dtype)
    m = rng.random(stored.shape) < rng.uniform(0.1, 0.9)
    m[0, 0], m[1, 1] = True, False
    mask = save_mask(tmp_path / "m.png", m)
    loaded = []
    for put in ([0], values):
        changed = stored.copy()
        with np.errstate(all="ignore"):
            changed[~m] = np.resize(np.array(put, np.float64), (~m).sum()).astype(dtype)
        tifffile.imwrite(tmp_path / "a.tif", changed)
        loaded.append(load(configure(observed=str(tmp_path / "a.tif"), mask=mask)))
    assert same(*loaded)
    assert loaded[0][0].format == loaded[1][0].format


def test_not_a_number_is_missing_without_a_mask(tmp_path):
    values = 30 * stored_array(1, "float32")
    values[2, 3] = np.nan
    tifffile.imwrite(tmp_path / "a.tif", values)
    picture, work = load(configure(observed=str(tmp_path / "a.tif")))
    assert (work.m == 0).nonzero().tolist() == [[0, 0, 2, 3]]
    assert picture.format.high[0] <= 30
    with pytest.raises(UserError, match=r"holds 1 value .* task=restoration"):
        load(configure("denoising", observed=str(tmp_path / "a.tif")))
    with pytest.raises(UserError, match=r"image=.* holds 1 value"):
        load(configure(image=str(tmp_path / "a.tif")))


def test_a_value_of_no_data_is_missing(tmp_path):
    depth = (900 + 2000 * stored_array(1, "float32")).astype(np.uint16)
    depth[4, 5:9] = 0
    tifffile.imwrite(tmp_path / "a.tif", depth)
    picture, work = load(configure(observed=str(tmp_path / "a.tif"), nodata=0))
    assert (work.m == 0).nonzero()[:, 3].tolist() == [5, 6, 7, 8]
    assert picture.format.low[0] >= 900
    assert not load(configure(observed=str(tmp_path / "a.tif")))[0].known


def test_transparent_pixels_are_missing_whatever_their_colour(tmp_path):
    loaded = []
    for hidden in (0, 255):
        rgba = np.dstack([stored_array(3, "uint8"), np.full((9, 14), 255, np.uint8)])
        rgba[2:4, 3:6] = hidden, hidden, hidden, 0
        Image.fromarray(rgba).save(tmp_path / "a.png")
        loaded.append(load(configure(observed=str(tmp_path / "a.png"))))
    assert same(*loaded)
    assert loaded[0][1].m_is_alpha
    assert loaded[0][1].m.sum() == 9 * 14 - 6


def test_an_opaque_image_has_no_mask(tmp_path):
    rgba = np.dstack([stored_array(3, "uint8"), np.full((9, 14), 255, np.uint8)])
    Image.fromarray(rgba).save(tmp_path / "a.png")
    _, work = load(configure(observed=str(tmp_path / "a.png")))
    assert work.m is None
    assert not work.m_is_alpha


def test_the_result_is_given_nothing_of_the_truth(tmp_path):
    """A hot pixel of x would show in a result that had never seen it."""
    values = (100 + 39 * stored_array(1, "float32")).astype(np.uint16)
    values[2:4, 3:5] = 60000
    tifffile.imwrite(tmp_path / "a.tif", values)
    path = str(tmp_path / "a.tif")
    assert load(configure("denoising", image=path))[0].beyond is None
    values[2:4, 3:5] = 0
    values[3, 4] = values[3, 5] = 60000
    big = np.tile(values, (20, 20))
    big[:, 14:] = 100
    tifffile.imwrite(path, big)
    assert load(configure("denoising", observed=path))[0].beyond is not None


def test_the_dark_of_counts_is_0(tmp_path):
    values = (100 + 39 * stored_array(1, "float32")).astype(np.uint16)
    path = str(tmp_path / "a.tif")
    tifffile.imwrite(path, values)
    for key in ("image", "observed"):
        picture, work = load(configure("denoising", noise="poisson", **{key: path}))
        assert picture.format.ranges == [[0.0, float(values.max())]]
        pixels = work.x if key == "image" else work.y
        torch.testing.assert_close(pixels[0, 0], torch.from_numpy(values / values.max()).float())
    tifffile.imwrite(path, values.astype(np.float32) - 101)
    with pytest.raises(UserError, match=r"observed=.*a\.tif: holds negative values, and noise=po"):
        load(configure("denoising", noise="poisson", observed=path))


def test_literature_images_of_8_bits_stay_as_they_are(tmp_path):
    """Their 0 and 255 are 0 and 1, to the bit."""
    from dip_lightning.images.collections import SAMPLES, find_image

    for name in SAMPLES:
        stored = np.asarray(Image.open(find_image(name)))
        picture, _ = load(configure("denoising", image=name))
        assert picture.format.ranges == [[0.0, 255.0]], name
        expected = torch.from_numpy(np.atleast_3d(stored).copy()).permute(2, 0, 1).double() / 255
        assert torch.equal(picture.pixels[0], expected.float()[: picture.pixels.shape[1]]), name


def test_a_doubtful_mask_is_said(tmp_path, capsys):
    m = np.zeros((13, 17), bool)
    m[2, 3:5] = True
    Image.fromarray((smooth_image(1, 13, 17)[0, 0] * 255).byte().numpy()).save(tmp_path / "a.png")
    keys = {"observed": str(tmp_path / "a.png"), "mask": save_mask(tmp_path / "m.png", m)}
    load(configure("inpainting", **keys))
    assert "99.1% of the pixels are missing; if white marks what is" in capsys.readouterr().err
    load(Config(task="inpainting", **{**MASKED, "mask_means": "missing"}, **keys))
    assert not capsys.readouterr().err


def test_a_mask_grows(tmp_path):
    m = np.ones((13, 17), bool)
    m[6, 8] = False
    keys = {"image": "chelsea", "mask": save_mask(tmp_path / "m.png", m)}
    Image.fromarray((smooth_image(1, 13, 17)[0, 0] * 255).byte().numpy()).save(tmp_path / "a.png")
    keys["image"] = str(tmp_path / "a.png")
    _, work = load(Config(task="inpainting", **{**MASKED, "mask_grow": 1}, **keys))
    assert (work.m == 0).sum() == 5


@pytest.mark.parametrize("max_side", [None, 6])
def test_a_mosaic_keeps_its_pattern_where_it_is_cropped(tmp_path, max_side):
    stored = stored_array(1, "uint16")  # 9 x 14: 6 x 6 pixels begin at an odd row
    tifffile.imwrite(tmp_path / "a.tif", stored)
    keys = {"pattern": "gbrg", "keep_known": None, "max_side": max_side}
    picture, work = load(Config(task="demosaicing", observed=str(tmp_path / "a.tif"), **keys))
    whole = Mosaic("gbrg").adjoint(torch.from_numpy(stored / 65535).float()[None, None])
    expected = whole if max_side is None else whole[..., 1:7, 4:10]
    torch.testing.assert_close(work.y, expected, rtol=0, atol=1e-6)
    assert torch.equal(work.m > 0, expected > 0)
    assert picture.format.dtype == "uint16"


@pytest.mark.parametrize("max_side", [None, 34])
@pytest.mark.parametrize("span", [255, 60])
def test_the_bounds_of_a_jpeg_are_in_the_range_of_its_pixels(tmp_path, max_side, span):
    pixels = 90 + span * (smooth_image(3, 37, 53) - 0.5)
    array = pixels[0].permute(1, 2, 0).clamp(0, 255).byte().numpy()
    Image.fromarray(array).save(tmp_path / "a.jpg", quality=70)
    keys = {"bounds": True, "centering": 0.0, "max_side": max_side}
    picture, work = load(Config(task="jpeg", observed=str(tmp_path / "a.jpg"), **keys))
    assert picture.format.is_whole == (span == 255)
    assert work.coefficients.size == picture.size == ((37, 53) if max_side is None else (32, 32))
    centre, steps, known = work.coefficients.flat()
    apart = ((work.coefficients.operator(work.y) - centre) / steps).abs()[known > 0]
    assert float((apart < 0.5).float().mean()) > 0.95  # not all: decoded in whole grey levels


@pytest.mark.parametrize("max_side", [None, 24])
def test_what_a_blurred_jpeg_has_lost_is_read_from_it(tmp_path, max_side):
    blurred = gaussian_blur2d(smooth_image(3, 37, 53), (7, 7), (1.5, 1.5))
    save_png(tmp_path / "a.png", blurred)
    Image.open(tmp_path / "a.png").save(tmp_path / "a.jpg", quality=70)
    keys = {"task": "deblurring", "kernel": "gaussian", "max_side": max_side}
    _, work = load(Config(observed=str(tmp_path / "a.jpg"), **keys))
    rounded_off = work.coefficients.noise_std()
    assert 0.5 / 255 < rounded_off < 5 / 255
    problem = tasks.problem(work, {**keys, "sigma": None, "back_projection": 1.0, "blur_sigma": 1})
    assert problem.y_noise_std == rounded_off
    _, work = load(Config(observed=str(tmp_path / "a.png"), **keys))
    assert work.coefficients is None


@pytest.mark.parametrize("bounds", [True, False])
def test_a_jpeg_that_is_enlarged_bounds_the_result_where_that_is_wanted(tmp_path, bounds):
    save_png(tmp_path / "a.png", smooth_image(3, 37, 53))
    Image.open(tmp_path / "a.png").save(tmp_path / "a.jpg", quality=70)
    keys = {"task": "sr", "factor": 2, "bounds": bounds, "sigma": None}
    problem = tasks.problem(load(Config(observed=str(tmp_path / "a.jpg"), **keys))[1], keys)
    assert (problem.bounds is not None) is bounds
    work = load(Config(observed=str(tmp_path / "a.png"), **keys))[1]
    assert tasks.problem(work, keys).bounds is None
    noisy = smooth_image(3, 90, 80) + 0.1 * torch.randn(1, 3, 90, 80, generator=torch.Generator())
    save_png(tmp_path / "a.png", noisy.clamp(0, 1))
    Image.open(tmp_path / "a.png").save(tmp_path / "a.jpg", quality=98, subsampling="4:4:4")
    problem = tasks.problem(load(Config(observed=str(tmp_path / "a.jpg"), **keys))[1], keys)
    assert problem.y_noise_std is not None
    assert problem.bounds is None


def test_another_format_bounds_nothing(tmp_path):
    Image.fromarray(stored_array(3, "uint8")).save(tmp_path / "a.png")
    with pytest.raises(UserError, match=r"observed=.*a.png: is no JPEG file, expected one"):
        load(Config(task="jpeg", observed=str(tmp_path / "a.png")))


def test_a_colour_image_is_no_mosaic(tmp_path):
    Image.fromarray(stored_array(3, "uint8")).save(tmp_path / "a.png")
    with pytest.raises(UserError, match=r"a.png: has 3 channels, expected the one .* no palette"):
        load(Config(task="demosaicing", pattern="rggb", observed=str(tmp_path / "a.png")))


def test_a_mosaic_with_values_that_are_no_numbers(tmp_path):
    values = 30 * stored_array(1, "float32")
    values[2, 3] = np.nan
    tifffile.imwrite(tmp_path / "a.tif", values)
    with pytest.raises(UserError, match=r"no data; a raw mosaic needs a number at each pixel$"):
        load(Config(task="demosaicing", pattern="rggb", observed=str(tmp_path / "a.tif")))


@pytest.mark.parametrize("mask", ["bm3d11_masks", "bm3d11_masks/pond", "masks/pond"])
def test_a_mask_made_from_a_masked_image_cannot_tell_of_black(tmp_path, monkeypatch, mask):
    monkeypatch.setenv("DIP_DATA", str(tmp_path))
    x = (smooth_image(1, 40, 50) * 200 + 20).byte().numpy()[0, 0]
    x[:8] = 0
    published = (np.random.default_rng(0).random(x.shape) < 0.3) & (x > 0)
    for folder, array in (("bm3d11", x), ("bm3d11_masks", published), ("masks", published)):
        (tmp_path / folder).mkdir()
        Image.fromarray(array).save(tmp_path / folder / "pond.png")
    job = configure("restoration", image="bm3d11/pond", mask=mask)
    (_, first), (_, again) = load(job), load(job)
    known = first.m[0, 0].numpy() > 0
    assert np.array_equal(known[8:], published[8:])
    assert torch.equal(first.m, again.m)
    if mask.startswith("bm3d11_masks"):
        assert 0.2 < known[:8].mean() < 0.4  # as many as elsewhere
    else:
        assert not known[:8].any()


def test_a_jpeg_is_cropped_between_its_blocks(tmp_path):
    save_png(tmp_path / "a.png", smooth_image(3, 72, 150))
    turned = Image.Exif()
    turned[0x0112] = 3  # upside down: blocks begin above the first row
    for kind, exif in (("plain", b""), ("turned", turned.tobytes())):
        name = tmp_path / f"{kind}.jpg"
        Image.open(tmp_path / "a.png").save(name, quality=70, exif=exif)
        picture, work = load(Config(task="jpeg", observed=str(name), max_side=50))
        rows, columns = work.coefficients.lattice
        assert (rows, columns) == ((16, 0), (16, 0))
        assert work.coefficients.flat()[2].all()
        assert 32 <= min(picture.size) <= max(picture.size) <= 50
        assert work.coefficients.size == picture.size
