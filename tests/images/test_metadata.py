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
from tests.images.profiles import DISPLAY_P3, GRAY

XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><tiff:Orientation>6</tiff:Orientation></x:xmpmeta>'
CAMERA = {0xA002: 14, 0xA003: 9, 0x829A: 0.005, 0x927C: b"a camera's own notes"}


def _exif(orientation: int = 1) -> Image.Exif:
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "Maker", orientation
    exif[0x011A], exif[0x011B], exif[0x0128] = 300.0, 150.0, 2
    exif[0x8769], exif[0x8825] = dict(CAMERA), {1: "N", 2: (1.0, 2.0, 3.5)}
    loaded = Image.Exif()  # Pillow saves the inner directories in a TIFF only if it has read them
    loaded.load(exif.tobytes())
    return loaded


def _enlarged(picture: Picture, factor: int) -> Picture:
    from dataclasses import replace

    pixels = picture.pixels.repeat_interleave(factor, 2).repeat_interleave(factor, 3)
    return replace(picture, pixels=pixels)


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
    image.save(tmp_path / "a", form, icc_profile=DISPLAY_P3, exif=_exif(), **more)
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
        (b"eXIf", _exif().tobytes()[6:]),
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
    image.save(tmp_path / "a", form, exif=_exif(6), **more)
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
    image.save(tmp_path / "a.jpg", exif=_exif(), dpi=(300, 150))
    write_png(tmp_path / "b.png", _enlarged(read(tmp_path / "a.jpg", "observed"), 4))
    with Image.open(tmp_path / "b.png") as written:
        assert written.info["dpi"] == pytest.approx((1200, 600), rel=1e-3)
        exif = written.getexif()
        assert (exif[0x011A], exif[0x011B]) == (1200, 600)
        assert (exif.get_ifd(0x8769)[0xA002], exif.get_ifd(0x8769)[0xA003]) == (56, 36)


def test_the_thumbnail_of_the_damaged_image_is_dropped(tmp_path):
    """All other bytes of the block are where they were."""
    from dip_lightning.images.exif import rewritten

    body = struct.pack("<2sHI", b"II", 42, 8) + struct.pack("<HHHII", 1, 0x0112, 3, 1, 6)
    thumbnail = b"\xff\xd8 thumbnail"
    at = len(body) + 4
    second = struct.pack("<HHHIIHHIII", 2, 0x0201, 4, 1, at + 30, 0x0202, 4, 1, len(thumbnail), 0)
    block = body + struct.pack("<I", at) + second + thumbnail
    image = Image.fromarray(stored_array(3, "uint8"))
    image.save(tmp_path / "a.jpg", exif=b"Exif\0\0" + block)
    write_png(tmp_path / "b.png", read(tmp_path / "a.jpg", "observed"))
    assert b"thumbnail" not in (tmp_path / "b.png").read_bytes()
    with Image.open(tmp_path / "b.png") as written:
        assert dict(written.getexif()) == {0x0112: 1}
        assert not written.getexif().get_ifd(1)
    assert b"thumbnail" not in rewritten(block + b"after it", (9, 14))
    assert rewritten(block + b"after it", (9, 14)).endswith(b"after it")
    assert rewritten(block[:20], (9, 14)) == b""


@pytest.mark.parametrize("pages", [1, 2])
def test_camera_and_place_in_a_tiff(tmp_path, pages):
    """Pillow and tifffile find them in restored.tif, and the pixels where they were."""
    exif = _exif()
    exif[0x8298] = "A. N. Other"
    first, *others = (Image.fromarray(stored_array(1, "uint8") // n) for n in range(1, pages + 1))
    first.save(tmp_path / "a.tif", exif=exif, save_all=True, append_images=others)
    picture = read(tmp_path / "a.tif", "observed")
    write_tiff(tmp_path / "b.tif", picture)
    write_tiff(tmp_path / "c.tif", read(tmp_path / "b.tif", "observed"))
    for name in ("b.tif", "c.tif"):
        with Image.open(tmp_path / name) as image:
            written = image.getexif()
            assert (written[0x010F], written[0x8298]) == ("Maker", "A. N. Other")
            assert written.get_ifd(0x8769) == CAMERA
            assert written.get_ifd(0x8825) == {1: "N", 2: (1.0, 2.0, 3.5)}
        with tifffile.TiffFile(tmp_path / name) as tiff:
            assert tiff.pages[0].tags[34665].value["MakerNote"] == b"a camera's own notes"
            codes = [tag.code for tag in tiff.pages[0].tags]
            assert codes == sorted(codes)
            assert np.array_equal(tiff.asarray(), tifffile.imread(tmp_path / "a.tif"))


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


@pytest.mark.parametrize("compression", [None, "lzw", "deflate", "zstd", "packbits"])
@pytest.mark.parametrize("dtype", ["uint16", "float32"])
def test_tags_and_compression_of_a_tiff(tmp_path, compression, dtype):
    stored = stored_array(3, dtype)
    tags = [(315, 2, 0, "A. N. Other", True), (33432, 2, 0, b"\xc2\xa9 2020", True)]
    tifffile.imwrite(
        tmp_path / "a.tif",
        stored,
        photometric="rgb",
        compression=compression,
        predictor=compression in {"lzw", "deflate", "zstd"},
        iccprofile=DISPLAY_P3,
        resolution=((300, 1), (301, 2)),
        resolutionunit="centimeter",
        software="scanner 9",
        datetime="2020:01:02 03:04:05",
        description="a scan",
        metadata=None,
        extratags=[*tags, (700, 1, len(XMP), XMP.replace(b"6", b"1"), True)],
    )
    write_tiff(tmp_path / "b.tif", read(tmp_path / "a.tif", "observed"))
    with tifffile.TiffFile(tmp_path / "a.tif") as given, tifffile.TiffFile(tmp_path / "b.tif") as b:
        assert np.array_equal(b.asarray(), stored)
        old, new = given.pages[0].tags, b.pages[0].tags
        where = {273, 279}
        assert {tag.code: tag.value for tag in new if tag.code not in where} == {
            tag.code: tag.value for tag in old if tag.code not in where
        }


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


@pytest.mark.parametrize("planes", ["contig", "separate"])
@pytest.mark.parametrize(("channels", "alpha"), [(4, False), (5, True), (4, True)])
def test_channels_beside_rgb_keep_their_layout(tmp_path, planes, channels, alpha):
    stored = stored_array(channels, "uint16")
    extras = ["unspecified"] * (channels - 3 - alpha) + ["unassalpha"] * alpha
    array = stored if planes == "contig" else np.ascontiguousarray(np.moveaxis(stored, -1, 0))
    tifffile.imwrite(
        tmp_path / "a.tif", array, photometric="rgb", planarconfig=planes, extrasamples=extras
    )
    picture = read(tmp_path / "a.tif", "observed")
    assert picture.format.is_color == (channels - alpha == 3)
    write_tiff(tmp_path / "b.tif", picture)
    with tifffile.TiffFile(tmp_path / "b.tif") as written:
        assert np.array_equal(written.asarray(), array)
        page = written.pages[0]
        assert page.planarconfig.name.lower() == planes
        assert page.photometric.name == "RGB"
        assert [extra.name.lower() for extra in page.extrasamples] == extras


@pytest.mark.parametrize("channels", [2, 3, 8])
def test_gray_pages_are_channels(tmp_path, channels):
    stored = np.moveaxis(stored_array(channels, "uint16"), -1, 0)
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="minisblack", metadata=None)
    picture = read(tmp_path / "a.tif", "observed")
    assert picture.pixels.shape[1] == channels
    assert not picture.format.is_color
    write_tiff(tmp_path / "b.tif", picture)
    with tifffile.TiffFile(tmp_path / "b.tif") as written:
        assert len(written.pages) == channels
        assert np.array_equal(written.asarray(), stored)


def test_axes_that_tifffile_names(tmp_path):
    stored = np.ascontiguousarray(np.moveaxis(stored_array(12, "uint8"), -1, 0))
    about = {"axes": "CYX", "exposure": 7}
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="minisblack", metadata=about)
    write_tiff(tmp_path / "b.tif", _enlarged(read(tmp_path / "a.tif", "observed"), 2))
    with tifffile.TiffFile(tmp_path / "b.tif") as written:
        described = written.shaped_metadata[0]
        assert described == {"shape": [12, 18, 28], "axes": "CYX", "exposure": 7}
        assert written.series[0].axes == "CYX"


def test_a_two_channel_ome_stack(tmp_path):
    stored = np.moveaxis(stored_array(2, "uint16"), -1, 0)
    about = {
        "axes": "CYX",
        "Channel": {"Name": ["DAPI", "GFP"]},
        "PhysicalSizeX": 0.5,
        "PhysicalSizeY": 0.25,
        "PhysicalSizeXUnit": "µm",
    }
    tifffile.imwrite(tmp_path / "a.ome.tif", stored, metadata=about, photometric="minisblack")
    picture = read(tmp_path / "a.ome.tif", "observed")
    write_tiff(tmp_path / "same.tif", picture)
    write_tiff(tmp_path / "large.tif", _enlarged(picture, 2))
    with tifffile.TiffFile(tmp_path / "same.tif") as same:
        assert same.is_ome
        assert same.series[0].axes == "CYX"
        assert np.array_equal(same.asarray(), stored)
    with tifffile.TiffFile(tmp_path / "large.tif") as large:
        described = tifffile.xml2dict(large.ome_metadata)["OME"]["Image"]["Pixels"]
        assert large.series[0].shape == (2, 18, 28)
    assert [channel["Name"] for channel in described["Channel"]] == ["DAPI", "GFP"]
    assert (described["SizeX"], described["SizeY"], described["SizeC"]) == (28, 18, 2)
    assert (described["PhysicalSizeX"], described["PhysicalSizeY"]) == (0.25, 0.125)
    assert (described["PhysicalSizeXUnit"], described["Type"]) == ("µm", "uint16")


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_a_two_channel_imagej_hyperstack(tmp_path, compression):
    stored = np.moveaxis(stored_array(2, "uint16"), -1, 0)
    lut = np.arange(768, dtype=np.uint16).reshape(3, 256).astype(np.uint8)
    about = {
        "axes": "CYX",
        "unit": "um",
        "mode": "composite",
        "Ranges": (0.0, 10.0, 5.0, 700.0),
        "LUTs": [lut, lut[::-1].copy()],
        "Labels": ["DAPI", "GFP"],
        "Info": "taken at 20 °C",
        "ROI": b"a place in the image",
    }
    tifffile.imwrite(
        tmp_path / "a.tif",
        stored,
        imagej=True,
        metadata=about,
        resolution=((4, 1), (8, 1)),
        compression=compression,
    )
    picture = read(tmp_path / "a.tif", "observed")
    write_tiff(tmp_path / "same.tif", picture)
    write_tiff(tmp_path / "large.tif", _enlarged(picture, 2))
    with tifffile.TiffFile(tmp_path / "a.tif") as a, tifffile.TiffFile(tmp_path / "same.tif") as b:
        assert np.array_equal(b.asarray(), stored)
        assert b.series[0].axes == "CYX"
        old, new = a.imagej_metadata, b.imagej_metadata
        assert np.array_equal(old.pop("LUTs"), new.pop("LUTs"))
        assert new == old
    with tifffile.TiffFile(tmp_path / "large.tif") as large:
        assert large.pages[0].tags[282].value == (8, 1)
        assert large.pages[0].tags[283].value == (16, 1)
        assert large.imagej_metadata["unit"] == "um"
        assert large.imagej_metadata["Ranges"] == (0.0, 10.0, 5.0, 700.0)
        assert "ROI" not in large.imagej_metadata


def test_metadata_of_a_crop():
    exif = _exif().tobytes()[6:]
    whole = Metadata(size=(9, 14), exif=exif, dpi=(300.0, 150.0))
    crop = whole.cropped(2, 3, (4, 5)).fitted((8, 10))
    assert crop.size == (8, 10)
    assert crop.dpi == (600, 300)
    assert Metadata().fitted((8, 10)) == Metadata(size=(8, 10))


def test_a_picture_cut_to_its_centre_says_so(tmp_path):
    image = Image.fromarray(stored_array(3, "uint8"))
    image.save(tmp_path / "a.jpg", exif=_exif(), dpi=(300, 150))
    write_png(tmp_path / "b.png", read(tmp_path / "a.jpg", "observed").centre(8))
    with Image.open(tmp_path / "b.png") as written:
        inner = written.getexif().get_ifd(0x8769)
        assert (inner[0xA002], inner[0xA003]) == written.size == (8, 8)
        assert written.info["dpi"] == pytest.approx((300, 150), rel=1e-3)


def test_without_metadata_nothing_is_added(tmp_path):
    from dip_lightning.images import Format

    write_png(tmp_path / "a.png", Picture(torch.rand(1, 3, 4, 5), None, Format()))
    assert set(_chunks((tmp_path / "a.png").read_bytes())) == {b"IHDR", b"IDAT", b"IEND"}
