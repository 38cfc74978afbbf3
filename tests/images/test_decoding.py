"""The many ways in which a file stores its pixels."""

import struct
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageOps

from dip_lightning.errors import UserError
from dip_lightning.images import read
from tests.conftest import stored_array


def test_exif_rotation_is_applied(tmp_path):
    stored = np.zeros((8, 16, 3), np.uint8)
    stored[:, :8] = 200
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: shown rotated by 90 degrees clockwise
    Image.fromarray(stored).save(tmp_path / "a.jpg", exif=exif, quality=95)
    pixels = read(tmp_path / "a.jpg", "image").pixels
    assert pixels.shape == (1, 3, 16, 8)
    assert pixels[..., :6, :].mean() > 0.7
    assert pixels[..., 10:, :].mean() < 0.1


@pytest.mark.parametrize("transparent", [False, True])
def test_palette_becomes_rgb(tmp_path, transparent):
    image = Image.fromarray(stored_array(3, "uint8")).quantize(8)
    image.save(tmp_path / "a.png", **({"transparency": 0} if transparent else {}))
    picture = read(tmp_path / "a.png", "image")
    assert picture.pixels.shape[1] == 3
    assert (picture.alpha is not None) == transparent


def test_one_bit_becomes_gray(tmp_path):
    Image.fromarray(stored_array(1, "uint8") > 127).save(tmp_path / "a.png")
    assert set(read(tmp_path / "a.png", "image").pixels.unique().tolist()) == {0.0, 1.0}


@pytest.mark.parametrize("level", [0, 255])
def test_one_bit_with_a_transparent_level(tmp_path, level):
    stored = stored_array(1, "uint8") > 127
    Image.fromarray(stored).save(tmp_path / "a.png", transparency=level)
    picture = read(tmp_path / "a.png", "image")
    assert np.array_equal(picture.pixels[0, 0], stored)
    assert np.array_equal(picture.alpha[0, 0], stored != bool(level))


@pytest.mark.parametrize("bits", [2, 4])
def test_a_transparent_level_of_a_few_bits(tmp_path, bits):
    top = 2**bits - 1
    levels = stored_array(1, "uint8") % (top + 1)
    rows = [np.concatenate([[0], np.packbits(_bits(row, bits))]) for row in levels]
    height, width = levels.shape
    head = struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, 0)
    pixels = zlib.compress(np.concatenate(rows).astype(np.uint8).tobytes())
    chunks = ((b"IHDR", head), (b"tRNS", struct.pack(">H", top)), (b"IDAT", pixels), (b"IEND", b""))
    parts = (
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))
    picture = read(tmp_path / "a.png", "image")
    assert np.array_equal(picture.alpha[0, 0], levels != top)
    np.testing.assert_allclose(picture.pixels[0, 0], levels / top, atol=1e-6)


def _bits(row, bits):
    return ((row[:, None] >> np.arange(bits)[::-1]) & 1).ravel()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["jpeg", "tiff", "16-bit png"])
def test_every_orientation_is_applied(tmp_path, orientation, kind):
    stored = np.zeros((16, 32), np.uint8)
    stored[:8, :8] = 255
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = Image.fromarray(stored)
    if kind == "jpeg":
        path = tmp_path / "a.jpg"
        image.save(path, exif=exif, quality=100)
    elif kind == "tiff":
        path = tmp_path / "a.tif"
        tag = [(274, "H", 1, orientation, True)]
        tifffile.imwrite(path, stored, photometric="minisblack", extratags=tag)
    else:
        path = tmp_path / "a.png"
        Image.fromarray(stored.astype(np.uint16) * 257).save(path, exif=exif)
    image.getexif()[0x0112] = orientation
    expected = np.asarray(ImageOps.exif_transpose(image))
    pixels = read(path, "image").pixels[0, 0].numpy() * 255
    assert pixels.shape == expected.shape
    assert np.abs(pixels - expected).max() < 30


def test_a_photo_with_previews_is_its_first_image(tmp_path):
    photo, preview = (Image.fromarray(np.full((16, 16, 3), v, np.uint8)) for v in (200, 10))
    photo.save(tmp_path / "a.jpg", format="MPO", save_all=True, append_images=[preview])
    assert abs(float(read(tmp_path / "a.jpg", "image").pixels.mean()) * 255 - 200) < 2


@pytest.mark.parametrize("plain", [False, True])
@pytest.mark.parametrize("most", [1000, 65535])
def test_deep_pgm_keeps_its_levels(tmp_path, plain, most):
    stored = np.linspace(0, most, 17 * 13).round().astype(">u2").reshape(13, 17)
    text = " ".join(map(str, stored.ravel())).encode()
    header = f"{'P2' if plain else 'P5'} 17 13 {most}\n".encode()
    (tmp_path / "a.pgm").write_bytes(header + (text if plain else stored.tobytes()))
    picture = read(tmp_path / "a.pgm", "image")
    assert picture.format.dtype == "uint16"
    np.testing.assert_allclose(picture.pixels[0, 0], stored / most, atol=0.6 / 65535)


@pytest.mark.parametrize("plain", [False, True])
def test_ppm_is_read_with_8_bits_and_refused_with_more(tmp_path, plain):
    stored = stored_array(3, "uint8")
    height, width = stored.shape[:2]
    for most, dtype in ((255, "u1"), (256, ">u2")):
        text = " ".join(map(str, stored.ravel())).encode()
        header = f"{'P3' if plain else 'P6'} {width} {height} {most}\n".encode()
        content = text if plain else stored.astype(dtype).tobytes()
        (tmp_path / f"{most}.ppm").write_bytes(header + content)
    pixels = read(tmp_path / "255.ppm", "image").pixels
    assert np.array_equal((pixels[0] * 255).round().byte().permute(1, 2, 0).numpy(), stored)
    with pytest.raises(
        UserError, match=r"image=.*256\.ppm: is a PPM of values up to 256, expected"
    ):
        read(tmp_path / "256.ppm", "image")


def _decoded(path):
    from dip_lightning.images.decoding import decode

    with path.open("rb") as file:
        return decode(path, file.read(32))


@pytest.mark.parametrize(("channels", "color"), [(1, 0), (3, 2)])
def test_a_transparent_colour_in_16_bits(tmp_path, channels, color):
    from tests.fuzz.files import png

    stored = np.atleast_3d(stored_array(channels, "uint16"))
    height, width = stored.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in stored)
    chunk = b"tRNS" + stored[2, 3].astype(">u2").tobytes()
    (tmp_path / "a.png").write_bytes(png(width, height, 16, color, rows, chunk))
    decoded = _decoded(tmp_path / "a.png")
    assert decoded.alpha
    assert np.array_equal(decoded.array[..., :channels], stored)
    transparent = (stored == stored[2, 3]).all(-1)
    assert np.array_equal(decoded.array[..., -1] == 0, transparent)


@pytest.mark.parametrize("brand", ["heic", "mif1", "avif"])
def test_what_to_export_instead(tmp_path, brand):
    (tmp_path / "a").write_bytes(bytes(4) + b"ftyp" + brand.encode() + bytes(40))
    form = "AVIF" if brand == "avif" else "HEIC"
    with pytest.raises(UserError, match=f"a: is {form}, expected PNG, JPEG or TIFF: export it"):
        read(tmp_path / "a", "observed")


@pytest.mark.parametrize("kind", ["jpg", "png"])
@pytest.mark.parametrize("broken", ["bytes", "garbage", "9"])
def test_a_photo_is_not_refused_for_its_exif(tmp_path, kind, broken):
    kind_of_value, value = (7, b"\x06\0\0\0") if broken == "bytes" else (3, b"\0\x09\0\0")
    entry = struct.pack(">HHI4s", 0x0112, kind_of_value, 1, value)
    block = b"MM\0*" + struct.pack(">IH", 8, 1) + entry + bytes(4)
    exif = b"garbage!" if broken == "garbage" else b"Exif\0\0" + block
    path, stored = tmp_path / f"a.{kind}", stored_array(3, "uint8")
    Image.fromarray(stored).save(path, exif=exif)
    shape = (1, 3, 9, 14) if broken != "bytes" else (1, 3, 14, 9)
    assert read(path, "image").pixels.shape == shape


def test_a_float_map_keeps_its_range_and_is_stored_as_floats(tmp_path):
    stored = np.linspace(0, 50, 9 * 14, dtype=np.float32).reshape(9, 14)
    (tmp_path / "a.pfm").write_bytes(b"Pf\n14 9\n-1.0\n" + stored[::-1].tobytes())
    picture = read(tmp_path / "a.pfm", "image")
    assert (picture.format.low, picture.format.high) == ((0.0,), (50.0,))
    assert picture.format.tiff
