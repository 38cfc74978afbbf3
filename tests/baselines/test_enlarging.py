import numpy as np
import pytest
import torch
from PIL import Image

from dip_lightning.baselines import (
    back_project,
    back_projection,
    bicubic,
    lanczos,
)
from dip_lightning.operators import Downsample
from tests.conftest import smooth_image


def test_bicubic_is_near_pillows():
    y = Downsample(3)(smooth_image(1, 30, 45)).clamp(0, 1)
    plane = Image.fromarray(y[0, 0].numpy()).resize((45, 30), Image.Resampling.BICUBIC)
    ours = bicubic(y, (30, 45), 3)[0, 0].numpy()
    # The two use different parameters of the same cubic family.
    assert np.abs(ours - np.asarray(plane)).max() < 0.05


def test_bicubic_is_cut_to_the_image():
    assert bicubic(torch.rand(1, 3, 4, 5), (13, 17), 4).shape == (1, 3, 13, 17)


def test_lanczos_is_pillows():
    y = Downsample(3)(smooth_image(3, 30, 45)).clamp(0, 1)
    for channel in range(3):
        plane = Image.fromarray(y[0, channel].numpy()).resize((45, 30), Image.Resampling.LANCZOS)
        ours = lanczos(y, (29, 44), 3)[0, channel].numpy()
        np.testing.assert_array_equal(ours, np.asarray(plane).clip(0, 1)[:29, :44])


def textured(size):
    """Waves that a factor of 3 keeps in part."""
    rows, columns = torch.arange(size[0])[:, None], torch.arange(size[1])
    waves = [torch.sin(0.23 * rows + 0.31 * columns), torch.cos(0.6 * rows - 0.1 * columns)]
    return (0.5 + 0.2 * waves[0] + 0.15 * waves[1]).expand(1, 3, *size).contiguous()


@pytest.mark.parametrize(("factor", "size"), [(4, (61, 70)), (3, (33, 40)), (8, (64, 72))])
def test_back_projection_agrees_with_y_and_beats_bicubic(factor, size):
    x, A = textured(size), Downsample(factor)
    y = A(x)
    bicubic_x, found = bicubic(y, size, factor), back_projection(y, size, factor, A)
    assert found.shape == x.shape

    def error(a, b):
        return float((a - b).square().mean())

    assert error(A(found), y) < 0.01 * error(A(bicubic_x), y)
    assert error(found, x) < error(bicubic_x, x)


def test_back_projection_of_an_image_that_agrees_changes_nothing():
    x, A = textured((24, 32)), Downsample(4)
    assert torch.allclose(back_project(x, A(x), 4, A, 10), x, atol=1e-6)
