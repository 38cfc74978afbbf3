"""Chunks of a PNG."""

import io
import struct

import numpy as np
import pytest
from PIL import Image

from dip_lightning.errors import UserError
from dip_lightning.images import png, read
from tests.conftest import stored_array
from tests.fuzz.files import png as png_file
from tests.images.profiles import DISPLAY_P3


def test_libpng_has_nothing_to_say(tmp_path, capfd):
    """Of a profile that does not belong to gray, for instance."""
    stored = stored_array(1, "uint16")
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in stored)
    chunk = b"".join(png.profile(DISPLAY_P3))
    (tmp_path / "a.png").write_bytes(png_file(14, 9, 16, 0, rows, chunk, b"tEXtTitle\0a title"))
    pixels = read(tmp_path / "a.png", "observed").pixels
    assert np.array_equal((pixels[0, 0] * 65535).round().numpy(), stored)
    assert capfd.readouterr().err == ""


def test_long_chunks_are_passed_over():
    data = png_file(1, 1, 8, 0, b"\0\0", b"gAMA" + bytes(65), b"sRGB\2", b"IDAT", b"cHRM")
    assert png.colors(io.BytesIO(data)) == ((b"sRGB", b"\2"),)
    assert png.colors(io.BytesIO(data[:45])) == ()


def test_more_pixels_than_an_image_has(tmp_path, monkeypatch):
    monkeypatch.setattr(png, "_MOST", 60)
    (tmp_path / "a.png").write_bytes(png_file(14, 9, 16, 0, bytes(9 * 29)))
    assert read(tmp_path / "a.png", "observed").size == (9, 14)
    rows = np.random.default_rng(0).bytes(9 * 29)
    rows = b"".join(b"\0" + rows[29 * n + 1 : 29 * n + 29] for n in range(9))
    (tmp_path / "a.png").write_bytes(png_file(14, 9, 16, 0, rows))
    with pytest.raises(UserError, match="too many bytes"):
        read(tmp_path / "a.png", "observed")


def test_inserted_chunks_stand_before_the_pixels():
    file = io.BytesIO()
    Image.fromarray(stored_array(3, "uint8")).save(file, "PNG")
    data = png.inserted(file.getvalue(), [(b"gAMA", struct.pack(">I", 45455))])
    with Image.open(io.BytesIO(data)) as image:
        assert image.info["gamma"] == 0.45455
        assert np.array_equal(np.asarray(image), stored_array(3, "uint8"))
    assert data.index(b"IHDR") < data.index(b"gAMA") < data.index(b"IDAT")
