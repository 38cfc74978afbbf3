import base64
import io

import numpy as np
import pytest
from PIL import Image

from dip_lightning.dashboard.previews import SIDE, preview


def opened(address):
    head, _, text = address.partition(",")
    assert head == "data:image/webp;base64"
    return Image.open(io.BytesIO(base64.b64decode(text)))


@pytest.mark.parametrize(
    ("shape", "dtype"),
    [
        ((300, 600, 3), "uint8"),
        ((300, 600), "uint8"),
        ((300, 600), "uint16"),
        ((300, 600, 4), "uint8"),
    ],
)
def test_previews_are_small_and_look_alike(tmp_path, shape, dtype):
    ramp = np.linspace(0.2, 0.8, shape[1]) * np.iinfo(dtype).max
    array = np.broadcast_to(ramp[:, None] if len(shape) == 3 else ramp, shape).astype(dtype)
    path = tmp_path / "image.png"
    Image.fromarray(np.ascontiguousarray(array)).save(path)
    small = opened(preview(path))
    assert small.size == (SIDE, SIDE // 2)
    shown = np.asarray(small.convert("RGB"))[40].mean(-1) / 255
    np.testing.assert_allclose(shown, np.linspace(0.2, 0.8, SIDE), atol=0.08)


def test_what_is_no_image_has_no_preview(tmp_path):
    assert preview(tmp_path / "missing.png") is None
    (tmp_path / "half.png").write_bytes(b"\x89PNG")
    assert preview(tmp_path / "half.png") is None


def test_a_new_image_has_a_new_preview(tmp_path):
    path = tmp_path / "image.png"
    Image.new("RGB", (8, 8), "black").save(path)
    before = preview(path)
    Image.new("RGB", (8, 8), "white").save(path)
    assert preview(path) != before
