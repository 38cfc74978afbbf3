"""Tags, compression and descriptions of a TIFF come back."""

import numpy as np
import pytest
import tifffile

from dip_lightning.images import read, write_tiff
from dip_lightning.images.metadata import Metadata, Tiff
from tests.conftest import stored_array
from tests.images.files import XMP, enlarged
from tests.images.profiles import DISPLAY_P3


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


def test_axes_that_tifffile_names(tmp_path):
    stored = np.ascontiguousarray(np.moveaxis(stored_array(12, "uint8"), -1, 0))
    about = {"axes": "CYX", "exposure": 7}
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="minisblack", metadata=about)
    write_tiff(tmp_path / "b.tif", enlarged(read(tmp_path / "a.tif", "observed"), 2))
    with tifffile.TiffFile(tmp_path / "b.tif") as written:
        described = written.shaped_metadata[0]
        assert described == {"shape": [12, 18, 28], "axes": "CYX", "exposure": 7}
        assert written.series[0].axes == "CYX"


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
    write_tiff(tmp_path / "large.tif", enlarged(picture, 2))
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


def test_imagejs_places_move_with_the_pixels():
    about = {"unit": "um", "xorigin": 12.0, "yorigin": 5, "ROI": b"a place", "Overlays": [b"one"]}
    whole = Metadata(size=(60, 80), tiff=Tiff(imagej=about))
    for found, x, y in (
        (whole.cropped(20, 30, (40, 50)), -18, -15),
        (whole.fitted((120, 160)), 24, 10),
        (whole.turned(4), 12, 55),
        (whole.turned(5), 5, 12),
    ):
        assert found.tiff.imagej == {"unit": "um", "xorigin": x, "yorigin": y}
    assert whole.turned(1).tiff.imagej == about
    without = Metadata(size=(60, 80), tiff=Tiff(imagej={"unit": "um"})).cropped(2, 3, (9, 9))
    assert without.tiff.imagej == {"unit": "um"}
