import base64
import io
import os

import numpy as np
import pytest
from PIL import Image
from skimage import data

from dip_lightning.dashboard.previews import SIDES, SMALLEST, Pictures, preview

SIDE = 192


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
    small = opened(preview(path, SIDE))
    assert small.size == (SIDE, SIDE // 2)
    shown = np.asarray(small.convert("RGB"))[40].mean(-1) / 255
    np.testing.assert_allclose(shown, np.linspace(0.2, 0.8, SIDE), atol=0.08)


def test_what_is_no_image_has_no_preview(tmp_path):
    assert preview(tmp_path / "missing.png", SIDE) is None
    (tmp_path / "half.png").write_bytes(b"\x89PNG")
    assert preview(tmp_path / "half.png", SIDE) is None


def test_a_new_image_has_a_new_preview(tmp_path):
    path = tmp_path / "image.png"
    Image.new("RGB", (8, 8), "black").save(path)
    before = preview(path, SIDE)
    Image.new("RGB", (8, 8), "white").save(path)
    assert preview(path, SIDE) != before


def test_the_same_image_is_carried_once(tmp_path):
    pictures = Pictures(2)
    for name, colour in (("a.png", "red"), ("b.png", "red"), ("c.png", "blue")):
        Image.new("RGB", (8, 8), colour).save(tmp_path / name)
    a, b, c = (pictures.add(tmp_path / f"{name}.png") for name in "abc")
    assert a == b != c
    assert pictures.found.keys() == {a, c}
    assert pictures.add(tmp_path / "missing.png") is None
    assert Pictures(2).add(tmp_path / "c.png") == c


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    assert preview(tmp_path / "pipe.png", SIDE) is None


@pytest.mark.slow
@pytest.mark.parametrize("runs", SIDES)
def test_photographs_of_as_many_runs_as_there_may_be_take_little(tmp_path, runs):
    """Restored, observed and true image of each run, no two alike."""
    photos = [data.astronaut(), data.coffee(), data.chelsea()]
    rng = np.random.default_rng(0)
    pictures = Pictures(runs)
    assert pictures.side > SMALLEST
    for number in range(runs):
        truth = np.roll(photos[number % 3], 7 * number, 1)
        noisy = (truth + rng.normal(0, 25, truth.shape)).clip(0, 255).astype("uint8")
        restored = np.stack([truth, np.roll(truth, 1, 0)]).mean(0).astype("uint8")
        for image in (restored, noisy, truth):
            Image.fromarray(image).save(tmp_path / "image.bmp")
            assert pictures.add(tmp_path / "image.bmp")
    assert len(pictures.found) == 3 * runs
    assert sum(map(len, pictures.found.values())) < 1.5e6
