"""The result is laid out as the TIFF that it came from."""

import numpy as np
import pytest
import tifffile

from dip_lightning.errors import UserError
from dip_lightning.images import read, write_tiff
from tests.conftest import stored_array


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


def test_a_damaged_unit_is_inches(tmp_path):
    array = stored_array(1, "uint8")
    tifffile.imwrite(tmp_path / "a.tif", array, resolution=(300, 300), photometric="minisblack")
    with tifffile.TiffFile(tmp_path / "a.tif", mode="r+") as tiff:
        tiff.pages[0].tags[296].overwrite(65535)
    write_tiff(tmp_path / "b.tif", read(tmp_path / "a.tif", "observed"))
    with tifffile.TiffFile(tmp_path / "b.tif") as written:
        assert written.pages[0].tags[296].value == 2


def test_a_description_of_other_pages_is_left_behind(tmp_path):
    array = stored_array(1, "uint8")
    text = '{"shape": [2, 5]}'
    tifffile.imwrite(
        tmp_path / "a.tif", array, description=text, metadata=None, photometric="minisblack"
    )
    write_tiff(tmp_path / "b.tif", read(tmp_path / "a.tif", "observed"))
    with tifffile.TiffFile(tmp_path / "b.tif") as written:
        assert 270 not in written.pages[0].tags


def test_axes_of_one_page_are_not_named(tmp_path):
    """The result has none of them."""
    array = stored_array(1, "uint8")[np.newaxis]
    about = {"axes": "ZYX", "exposure": 7}
    tifffile.imwrite(tmp_path / "a.tif", array, metadata=about, photometric="minisblack")
    write_tiff(tmp_path / "b.tif", read(tmp_path / "a.tif", "observed"))
    with tifffile.TiffFile(tmp_path / "b.tif") as written:
        assert written.shaped_metadata[0] == {"shape": [9, 14], "exposure": 7}
        assert np.array_equal(written.asarray(), array[0])


def test_what_cannot_be_written_is_refused_while_reading(tmp_path):
    """OME-XML with a size that is no number, for instance."""
    stored = np.moveaxis(stored_array(2, "uint8"), -1, 0)
    about = {"axes": "CYX", "PhysicalSizeX": 0.5}
    tifffile.imwrite(tmp_path / "a.tif", stored, ome=True, metadata=about, photometric="minisblack")
    data = (tmp_path / "a.tif").read_bytes()
    (tmp_path / "a.tif").write_bytes(data.replace(b'PhysicalSizeX="0.5"', b'PhysicalSizeX="a.b"'))
    with pytest.raises(UserError, match=r"a\.tif: truncated or damaged image"):
        read(tmp_path / "a.tif", "observed")
