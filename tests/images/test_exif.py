"""EXIF that is true of the result."""

import struct

import numpy as np
import pytest
import tifffile
from PIL import Image

from dip_lightning.images import read, write_png, write_tiff
from tests.conftest import stored_array
from tests.images.files import CAMERA, exif_of_a_camera


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
    exif = exif_of_a_camera()
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
