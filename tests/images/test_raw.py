"""Raw files are developed, not their thumbnails restored."""

import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile

from dip_lightning.errors import UserError
from dip_lightning.images import read, write_png

COLOR_MATRIX = (1, 1, 0, 1, 0, 1, 0, 1, 1, 1, 0, 1, 0, 1, 0, 1, 1, 1)  # the identity


def dng(path: Path) -> Path:
    """A camera's DNG: a thumbnail of 16 x 16, and 64 x 96 sensor values that grow to the right."""
    about = [
        (50706, "B", 4, (1, 4, 0, 0), True),
        (50708, "s", 0, "Test Camera", True),
        (271, "s", 0, "Test", True),
        (50721, "2i", 9, COLOR_MATRIX, True),
        (50778, "H", 1, 21, True),
        (50728, "2I", 3, (1, 1, 1, 1, 1, 1), True),
    ]
    sensor = [
        (33421, "H", 2, (2, 2), True),
        (33422, "B", 4, (0, 1, 1, 2), True),
        (50717, "H", 1, 4095, True),
    ]
    values = np.tile(np.linspace(0, 4000, 96).astype(np.uint16), (64, 1))
    with tifffile.TiffWriter(path) as tiff:
        thumbnail = np.full((16, 16, 3), 90, np.uint8)
        more = {"subfiletype": 1, "subifds": 1, "metadata": None}
        tiff.write(thumbnail, photometric="rgb", extratags=about, **more)
        tiff.write(values, photometric="cfa", subfiletype=0, metadata=None, extratags=sensor)
    return path


def test_a_dng_is_developed_in_full(tmp_path):
    picture = read(dng(tmp_path / "a.dng"), "observed")
    assert picture.size == (64, 96)
    assert picture.format.dtype == "uint16"
    assert not picture.format.tiff
    levels = picture.pixels.mean((0, 1, 2))
    assert (levels[8:-8].diff() > 0).all()
    write_png(tmp_path / "b.png", picture)
    assert b"sRGB" in (tmp_path / "b.png").read_bytes()[:100]


@pytest.mark.parametrize("name", ["a.dng", "a.cr2", "a.cr3", "a.raf"])
def test_without_the_library_a_sentence_says_what_to_do(tmp_path, monkeypatch, name):
    monkeypatch.setitem(sys.modules, "rawpy", None)
    path = dng(tmp_path / "a.dng").rename(tmp_path / name)
    if name == "a.cr2":
        tifffile.imwrite(path, np.zeros((16, 16), np.uint8))
        path.write_bytes(path.read_bytes()[:8] + b"CR\2" + path.read_bytes()[11:])
    elif name != "a.dng":
        path.write_bytes(bytes(4) + b"ftypcrx " if name == "a.cr3" else b"FUJIFILMCCD-RAW 0201")
    with pytest.raises(UserError) as error:
        read(path, "observed")
    assert str(error.value) == (
        f"observed={path}: is a camera's raw file: pip install 'dip-lightning[raw]', or export it "
        "as a 16-bit TIFF"
    )


def test_a_damaged_raw_file_is_a_sentence(tmp_path):
    (tmp_path / "a.raf").write_bytes(b"FUJIFILMCCD-RAW 0201" + bytes(400))
    with pytest.raises(UserError, match=r"a\.raf: truncated or damaged image"):
        read(tmp_path / "a.raf", "observed")
