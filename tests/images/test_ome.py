"""OME-XML stays true of the pixels."""

import xml.etree.ElementTree as ET
from fractions import Fraction

import numpy as np
import tifffile

from dip_lightning.images import read, write_tiff
from dip_lightning.images.ome import rewritten, typed
from tests.conftest import stored_array
from tests.images.files import enlarged


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
    write_tiff(tmp_path / "large.tif", enlarged(picture, 2))
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


XML = """<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="urn:uuid:1"><Image>
<Pixels SizeX="14" SizeY="9" SizeC="2" Type="float" BigEndian="true" PhysicalSizeX="0.5">
<TiffData IFD="1" FirstC="0"><UUID FileName="a.tif">urn:uuid:1</UUID></TiffData>
<TiffData IFD="0" FirstC="1"/><Plane TheC="0" ExposureTime="3"/></Pixels></Image></OME>"""


def test_pages_of_another_file_in_another_order_are_not_named():
    """The result has them in the order of the channels."""
    text = rewritten(XML, (18, 28), (Fraction(2), Fraction(2)))
    written = ET.fromstring(text)  # noqa: S314 - our own
    space = "{http://www.openmicroscopy.org/Schemas/OME/2016-06}"
    assert not written.attrib
    (data,) = written.iter(f"{space}TiffData")
    assert not data.attrib
    assert not list(data)
    assert next(written.iter(f"{space}Plane")).attrib == {"TheC": "0", "ExposureTime": "3"}
    pixels = next(written.iter(f"{space}Pixels"))
    assert (pixels.get("SizeX"), pixels.get("SizeY")) == ("28", "18")
    assert pixels.get("PhysicalSizeX") == "0.25"


def test_type_and_order_of_bytes():
    text = typed(XML.replace('Type="float"', 'Type="bit"'), "uint8")
    assert 'Type="uint8"' in text
    assert 'BigEndian="false"' in text
    assert 'xmlns="http' in text
    assert 'Type="double"' in typed(XML, "float64")
