"""The many ways in which a file stores its pixels."""

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageOps

from dip_lightning.errors import UserError
from dip_lightning.images import read
from dip_lightning.images.writing import write_tiff
from tests.conftest import stored_array


def test_separate_planes_are_channels(tmp_path):
    stored = stored_array(3, "uint8")
    planes = np.ascontiguousarray(np.moveaxis(stored, -1, 0))
    tifffile.imwrite(tmp_path / "a.tif", planes, photometric="rgb", planarconfig="separate")
    pixels = read(tmp_path / "a.tif", "image").pixels
    assert np.array_equal((pixels[0] * 255).round().byte().permute(1, 2, 0).numpy(), stored)


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


def test_palette_tiff_has_8_bits(tmp_path):
    image = Image.fromarray(stored_array(3, "uint8")).quantize(8)
    image.save(tmp_path / "a.tif")
    picture = read(tmp_path / "a.tif", "image")
    expected = np.asarray(image.convert("RGB"))
    assert picture.format.dtype == "uint8"
    pixels = (picture.pixels[0] * 255).round().byte().permute(1, 2, 0).numpy()
    assert np.array_equal(pixels, expected)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "bool"])
def test_white_is_zero_where_the_tiff_says_so(tmp_path, dtype):
    stored = stored_array(1, "uint8") > 127 if dtype == "bool" else stored_array(1, dtype)
    for name in ("minisblack", "miniswhite"):
        tifffile.imwrite(tmp_path / f"{name}.tif", stored, photometric=name)
    black, white = (read(tmp_path / f"minis{n}.tif", "image").pixels for n in ("black", "white"))
    np.testing.assert_allclose(white, 1 - black, atol=1e-6)


@pytest.mark.parametrize("compression", ["lzw", "deflate", "packbits", "zstd"])
def test_compressed_tiff(tmp_path, compression):
    stored = stored_array(3, "uint16")
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="rgb", compression=compression)
    pixels = read(tmp_path / "a.tif", "image").pixels
    assert np.array_equal((pixels[0] * 65535).round().permute(1, 2, 0).numpy(), stored)


def test_jpeg_in_a_tiff(tmp_path):
    stored = np.full((16, 24, 3), (200, 50, 90), np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="rgb", compression="jpeg")
    pixels = read(tmp_path / "a.tif", "image").pixels * 255
    assert np.abs(pixels[0].permute(1, 2, 0).numpy() - stored).max() < 6


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


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_premultiplied_alpha_is_divided_out(tmp_path, dtype):
    top = 1.0 if dtype == "float32" else float(np.iinfo(dtype).max)
    alpha = np.array([[0, 0.2, 0.6, 1]])
    colors = np.array([[0.8, 0.8, 0.4, 0.1]])
    stored = np.stack([colors * alpha] * 3 + [alpha], axis=-1) * top
    stored = (stored if dtype == "float32" else stored.round()).astype(dtype)
    for name in ("assocalpha", "unassalpha"):
        path = tmp_path / f"{name}.tif"
        tifffile.imwrite(path, stored, photometric="rgb", extrasamples=[name])
    picture = read(tmp_path / "assocalpha.tif", "image")
    np.testing.assert_allclose(picture.pixels[0, 1], [[0, 0.8, 0.4, 0.1]], atol=0.01)
    np.testing.assert_allclose(picture.alpha[0, 0], alpha, atol=1e-6)
    write_tiff(tmp_path / "b.tif", picture)
    again = read(tmp_path / "b.tif", "image")
    np.testing.assert_allclose(again.pixels, picture.pixels, atol=1e-6)
    plain = read(tmp_path / "unassalpha.tif", "image")
    np.testing.assert_allclose(plain.pixels[0, 1], colors * alpha, atol=0.003)


@pytest.mark.parametrize("bits", [4, 12])
def test_tiff_of_other_bits_is_refused(tmp_path, bits):
    stored = np.arange(16 * 16, dtype=np.uint16 if bits > 8 else np.uint8).reshape(16, 16) % 16
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="minisblack", bitspersample=bits)
    with pytest.raises(UserError, match=rf"a\.tif: stores {bits} bits per value, expected 1, 8"):
        read(tmp_path / "a.tif", "image")


@pytest.mark.parametrize("compression", [None, "jpeg"])
def test_cmyk_tiff_is_refused(tmp_path, compression):
    stored = np.full((16, 24, 4), 90, np.uint8)
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, stored, photometric="separated", compression=compression)
    with pytest.raises(UserError, match=r"a\.tif: has the colours CMYK, expected gray or RGB"):
        read(path, "image")


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


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "uint32", "float16"])
def test_a_tiff_keeps_its_type(tmp_path, dtype):
    info = np.finfo(dtype) if dtype == "float16" else np.iinfo(dtype)
    stored = np.linspace(float(info.min), float(info.max), 63).reshape(7, 9).astype(dtype)
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="minisblack")
    decoded = _decoded(tmp_path / "a.tif")
    assert decoded.array.dtype == dtype
    assert np.array_equal(decoded.array[..., 0], stored)


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


def test_measurements_are_no_colours(tmp_path):
    stored = stored_array(3, "uint8")
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="minisblack", planarconfig="contig")
    assert not _decoded(tmp_path / "a.tif").is_color
    tifffile.imwrite(tmp_path / "b.tif", stored, photometric="rgb")
    assert _decoded(tmp_path / "b.tif").is_color


@pytest.mark.parametrize("kind", ["sub", "later"])
def test_overviews_and_masks_are_not_the_image(tmp_path, kind):
    stored = stored_array(1, "uint8")
    mask = np.ones((9, 14), bool)
    with tifffile.TiffWriter(tmp_path / "a.tif") as tiff:
        about = {"photometric": "minisblack", "metadata": None}
        tiff.write(stored, subifds=1 if kind == "sub" else 0, **about)
        tiff.write(stored[::2, ::2], subfiletype=1, **about)
        tiff.write(mask, subfiletype=4, photometric="mask", metadata=None)
    assert np.array_equal(_decoded(tmp_path / "a.tif").array[..., 0], stored)


def test_the_full_picture_behind_a_thumbnail(tmp_path):
    stored = stored_array(3, "uint16")
    with tifffile.TiffWriter(tmp_path / "a.tif") as tiff:
        about = {"photometric": "rgb", "metadata": None}
        tiff.write(np.zeros((16, 16, 3), np.uint8), subfiletype=1, subifds=1, **about)
        tiff.write(stored, subfiletype=0, **about)
    assert np.array_equal(_decoded(tmp_path / "a.tif").array, stored)
    thumbnail = np.zeros((16, 16), np.uint8)
    tifffile.imwrite(tmp_path / "b.tif", thumbnail, subfiletype=1, photometric="minisblack")
    with pytest.raises(UserError, match="holds only a picture of reduced resolution, expected"):
        read(tmp_path / "b.tif", "observed")


@pytest.mark.parametrize("axes", ["ZYX", "TYX", "TCYX"])
@pytest.mark.parametrize("kind", ["imagej", "ome", "tifffile"])
def test_slices_and_frames_are_refused(tmp_path, axes, kind):
    stored = np.zeros((3, 2, 9, 14)[4 - len(axes) :], np.uint8)
    tifffile.imwrite(
        tmp_path / "a.tif",
        stored,
        imagej=kind == "imagej",
        ome=kind == "ome",
        metadata={"axes": axes},
        photometric="minisblack",
    )
    with pytest.raises(UserError, match=rf"holds [26] images \(axes {axes}\), expected a single"):
        read(tmp_path / "a.tif", "observed")


def test_pages_of_colours_and_of_different_sizes_are_refused(tmp_path):
    about = {"photometric": "rgb", "metadata": None}
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((2, 9, 14, 3), np.uint8), **about)
    with pytest.raises(UserError, match="holds 2 images"):
        read(tmp_path / "a.tif", "observed")
    with tifffile.TiffWriter(tmp_path / "b.tif") as tiff:
        tiff.write(np.zeros((9, 14, 3), np.uint8), **about)
        tiff.write(np.zeros((8, 8, 3), np.uint8), **about)
    with pytest.raises(UserError, match="holds 2 images of different sizes or types"):
        read(tmp_path / "b.tif", "observed")


def test_channels_in_other_files_are_not_opened(tmp_path):
    """Nor are those that are not there zeros."""
    stored = np.moveaxis(stored_array(2, "uint8"), -1, 0)
    tifffile.imwrite(tmp_path / "a.tif", stored, ome=True, metadata={"axes": "CYX"})
    with tifffile.TiffFile(tmp_path / "a.tif") as tiff:
        xml = tiff.ome_metadata
    first, second = (f'<TiffData IFD="{n}" FirstC="{n}" PlaneCount="1">' for n in (0, 1))
    begin, end = xml.index("<TiffData"), xml.index("</Pixels>")
    parts = "".join(
        f'{tag}<UUID FileName="{name}">urn:uuid:{number}</UUID></TiffData>'
        for tag, name, number in (
            (first, "b.tif", 1),
            (second.replace('"1" F', '"0" F'), "c.tif", 2),
        )
    )
    text = (xml[:begin] + parts + xml[end:]).encode("ascii", "xmlcharrefreplace")
    tifffile.imwrite(
        tmp_path / "b.tif", stored[0], description=text, metadata=None, photometric="minisblack"
    )
    with pytest.raises(UserError, match="OME-XML that names other files or pages than"):
        read(tmp_path / "b.tif", "observed")


@pytest.mark.parametrize("brand", ["heic", "mif1", "avif"])
def test_what_to_export_instead(tmp_path, brand):
    (tmp_path / "a").write_bytes(bytes(4) + b"ftyp" + brand.encode() + bytes(40))
    form = "AVIF" if brand == "avif" else "HEIC"
    with pytest.raises(UserError, match=f"a: is {form}, expected PNG, JPEG or TIFF: export it"):
        read(tmp_path / "a", "observed")
