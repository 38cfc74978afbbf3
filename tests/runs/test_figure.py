import numpy as np
import pytest
import torch
from PIL import Image

from dip_lightning.runs.figure import GAP, Panel, draw_comparison


@pytest.mark.parametrize("size", [(8, 8), (17, 13), (300, 451), (40, 900), (900, 40), (2000, 3000)])
@pytest.mark.parametrize("channels", [1, 3, 5])
def test_panels_are_readable_at_any_size(tmp_path, size, channels):
    pixels = torch.full((1, channels, *size), 0.5)
    panels = [Panel(f"Panel {i}", "PSNR 30.00 dB", pixels) for i in range(4)]
    draw_comparison(tmp_path / "a.png", panels, size)
    with Image.open(tmp_path / "a.png") as drawn:
        assert drawn.mode == "RGB"
        assert 300 <= drawn.width <= 6000
        assert 150 <= drawn.height <= 6000


def test_the_panels_pixels_are_shown(tmp_path):
    pixels = torch.zeros(1, 3, 320, 320)
    pixels[:, 0] = 1
    draw_comparison(tmp_path / "a.png", [Panel("Red", "", pixels)], (320, 320))
    with Image.open(tmp_path / "a.png") as drawn:
        shown = np.asarray(drawn)
    red = (shown == (255, 0, 0)).all(axis=-1)
    assert red.sum() == 320 * 320
    assert red[:, :GAP].sum() == 0


def test_a_small_observation_is_shown_as_large_as_the_result(tmp_path):
    large, small = torch.zeros(1, 1, 320, 320), torch.zeros(1, 1, 40, 40)
    draw_comparison(tmp_path / "a.png", [Panel("", "", large), Panel("", "", small)], (320, 320))
    with Image.open(tmp_path / "a.png") as drawn:
        black = (np.asarray(drawn.convert("L")) == 0).sum()
    assert black == 2 * 320 * 320
