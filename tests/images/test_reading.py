"""Files that cannot be used are refused in one sentence."""

import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image

from dip_lightning.errors import UserError
from dip_lightning.images import read, read_mask
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
    if how in {"nan", "stack", "int32"}:
        values = stored_array(1, "float32")
        values[2, 3] = np.nan
        stored = {
            "nan": values,
            "stack": np.zeros((4, 9, 9), np.uint8),
            "int32": np.ones((9, 9), np.int32),
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
        ("nan", "holds 1 values that are not numbers"),
        ("stack", "holds 4 images"),
        ("int32", "stores int32"),
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


def test_mask_is_white_where_known(tmp_path):
    stored = np.array([[0, 100, 200, 255]], np.uint8)
    Image.fromarray(stored).save(tmp_path / "m.png")
    assert read_mask(tmp_path / "m.png", (1, 4))[0, 0].tolist() == [[0, 0, 1, 1]]
    with pytest.raises(UserError, match="is 4 x 1 pixels, expected the image's 5 x 1"):
        read_mask(tmp_path / "m.png", (1, 5))


@pytest.mark.parametrize("high", [1, 255])
def test_mask_of_small_values(tmp_path, high):
    Image.fromarray(np.array([[0, high, 0, high]], np.uint8)).save(tmp_path / "m.png")
    assert read_mask(tmp_path / "m.png", (1, 4))[0, 0].tolist() == [[0, 1, 0, 1]]


@pytest.mark.parametrize(("value", "known"), [(0, 0), (255, 1)])
def test_mask_of_one_value(tmp_path, value, known):
    Image.fromarray(np.full((2, 3), value, np.uint8)).save(tmp_path / "m.png")
    assert read_mask(tmp_path / "m.png", (2, 3)).unique().tolist() == [known]
    tifffile.imwrite(tmp_path / "m.tif", np.full((2, 3), value, np.float32))
    assert read_mask(tmp_path / "m.tif", (2, 3)).unique().tolist() == [known]


def test_transparent_pixels_of_a_mask_are_missing(tmp_path):
    rgba = np.full((1, 2, 4), 255, np.uint8)
    rgba[0, 1, 3] = 0
    Image.fromarray(rgba).save(tmp_path / "m.png")
    assert read_mask(tmp_path / "m.png", (1, 2))[0, 0].tolist() == [[1, 0]]


def test_only_image_formats_are_opened(tmp_path):
    (tmp_path / "a.eps").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n")
    with pytest.raises(UserError, match="not an image that can be read"):
        read(tmp_path / "a.eps", "image")


def test_the_colours_of_a_mask_are_averaged(tmp_path):
    """Damage painted red is as dark as damage painted green."""
    pixels = np.full((9, 12, 3), 255, np.uint8)
    pixels[0, 0], pixels[0, 1], pixels[0, 2] = (255, 0, 0), (0, 255, 0), (255, 255, 0)
    Image.fromarray(pixels).save(tmp_path / "mask.png")
    assert read_mask(tmp_path / "mask.png", (9, 12))[0, 0, 0, :4].tolist() == [0, 0, 1, 1]
