"""Files that cannot be used are refused in one sentence."""

import zlib

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image

from dip_lightning.errors import UserError
from dip_lightning.images import open_file, quantise, read, scale
from tests.conftest import stored_array


def _resized(png: bytes, side: int) -> bytes:
    """The same file claiming another size, with a checksum that agrees."""
    header = png[12:16] + side.to_bytes(4, "big") * 2 + png[24:29]
    return png[:12] + header + zlib.crc32(header).to_bytes(4, "big") + png[33:]


def _save(path, how):
    image = Image.fromarray(stored_array(3, "uint8"))
    if how == "cmyk":
        image.convert("CMYK").save(path.with_suffix(".jpg"))
        return path.with_suffix(".jpg")
    if how == "animated":
        image.save(path.with_suffix(".gif"), save_all=True, append_images=[image.rotate(90)])
        return path.with_suffix(".gif")
    if how in {"nan", "stack"}:
        values = stored_array(1, "float32")
        values[2, 3] = np.nan
        stored = {
            "nan": values,
            "stack": np.zeros((9, 9, 9), np.uint8),
        }
        tifffile.imwrite(path.with_suffix(".tif"), stored[how], photometric="minisblack")
        return path.with_suffix(".tif")
    image.save(path)
    content = path.read_bytes()
    changed = {
        "empty": b"",
        "text": b"this is not an image\n",
        "truncated": content[: len(content) // 2],
        "no header": content[:20],
        "huge": _resized(content, 10**6),
    }
    path.write_bytes(changed[how])
    return path


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ("empty", "the file is empty"),
        ("text", "not an image"),
        ("truncated", "truncated or damaged"),
        ("no header", "truncated or damaged"),
        ("huge", "megapixels"),
        ("cmyk", "has the colours CMYK"),
        ("animated", "is animated"),
        ("nan", "holds 1 value that is not a number"),
        ("stack", "holds 9 images"),
    ],
)
def test_refuses_in_one_sentence(tmp_path, how, why):
    path = _save(tmp_path / "a.png", how)
    with pytest.raises(UserError) as error:
        read(path, "observed")
    sentence = str(error.value)
    assert sentence.startswith(f"observed={path}: ")
    assert why in sentence
    assert "\n" not in sentence


@pytest.mark.parametrize("suffix", [".tif", ".jpg", ".png"])
@pytest.mark.parametrize("keep", [0.1, 0.5, 0.9])
def test_refuses_a_file_cut_short(tmp_path, suffix, keep):
    path = tmp_path / f"a{suffix}"
    image = Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8))
    image.save(path)
    path.write_bytes(path.read_bytes()[: int(keep * path.stat().st_size)])
    with pytest.raises(UserError, match=f"image={path}: "):
        read(path, "image")


def test_missing_file(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        read(tmp_path / "nothing.png", "image")


def test_only_image_formats_are_opened(tmp_path):
    (tmp_path / "a.eps").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n")
    with pytest.raises(UserError, match="not an image that can be read"):
        read(tmp_path / "a.eps", "image")


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "float64"])
def test_an_image_in_a_corner_of_its_type_fills_the_range(tmp_path, dtype):
    stored = (100 + 39 * stored_array(1, "float32")).astype(dtype)
    tifffile.imwrite(tmp_path / "a.tif", stored)
    picture = read(tmp_path / "a.tif", "observed")
    assert picture.format.ranges == [[stored.min(), stored.max()]]
    assert (picture.pixels.min(), picture.pixels.max()) == (0, 1)
    assert quantise(picture.pixels, picture.format).dtype == dtype
    np.testing.assert_allclose(quantise(picture.pixels, picture.format)[..., 0], stored, rtol=1e-6)


def test_a_hot_pixel_is_given_back_and_does_not_set_the_range(tmp_path):
    stored = (100 + 500 * stored_array(1, "float32")).astype(np.uint16)
    usual = stored.max()
    stored[2, 3] = 65535
    tifffile.imwrite(tmp_path / "a.tif", stored)
    picture = read(tmp_path / "a.tif", "observed")
    assert picture.format.high[0] < usual + 0.3 * 500
    assert (picture.pixels.min(), picture.pixels.max()) == (0, 1)
    again = quantise(picture.pixels + picture.beyond, picture.format)
    assert np.array_equal(again[..., 0], stored)


def test_channels_that_are_no_colours_have_a_range_each(tmp_path):
    stored = np.stack([stored_array(1, "float32"), 1000 * stored_array(1, "float32")], -1)
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="minisblack", planarconfig="contig")
    picture = read(tmp_path / "a.tif", "observed")
    assert len(picture.format.low) == 2
    for channel in picture.pixels[0]:
        assert channel.max() > 0.9
    np.testing.assert_allclose(quantise(picture.pixels, picture.format), stored, rtol=1e-5)


def test_colours_share_a_range(tmp_path):
    stored = np.stack([stored_array(1, "float32") * size for size in (1, 5, 9)], -1)
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="rgb")
    picture = read(tmp_path / "a.tif", "observed")
    assert len(picture.format.low) == 1
    ratio = picture.pixels[0, 2].max() / picture.pixels[0, 0].max()
    assert 8 < ratio < 10


@pytest.mark.parametrize("hole", [np.nan, np.inf, -np.inf, -9999.0])
def test_pixels_without_a_value_are_missing_whatever_they_hold(tmp_path, hole):
    values = 30 * stored_array(1, "float32")
    m = torch.ones(1, 1, *values.shape)
    m[..., 2, 3] = 0
    plain = values.copy()
    values[4, 5] = values[0, 0] = hole
    for name, stored in (("a", plain), ("b", values)):
        tifffile.imwrite(tmp_path / f"{name}.tif", stored)
    stored = open_file(tmp_path / "b.tif", "observed")
    picture = scale(stored, tmp_path / "b.tif", "observed", m, nodata=-9999.0)
    m[..., 4, 5] = m[..., 0, 0] = 0
    assert torch.equal(picture.known, m)
    expected = scale(open_file(tmp_path / "a.tif", "observed"), tmp_path / "a.tif", "observed", m)
    assert torch.equal(picture.pixels, expected.pixels)
    assert picture.format == expected.format


def test_the_value_that_the_file_names_is_no_data_beside_the_one_that_is_typed(tmp_path):
    values = np.linspace(200, 965, 108, dtype=np.float32).reshape(9, 12)
    values[2, 3], values[4, 5] = -9999, 0
    told = {"extratags": [(42113, 2, 0, "-9999", True)]}
    tifffile.imwrite(tmp_path / "a.tif", values, **told)
    stored = open_file(tmp_path / "a.tif", "observed")
    picture = scale(stored, tmp_path / "a.tif", "observed", nodata=0)
    assert (picture.known == 0).nonzero()[:, 2:].tolist() == [[2, 3], [4, 5]]


def test_black_is_no_data_where_all_colours_are(tmp_path):
    stored = np.full((9, 12, 3), 99, np.uint8)
    stored[0, 0], stored[1, 1] = (0, 0, 0), (0, 255, 255)
    Image.fromarray(stored).save(tmp_path / "a.png")
    picture = scale(open_file(tmp_path / "a.png", "observed"), tmp_path, "observed", nodata=0)
    assert picture.known.shape[1] == 1
    assert (picture.known == 0).nonzero()[:, 2:].tolist() == [[0, 0]]


def test_channels_have_holes_of_their_own(tmp_path):
    stored = stored_array(5, "float32")
    stored[1, 2, 3] = np.nan
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="minisblack", planarconfig="contig")
    picture = scale(open_file(tmp_path / "a.tif", "observed"), tmp_path, "observed")
    assert (picture.known == 0).nonzero().tolist() == [[0, 3, 1, 2]]
    assert picture.pixels[0, 3, 1, 2] == 0
