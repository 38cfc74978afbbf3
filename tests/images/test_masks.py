"""Masks: what white means, and doubts about what was meant."""

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image, ImageDraw

from dip_lightning.errors import UserError
from dip_lightning.images import MaskFile, doubt, draw_black, read_mask


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


def test_where_nothing_is_missing_nothing_grows(tmp_path):
    path = save(tmp_path / "m.png", np.full((17, 19), 255))
    assert read_mask(path, (17, 19), grow=3).m.all()


def scene():
    """A photograph of noise with damage painted red, and the mask of it."""
    rng = np.random.default_rng(0)
    photo = rng.integers(0, 255, (40, 50, 3), dtype=np.uint8)
    m = np.full((40, 50), 255, np.uint8)
    photo[10:20, 10:25], m[10:20, 10:25] = (255, 0, 0), 0
    return photo, m


def said(tmp_path, photo, m, means="known", *, is_inpainting=True):
    mask = read_mask(save(tmp_path / "m.png", m), m.shape[:2], means)
    return doubt(mask, "m.png", means, photo, is_inpainting=is_inpainting)


def test_no_doubt_about_a_mask_that_fits(tmp_path):
    photo, m = scene()
    assert said(tmp_path, photo, m) is None
    assert said(tmp_path, photo, 255 - m, "missing") is None
    assert said(tmp_path, photo, np.full_like(m, 255)) is None
    assert said(tmp_path, None, m) is None


def test_a_mask_the_other_way_round(tmp_path):
    photo, m = scene()
    sentence = said(tmp_path, photo, 255 - m)
    assert "92.5% of the pixels are missing" in sentence
    assert sentence.endswith("if white marks what is missing, add mask_means=missing")
    assert "mask_means=known" in said(tmp_path, photo, m, "missing")
    assert said(tmp_path, photo, 255 - m, is_inpainting=False) is None


def test_a_photo_as_mask(tmp_path):
    photo, _ = scene()
    assert "are grey or coloured" in said(tmp_path, photo, photo)


def test_an_antialiased_drawing_is_no_photo(tmp_path):
    sheet = Image.new("L", (400, 320), 255)
    ImageDraw.Draw(sheet).line((0, 0, 400, 320), fill=0, width=9)
    m = np.asarray(sheet.resize((50, 40), Image.Resampling.LANCZOS))
    assert len(np.unique(m)) > 10
    assert said(tmp_path, scene()[0], m) is None


def test_a_mask_that_misses_the_edge_of_the_damage(tmp_path):
    photo, m = scene()
    m[10:20, 10:13] = 255
    assert "count as known for 20%; mask_grow=3" in said(tmp_path, photo, m)


def test_the_mask_of_another_image(tmp_path):
    photo, m = scene()
    assert "lie where the mask has known pixels" in said(tmp_path, photo, m[::-1, ::-1])


def test_a_plain_sky_is_no_damage(tmp_path):
    rng = np.random.default_rng(0)
    photo = rng.integers(0, 255, (40, 50, 3), dtype=np.uint8)
    photo[:20] = 255
    m = np.full((40, 50), 255, np.uint8)
    m[15:25, 30:32] = 0
    assert said(tmp_path, photo, m) is None


def test_counting_colours_of_a_large_image_looks_at_some_of_it(monkeypatch):
    monkeypatch.setattr("dip_lightning.images.masks.LOOKED_AT", 100)
    photo, m = scene()
    mask = MaskFile(torch.from_numpy(m[::-1, ::-1] > 0).float()[None, None], 0.0)
    assert doubt(mask, "m", "known", photo, is_inpainting=True) is not None


def test_black_pixels_are_drawn_where_there_are_others():
    x, m = torch.ones(1, 3, 30, 40), torch.ones(1, 1, 30, 40)
    assert torch.equal(draw_black(m, x), m)
    assert not draw_black(0 * m, 0 * x).any()  # nothing tells how many
    x[:, 0, :10] = 0  # a colour is not black
    m[..., ::2] = 0
    assert torch.equal(draw_black(m, x), m)
    x[:, :, :10] = 0
    drawn = draw_black(m * (x[:, :1] > 0), x)
    assert torch.equal(drawn[..., 10:, :], m[..., 10:, :])
    assert 0.4 < drawn[..., :10, :].mean() < 0.6
