"""Any file read as an image is either an image or a sentence."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dip_lightning.errors import UserError
from dip_lightning.images import read, read_mask, write_png, write_tiff
from tests.fuzz.conftest import cases, limits
from tests.fuzz.files import damaged, declared_png, declared_tiff


def check_sentence(sentence: str, start: str) -> None:
    assert sentence.startswith(start)
    assert sentence.isprintable()


def check(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    with limits():
        try:
            picture = read(path, "observed")
        except UserError as error:
            check_sentence(str(error), f"observed={path}: ")
            return
        assert picture.pixels.isfinite().all()
        assert 0 <= float(picture.pixels.min()) <= float(picture.pixels.max()) <= 1
    small = picture.part(*picture.middle(8))
    # What came with the pixels must not fail when a fit has ended.
    for pixels in (small.pixels, small.pixels.repeat_interleave(2, 2).repeat_interleave(2, 3)):
        alpha = None if small.alpha is None else pixels[:, :1]
        result = replace(small, pixels=pixels, alpha=alpha)
        write_png(path, result)
        if small.format.tiff:
            write_tiff(path, result)


@given(data=damaged())
@cases(110)
def test_damaged_files(tmp_path, data):
    check(tmp_path / "image", data)


@given(data=declared_png())
@cases(20)
def test_any_png(tmp_path, data):
    check(tmp_path / "image", data)


@given(data=declared_tiff())
@cases(40)
def test_any_tiff(tmp_path, data):
    check(tmp_path / "image", data)


@given(data=st.binary(max_size=60))
@cases(10)
def test_any_bytes(tmp_path, data):
    check(tmp_path / "image", data)


@given(
    data=st.one_of(damaged(), declared_png()), size=st.sampled_from([(11, 14), (16, 16), (0, 0)])
)
@cases(20)
def test_any_mask(tmp_path, data, size):
    (tmp_path / "mask").write_bytes(data)
    with limits():
        try:
            m = read_mask(tmp_path / "mask", size).m
        except UserError as error:
            check_sentence(str(error), "mask=")
            return
    assert m.shape[-2:] == size
    assert ((m == 0) | (m == 1)).all()


@pytest.mark.parametrize("channels", [1, 4])
def test_the_largest_image_takes_less_than_four_gigabytes(tmp_path, channels):
    from tests.fuzz.files import png

    side, color = 8000, {1: 0, 4: 6}[channels]
    pixels = bytes(side * (1 + side * channels))
    (tmp_path / "large.png").write_bytes(png(side, side, 8, color, pixels))
    del pixels
    with limits():
        assert read(tmp_path / "large.png", "image").size == (side, side)
