"""What comes out is as large and as deep as what went in."""

import imagecodecs
import numpy as np
import pytest
import tifffile
import torch
from PIL import Image

from dip_lightning.images import Format, Picture, read, write_png, write_tiff
from tests.conftest import stored_array


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_8_bit_png_survives(tmp_path, mode):
    stored = stored_array(len(mode), "uint8")
    Image.fromarray(stored).save(tmp_path / "a.png")
    picture = read(tmp_path / "a.png", "image")
    assert (picture.alpha is not None) == mode.endswith("A")
    write_png(tmp_path / "b.png", picture)
    with Image.open(tmp_path / "b.png") as written:
        assert written.mode == mode
        assert np.array_equal(np.asarray(written), stored)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_16_bit_png_survives(tmp_path, channels):
    stored = stored_array(channels, "uint16")
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(stored))
    picture = read(tmp_path / "a.png", "image")
    assert picture.pixels.shape[1] == {1: 1, 2: 1, 3: 3, 4: 3}[channels]
    assert (picture.alpha is not None) == (channels in {2, 4})
    write_png(tmp_path / "b.png", picture)
    assert np.array_equal(imagecodecs.png_decode((tmp_path / "b.png").read_bytes()), stored)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float16", "float32", "float64"])
@pytest.mark.parametrize("channels", [1, 3, 5])
def test_tiff_survives(tmp_path, dtype, channels):
    stored = stored_array(channels, dtype)
    tifffile.imwrite(
        tmp_path / "a.tif",
        stored,
        photometric="rgb" if channels == 3 else "minisblack",
        planarconfig="contig" if channels > 1 else None,
    )
    picture = read(tmp_path / "a.tif", "image")
    assert picture.pixels.shape == (1, channels, 9, 14)
    write_tiff(tmp_path / "b.tif", picture)
    written = tifffile.imread(tmp_path / "b.tif")
    assert written.dtype == stored.dtype
    np.testing.assert_allclose(written, stored, rtol=1e-6, atol=1e-7)


def test_tiff_with_alpha_survives(tmp_path):
    stored = stored_array(4, "uint16")
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="rgb", extrasamples=["unassalpha"])
    picture = read(tmp_path / "a.tif", "image")
    assert picture.alpha is not None
    write_tiff(tmp_path / "b.tif", picture)
    assert np.array_equal(tifffile.imread(tmp_path / "b.tif"), stored)


def test_float_values_beyond_0_and_1_come_back(tmp_path):
    stored = 4000 * stored_array(1, "float32") - 7
    tifffile.imwrite(tmp_path / "a.tif", stored)
    picture = read(tmp_path / "a.tif", "image")
    assert picture.pixels.min() == 0
    assert picture.pixels.max() == 1
    write_tiff(tmp_path / "b.tif", picture)
    np.testing.assert_allclose(tifffile.imread(tmp_path / "b.tif"), stored, rtol=1e-5, atol=1e-3)
    write_png(tmp_path / "b.png", picture)
    assert read(tmp_path / "b.png", "image").format.dtype == "uint16"


def test_constant_float_image(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.full((8, 8), 7, dtype=np.float32))
    picture = read(tmp_path / "a.tif", "image")
    assert picture.pixels.isfinite().all()
    write_tiff(tmp_path / "b.tif", picture)
    assert np.array_equal(tifffile.imread(tmp_path / "b.tif"), np.full((8, 8), 7, np.float32))


def test_rounds_to_the_nearest_level(tmp_path):
    pixels = torch.tensor([[[[0.4 / 255, 0.6 / 255, 254.5001 / 255, 2.0]]]])
    write_png(tmp_path / "a.png", Picture(pixels, None, Format()))
    with Image.open(tmp_path / "a.png") as written:
        assert np.asarray(written).tolist() == [[0, 1, 255, 255]]


def test_floats_fill_the_sixteen_bits_of_a_png(tmp_path):
    """Whatever their own range is."""
    picture = Picture(
        torch.linspace(0, 1, 108).view(1, 1, 9, 12),
        None,
        Format("float32", low=(-3.0,), high=(7.0,)),
    )
    write_png(tmp_path / "a.png", picture)
    read_back = read(tmp_path / "a.png", "image").pixels
    torch.testing.assert_close(read_back, picture.pixels, atol=1e-4, rtol=0)
