"""What is read of a JPEG file is what was rounded when it was written."""

import numpy as np
import pytest
import skimage
import torch
from PIL import Image

from dip_lightning.errors import UserError
from dip_lightning.images.decoded import turned
from dip_lightning.images.jpeg import (
    coefficients_if_any,
    compress,
    read_coefficients,
    read_jpeg,
)
from dip_lightning.operators import Blur, gaussian_kernel
from dip_lightning.operators.jpeg import Bounds
from tests.conftest import save_png, smooth_image


def stored(channels=3, height=37, width=53):
    """An image of whole grey levels, with detail, (1, C, H, W)."""
    noise = torch.randn(1, channels, height, width, generator=torch.Generator().manual_seed(0))
    return ((0.2 + 0.6 * smooth_image(channels, height, width) + 0.02 * noise) * 255).round() / 255


def write(path, x, **options):
    array = (x[0] * 255).byte().permute(1, 2, 0).numpy()
    Image.fromarray(array[..., 0] if array.shape[2] == 1 else array).save(path, **options)
    return path


def rounded_as_stored(x, coefficients):
    """The share of the coefficients of x that the file has rounded as they are, and the worst."""
    centre, steps, known = coefficients.flat()
    apart = ((coefficients.operator(x) - centre) / steps).abs()[known > 0]
    return float((apart <= 0.5).float().mean()), float(apart.max())


@pytest.mark.parametrize(
    ("channels", "options"),
    [
        (3, {"quality": 10}),
        (3, {"quality": 30, "subsampling": "4:2:2", "progressive": True}),
        (3, {"quality": 60, "subsampling": "4:4:4", "optimize": True}),
        (1, {"quality": 20}),
    ],
)
def test_the_truth_lies_between_the_bounds(tmp_path, channels, options):
    x = stored(channels)
    found = read_coefficients(write(tmp_path / "a.jpg", x, **options), "observed")
    assert found.size == (37, 53)
    share, worst = rounded_as_stored(x, found.ranged(0, 255))
    assert share > 0.99
    assert worst < 0.6  # an encoder rounds Y, Cb and Cr to whole grey levels before


@pytest.mark.parametrize("subsampling", ["4:2:2", "4:2:0"])
@pytest.mark.parametrize("size", [(16, 24), (8, 33), (41, 17)])
def test_a_gray_file_may_name_a_subsampling_that_it_has_not(tmp_path, subsampling, size):
    """It holds blocks of 8 x 8 then, not those of the colours that it lacks."""
    x = stored(1, *size)
    path = write(tmp_path / "a.jpg", x, quality=20, subsampling=subsampling)
    found = read_coefficients(path, "observed").ranged(0, 255)
    assert found.operator(x).shape == found.flat()[0].shape
    assert rounded_as_stored(x, found)[0] > 0.99


def test_pixels_are_those_of_any_viewer(tmp_path):
    path = write(tmp_path / "a.jpg", stored(), quality=30)
    found = read_jpeg(path, "file").pixels
    shown = torch.from_numpy(np.array(Image.open(path))).permute(2, 0, 1)[None] / 255
    torch.testing.assert_close(found, shown)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_rotation_is_applied(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = write(tmp_path / "a.jpg", stored(), quality=80, exif=exif)
    found = read_jpeg(path, "file")
    assert found.coefficients.size == tuple(found.pixels.shape[2:])
    assert rounded_as_stored(found.pixels, found.coefficients)[0] > 0.9
    assert read_coefficients(path, "file", upright=False).size == (37, 53)


def test_compresses_as_pillow_does():
    fine, coarse = (compress(stored(), quality, "4:2:0") for quality in (90, 10))
    errors = [float((found.pixels - stored()).square().mean()) for found in (fine, coarse)]
    assert errors[0] < errors[1] / 4
    assert compress(stored(), 90, "4:4:4").coefficients.ratios == ((1, 1),) * 3
    assert compress(stored(1), 90, "4:2:0").coefficients.ratios == ((1, 1),)


def test_refuses_what_holds_no_bounds(tmp_path):
    with pytest.raises(UserError, match=r"observed=.*a.png: is no JPEG file, expected one"):
        read_coefficients(save_png(tmp_path / "a.png", stored()), "observed")
    Image.new("CMYK", (20, 20)).save(tmp_path / "a.jpg")
    with pytest.raises(UserError, match="has the colours CMYK, expected gray or YCbCr"):
        read_coefficients(tmp_path / "a.jpg", "observed")
    with pytest.raises(UserError, match="has 2 channels, expected gray or RGB"):
        compress(torch.rand(1, 2, 9, 9), 50, "4:2:0")


def test_a_damaged_file_is_refused(tmp_path):
    content = write(tmp_path / "a.jpg", stored()).read_bytes()
    (tmp_path / "b.jpg").write_bytes(content[: len(content) // 2])
    with pytest.raises(UserError, match=r"observed=.*b.jpg: truncated or damaged image"):
        read_coefficients(tmp_path / "b.jpg", "observed")


@pytest.mark.parametrize("quality", [30, 60, 90])
@pytest.mark.parametrize("channels", [1, 3])
def test_how_far_a_blurred_image_was_changed_is_known_from_its_file(channels, quality):
    blurred = Blur(gaussian_kernel(1.6))(stored(channels, 95, 87))
    found = compress(blurred, quality, "4:2:0")
    true = float((found.pixels - blurred).square().mean().sqrt())
    assert 0.6 * true < found.coefficients.noise_std() < 1.1 * true


def test_a_file_without_coefficients_is_no_mistake_where_they_need_not_be(tmp_path):
    x = stored()
    assert coefficients_if_any(save_png(tmp_path / "a.png", x), "observed") is None
    path = tmp_path / "a.jpg"
    Image.new("CMYK", (20, 10)).save(path)
    assert coefficients_if_any(path, "observed") is None
    assert coefficients_if_any(write(path, x), "observed").size == (37, 53)


@pytest.mark.parametrize("height", [194, 198, 200, 201])
@pytest.mark.parametrize("orientation", [1, 3, 6])
def test_the_last_rows_lie_between_the_bounds(height, orientation):
    x = torch.from_numpy(skimage.data.astronaut()[100 : 100 + height, 150:262].copy())
    upright = turned(x.numpy(), orientation).copy()
    held = compress(x.permute(2, 0, 1)[None].float() / 255, 90, "4:2:0").coefficients
    held = held.turned(orientation)
    image = torch.from_numpy(upright).permute(2, 0, 1)[None].float() / 255
    moved = Bounds(held).nearest(image) - image
    assert 255 * float(moved.square().mean().sqrt()) < 0.2
    assert 255 * float(moved.abs().max()) < 3  # 6 to 8 where the last pixels are repeated
