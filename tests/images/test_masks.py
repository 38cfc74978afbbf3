"""Masks: what white means, and doubts about what was meant."""

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageDraw

from dip_lightning.errors import UserError
from dip_lightning.images import doubt, read_mask


def save(path, values):
    Image.fromarray(np.asarray(values, np.uint8)).save(path)
    return path


def rows(mask):
    return mask.m[0, 0].int().tolist()


def test_everything_that_is_not_white_is_missing(tmp_path):
    path = save(tmp_path / "m.png", [[0, 100, 200, 245, 252, 255]])
    assert rows(read_mask(path, (1, 6))) == [[0, 0, 0, 0, 1, 1]]
    with pytest.raises(UserError, match="is 6 x 1 pixels, expected the image's 7 x 1"):
        read_mask(path, (1, 7))


def test_everything_that_is_not_black_is_missing_where_white_is(tmp_path):
    path = save(tmp_path / "m.png", [[0, 3, 9, 100, 200, 255]])
    assert rows(read_mask(path, (1, 6), "missing")) == [[1, 1, 0, 0, 0, 0]]


@pytest.mark.parametrize("high", [1, 255])
def test_white_is_the_brightest_value(tmp_path, high):
    path = save(tmp_path / "m.png", [[0, high, 0, high]])
    assert rows(read_mask(path, (1, 4))) == [[0, 1, 0, 1]]


@pytest.mark.parametrize(("value", "known"), [(0, 0), (255, 1)])
def test_one_value(tmp_path, value, known):
    path = save(tmp_path / "m.png", np.full((2, 3), value))
    assert read_mask(path, (2, 3)).m.unique().tolist() == [known]
    tifffile.imwrite(tmp_path / "m.tif", np.full((2, 3), value, np.float32))
    assert read_mask(tmp_path / "m.tif", (2, 3)).m.unique().tolist() == [known]


def test_transparent_pixels_are_black(tmp_path):
    rgba = np.full((1, 2, 4), 255)
    rgba[0, 1, 3] = 0
    path = save(tmp_path / "m.png", rgba)
    assert rows(read_mask(path, (1, 2))) == [[1, 0]]
    assert rows(read_mask(path, (1, 2), "missing")) == [[0, 1]]


def test_paint_of_any_colour_is_missing(tmp_path):
    pixels = np.full((9, 12, 3), 255)
    pixels[0, 0], pixels[0, 1], pixels[0, 2] = (255, 0, 0), (0, 255, 0), (255, 255, 0)
    path = save(tmp_path / "m.png", pixels)
    assert rows(read_mask(path, (9, 12)))[0][:4] == [0, 0, 0, 1]


@pytest.mark.parametrize("grow", [1, 2.5, 4])
def test_a_mask_grows_by_a_disk(tmp_path, grow):
    pixels = np.full((17, 19), 255)
    pixels[8, 6] = 0
    m = read_mask(save(tmp_path / "m.png", pixels), (17, 19), grow=grow).m[0, 0]
    y, x = np.mgrid[:17, :19]
    assert np.array_equal(m == 0, np.hypot(y - 8, x - 6) <= grow)


def drawn():
    """A mask with a hole."""
    m = np.full((40, 50), 255, np.uint8)
    m[10:20, 10:25] = 0
    return m


def said(tmp_path, m, means="known", *, is_inpainting=True):
    mask = read_mask(save(tmp_path / "m.png", m), m.shape[:2], means)
    return doubt(mask, "m.png", means, is_inpainting=is_inpainting)


def test_no_doubt_about_a_mask_that_fits(tmp_path):
    m = drawn()
    assert said(tmp_path, m) is None
    assert said(tmp_path, 255 - m, "missing") is None
    assert said(tmp_path, np.full_like(m, 255)) is None


def test_a_mask_the_other_way_round(tmp_path):
    m = drawn()
    sentence = said(tmp_path, 255 - m)
    assert "92.5% of the pixels are missing" in sentence
    assert sentence.endswith("if white marks what is missing, add mask_means=missing")
    assert "mask_means=known" in said(tmp_path, m, "missing")
    assert said(tmp_path, 255 - m, is_inpainting=False) is None


def test_a_photo_as_mask(tmp_path):
    photo = np.random.default_rng(0).integers(0, 255, (40, 50, 3), dtype=np.uint8)
    assert "are grey or coloured" in said(tmp_path, photo)


def test_an_antialiased_drawing_is_no_photo(tmp_path):
    sheet = Image.new("L", (400, 320), 255)
    ImageDraw.Draw(sheet).line((0, 0, 400, 320), fill=0, width=9)
    m = np.asarray(sheet.resize((50, 40), Image.Resampling.LANCZOS))
    assert len(np.unique(m)) > 10
    assert said(tmp_path, m) is None
