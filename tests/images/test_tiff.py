"""What a TIFF stores, whatever its layout."""

import numpy as np
import pytest
import tifffile
from PIL import Image

from dip_lightning.errors import UserError
from dip_lightning.images import quantise, read, scale, write_tiff
from dip_lightning.images.tiff import read as decode
from tests.conftest import stored_array
from tests.images.profiles import DISPLAY_P3


def test_separate_planes_are_channels(tmp_path):
    stored = stored_array(3, "uint8")
    planes = np.ascontiguousarray(np.moveaxis(stored, -1, 0))
    tifffile.imwrite(tmp_path / "a.tif", planes, photometric="rgb", planarconfig="separate")
    pixels = read(tmp_path / "a.tif", "image").pixels
    assert np.array_equal((pixels[0] * 255).round().byte().permute(1, 2, 0).numpy(), stored)


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
    again = quantise(plain.pixels, plain.format)[..., 1] / top
    np.testing.assert_allclose(again, colors * alpha, atol=0.003)


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


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "uint32", "float16"])
def test_a_tiff_keeps_its_type(tmp_path, dtype):
    info = np.finfo(dtype) if dtype == "float16" else np.iinfo(dtype)
    stored = np.linspace(float(info.min), float(info.max), 63).reshape(7, 9).astype(dtype)
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="minisblack")
    decoded = decode(tmp_path / "a.tif")
    assert decoded.array.dtype == dtype
    assert np.array_equal(decoded.array[..., 0], stored)


def test_measurements_are_no_colours(tmp_path):
    stored = stored_array(3, "uint8")
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="minisblack", planarconfig="contig")
    assert not decode(tmp_path / "a.tif").is_color
    tifffile.imwrite(tmp_path / "b.tif", stored, photometric="rgb")
    assert decode(tmp_path / "b.tif").is_color


@pytest.mark.parametrize("kind", ["sub", "later"])
def test_overviews_and_masks_are_not_the_image(tmp_path, kind):
    stored = stored_array(1, "uint8")
    mask = np.ones((9, 14), bool)
    with tifffile.TiffWriter(tmp_path / "a.tif") as tiff:
        about = {"photometric": "minisblack", "metadata": None}
        tiff.write(stored, subifds=1 if kind == "sub" else 0, **about)
        tiff.write(stored[::2, ::2], subfiletype=1, **about)
        tiff.write(mask, subfiletype=4, photometric="mask", metadata=None)
    assert np.array_equal(decode(tmp_path / "a.tif").array[..., 0], stored)


def test_the_full_picture_behind_a_thumbnail(tmp_path):
    stored = stored_array(3, "uint16")
    with tifffile.TiffWriter(tmp_path / "a.tif") as tiff:
        about = {"photometric": "rgb", "metadata": None}
        tiff.write(np.zeros((16, 16, 3), np.uint8), subfiletype=1, subifds=1, **about)
        tiff.write(stored, subfiletype=0, **about)
    assert np.array_equal(decode(tmp_path / "a.tif").array, stored)
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


def test_no_data_is_what_is_stored_not_what_is_shown(tmp_path):
    stored = np.arange(40, 60, dtype=np.uint8).reshape(4, 5)
    stored[1, 2] = 255
    told = {"extratags": [(42113, 2, 0, "255", True)]}
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="miniswhite", **told)
    picture = scale(decode(tmp_path / "a.tif"), tmp_path / "a.tif", "observed")
    known = picture.known
    assert (known[0, 0].numpy() == (stored != 255)).all()
    write_tiff(tmp_path / "b.tif", picture)
    with tifffile.TiffFile(tmp_path / "b.tif") as tiff:
        assert tiff.pages[0].tags[42113].value == "0"  # it is written from black to white

    colors = np.zeros((3, 256), np.uint16)
    tifffile.imwrite(tmp_path / "p.tif", stored, photometric="palette", colormap=colors, **told)
    with pytest.raises(UserError, match="has a palette, in which 255 means no data"):
        read(tmp_path / "p.tif", "observed")


def test_the_profile_stays_where_there_are_more_channels(tmp_path):
    stored = stored_array(5, "uint8")
    extra = {"photometric": "rgb", "extrasamples": ["unspecified"] * 2}
    tifffile.imwrite(tmp_path / "a.tif", stored, iccprofile=DISPLAY_P3, **extra)
    write_tiff(tmp_path / "b.tif", read(tmp_path / "a.tif", "image"))
    with tifffile.TiffFile(tmp_path / "b.tif") as tiff:
        assert tiff.pages[0].iccprofile == DISPLAY_P3
