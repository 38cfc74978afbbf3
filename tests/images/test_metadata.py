"""What came with the pixels goes with the result: read back by Pillow and tifffile."""

import io
import struct
import zlib

import imagecodecs
import numpy as np
import pytest
import tifffile
import torch
from PIL import Image, ImageCms

from dip_lightning.images import Picture, read, write_png, write_tiff
from dip_lightning.images.metadata import Metadata
from tests.conftest import stored_array
from tests.images.files import XMP, enlarged, exif_of_a_camera
from tests.images.profiles import DISPLAY_P3, GRAY


def _chunks(png: bytes) -> dict[bytes, bytes]:
    chunks, at = {}, 8
    while at < len(png):
        length, kind = struct.unpack_from(">I4s", png, at)
        content = png[at + 8 : at + 8 + length]
        assert zlib.crc32(kind + content) == struct.unpack_from(">I", png, at + 8 + length)[0]
        chunks[kind], at = content, at + 12 + length
    return chunks


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_profile_exif_and_resolution_reach_the_png(tmp_path, form):
    image = Image.fromarray(stored_array(3, "uint8"))
    more = {} if form == "WEBP" else {"dpi": (300, 150)}
    image.save(tmp_path / "a", form, icc_profile=DISPLAY_P3, exif=exif_of_a_camera(), **more)
    picture = read(tmp_path / "a", "observed")
    write_png(tmp_path / "b.png", picture)
    with Image.open(tmp_path / "b.png") as written:
        assert written.info["icc_profile"] == DISPLAY_P3
        if form != "WEBP":
            assert written.info["dpi"] == pytest.approx((300, 150), rel=1e-3)
        assert written.getexif()[0x010F] == "Maker"
        assert written.getexif().get_ifd(0x8769)[0x927C] == b"a camera's own notes"
        assert written.getexif().get_ifd(0x8825)[1] == "N"


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_chunks_of_a_png_keep_their_bytes(tmp_path, channels, dtype):
    from dip_lightning.images.png import inserted, profile

    kept = [
        (b"gAMA", struct.pack(">I", 45455)),
        (b"cHRM", bytes(range(32))),
        (b"cICP", bytes([9, 16, 0, 1])),
        profile(DISPLAY_P3 if channels > 2 else GRAY),
        (b"pHYs", struct.pack(">IIB", 11811, 5906, 1)),
        (b"eXIf", exif_of_a_camera().tobytes()[6:]),
    ]
    (tmp_path / "a.png").write_bytes(
        inserted(imagecodecs.png_encode(stored_array(channels, dtype)), kept)
    )
    write_png(tmp_path / "b.png", read(tmp_path / "a.png", "observed"))
    written = _chunks((tmp_path / "b.png").read_bytes())
    assert {kind: written[kind] for kind, _ in kept} == dict(kept)


def test_srgb_and_texts_of_a_png(tmp_path):
    from PIL.PngImagePlugin import PngInfo

    from dip_lightning.images.png import inserted

    texts = PngInfo()
    texts.add_text("Author", "A. N. Other")
    texts.add_itxt("Title", "Café, 北")
    texts.add_itxt("XML:com.adobe.xmp", XMP.decode().replace("6", "1"))
    Image.fromarray(stored_array(1, "uint8")).save(tmp_path / "a.png", pnginfo=texts)
    data = inserted((tmp_path / "a.png").read_bytes(), [(b"sRGB", b"\1")])
    (tmp_path / "a.png").write_bytes(data)
    write_png(tmp_path / "b.png", read(tmp_path / "a.png", "observed"))
    with Image.open(tmp_path / "b.png") as written:
        assert written.info["srgb"] == 1
        assert written.text["Author"] == "A. N. Other"
        assert written.text["Title"] == "Café, 北"
        assert written.text["XML:com.adobe.xmp"] == XMP.decode().replace("6", "1")


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_a_turned_photo_is_upright_and_says_so(tmp_path, form):
    image = Image.fromarray(stored_array(3, "uint8"))
    more = {} if form == "WEBP" else {"dpi": (300, 150)}
    image.save(tmp_path / "a", form, exif=exif_of_a_camera(6), **more)
    picture = read(tmp_path / "a", "observed")
    assert picture.size == (14, 9)
    write_png(tmp_path / "b.png", picture)
    with Image.open(tmp_path / "b.png") as written:
        exif = written.getexif()
        assert (exif[0x0112], exif[0x010F]) == (1, "Maker")
        assert (exif[0x011A], exif[0x011B]) == (150, 300)
        assert (exif.get_ifd(0x8769)[0xA002], exif.get_ifd(0x8769)[0xA003]) == (9, 14)
        if form != "WEBP":
            assert written.info["dpi"] == pytest.approx((150, 300), rel=1e-3)
    assert read(tmp_path / "b.png", "observed").size == (14, 9)


def test_orientation_in_xmp_is_reset(tmp_path):
    Image.fromarray(stored_array(3, "uint8")).save(tmp_path / "a.webp", xmp=XMP, lossless=True)
    picture = read(tmp_path / "a.webp", "observed")
    assert picture.size == (14, 9)
    write_png(tmp_path / "b.png", picture)
    assert read(tmp_path / "b.png", "observed").size == (14, 9)
    with Image.open(tmp_path / "b.png") as written:
        assert written.info["xmp"] == XMP.replace(b"6", b"1")


def test_an_enlargement_has_as_many_pixels_more_per_inch(tmp_path):
    image = Image.fromarray(stored_array(3, "uint8"))
    image.save(tmp_path / "a.jpg", exif=exif_of_a_camera(), dpi=(300, 150))
    write_png(tmp_path / "b.png", enlarged(read(tmp_path / "a.jpg", "observed"), 4))
    with Image.open(tmp_path / "b.png") as written:
        assert written.info["dpi"] == pytest.approx((1200, 600), rel=1e-3)
        exif = written.getexif()
        assert (exif[0x011A], exif[0x011B]) == (1200, 600)
        assert (exif.get_ifd(0x8769)[0xA002], exif.get_ifd(0x8769)[0xA003]) == (56, 36)


def test_a_profile_of_other_channels_is_not_attached(tmp_path):
    """A palette is RGB; a CMYK profile, or a gray one, is not."""
    for name, profile in (("rgb", DISPLAY_P3), ("gray", GRAY)):
        image = Image.fromarray(stored_array(3, "uint8")).quantize(8)
        image.save(tmp_path / f"{name}.png", icc_profile=profile)
        write_png(tmp_path / "b.png", read(tmp_path / f"{name}.png", "observed"))
        with Image.open(tmp_path / "b.png") as written:
            assert written.info.get("icc_profile") == (profile if name == "rgb" else None)


def test_a_display_p3_photo_is_shown_alike(tmp_path):
    """Its colours, converted to sRGB by its profile, are those of the file given."""
    stored = stored_array(3, "uint8")
    Image.fromarray(stored).save(tmp_path / "a.png", icc_profile=DISPLAY_P3)
    write_png(tmp_path / "b.png", read(tmp_path / "a.png", "observed"))

    def shown(path):
        with Image.open(path) as image:
            profile = ImageCms.ImageCmsProfile(io.BytesIO(image.info["icc_profile"]))
            return np.asarray(
                ImageCms.profileToProfile(image, profile, ImageCms.createProfile("sRGB"))
            )

    assert np.array_equal(shown(tmp_path / "a.png"), shown(tmp_path / "b.png"))
    assert np.abs(shown(tmp_path / "b.png").astype(int) - stored).mean() > 3


def test_a_turned_tiff_is_upright_and_says_so(tmp_path):
    turned = [(274, "H", 1, 6, True)]
    tifffile.imwrite(
        tmp_path / "a.tif",
        stored_array(1, "uint8"),
        photometric="minisblack",
        resolution=((300, 1), (150, 1)),
        extratags=turned,
    )
    picture = read(tmp_path / "a.tif", "observed")
    write_tiff(tmp_path / "b.tif", picture)
    with tifffile.TiffFile(tmp_path / "b.tif") as written:
        tags = written.pages[0].tags
        assert 274 not in tags
        assert tags[282].value == (150, 1)
        assert tags[283].value == (300, 1)


def test_metadata_of_a_crop():
    exif = exif_of_a_camera().tobytes()[6:]
    whole = Metadata(size=(9, 14), exif=exif, dpi=(300.0, 150.0))
    crop = whole.cropped(2, 3, (4, 5)).fitted((8, 10))
    assert crop.size == (8, 10)
    assert crop.dpi == (600, 300)
    assert Metadata().fitted((8, 10)) == Metadata(size=(8, 10))


def test_a_picture_cut_to_its_centre_says_so(tmp_path):
    image = Image.fromarray(stored_array(3, "uint8"))
    image.save(tmp_path / "a.jpg", exif=exif_of_a_camera(), dpi=(300, 150))
    picture = read(tmp_path / "a.jpg", "observed")
    write_png(tmp_path / "b.png", picture.part(*picture.middle(8)))
    with Image.open(tmp_path / "b.png") as written:
        inner = written.getexif().get_ifd(0x8769)
        assert (inner[0xA002], inner[0xA003]) == written.size == (8, 8)
        assert written.info["dpi"] == pytest.approx((300, 150), rel=1e-3)


def test_without_metadata_nothing_is_added(tmp_path):
    from dip_lightning.images import Format

    write_png(tmp_path / "a.png", Picture(torch.rand(1, 3, 4, 5), None, Format()))
    assert set(_chunks((tmp_path / "a.png").read_bytes())) == {b"IHDR", b"IDAT", b"IEND"}
