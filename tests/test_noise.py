import io

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data
from torch.nn.functional import conv2d

from dip_lightning.noise import UNKNOWN, estimate_noise, estimate_peak
from dip_lightning.operators import Mosaic, add_gaussian_noise
from tests.conftest import smooth_image

BLUR = torch.tensor([[1.0, 2, 1], [2, 4, 2], [1, 2, 1]]).view(1, 1, 3, 3) / 6  # keeps the power


def white(shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def correlated(channels, height, width, seed=0):
    """White noise, blurred by [1 2 1] along both axes; its power is 1."""
    return conv2d(white((channels, 1, height + 2, width + 2), seed), BLUR).transpose(0, 1)


def texture(height, width):
    """Fine detail everywhere: a clean image that no block is smooth in, (1, 1, H, W)."""
    rows, columns = np.mgrid[0:height, 0:width].astype(float)
    waves = np.sin(0.9 * rows + np.sin(columns / 7)) * np.sin(1.3 * columns + np.cos(rows / 9))
    edges = np.sign(np.sin(rows * columns / 97))
    return torch.from_numpy(0.5 + 0.2 * waves + 0.1 * edges).float()[None, None]


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("sigma", [10, 25, 50])
def test_white_noise_is_found(channels, sigma):
    x = 0.2 + 0.6 * smooth_image(channels, 97, 111)
    found = estimate_noise(x + sigma / 255 * white(x.shape))
    assert found.is_white
    assert found.std == pytest.approx(sigma / 255, rel=0.05)


def test_white_noise_is_found_under_detail():
    x = texture(131, 127)
    found = estimate_noise(x + 0.1 * white(x.shape))
    assert found.is_white
    assert found.std == pytest.approx(0.1, rel=0.1)


def test_what_clipping_leaves_is_found(generator):
    x = smooth_image(3, 190, 170)
    y = add_gaussian_noise(x, 50, generator)
    assert estimate_noise(y).std == pytest.approx(float((y - x).square().mean().sqrt()), rel=0.1)


def test_the_level_of_channels_is_that_of_their_mean_power():
    x = torch.full((1, 3, 150, 170), 0.5)
    y = x + white(x.shape) * torch.tensor([0.01, 0.02, 0.1]).view(1, 3, 1, 1)
    power = float((y - x).square().mean())
    assert estimate_noise(y).std == pytest.approx(power**0.5, rel=0.05)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("sigma", [3, 10, 25])
def test_correlated_noise_is_found(channels, sigma):
    x = 0.2 + 0.6 * smooth_image(channels, 131, 127)
    found = estimate_noise(x + sigma / 255 * correlated(channels, 131, 127))
    assert not found.is_white
    assert found.std == pytest.approx(sigma / 255, rel=0.15)


def test_correlated_noise_that_depends_on_brightness_is_found():
    """As much as sqrt(x), from 0 to three times the mean."""
    x = torch.linspace(0.05, 0.9, 190).view(1, 1, 1, 190).expand(1, 3, 170, 190)
    y = x + 0.1 * x.sqrt() * correlated(3, 170, 190)
    found = estimate_noise(y)
    assert not found.is_white
    assert found.std == pytest.approx(float((y - x).square().mean().sqrt()), rel=0.15)


def test_a_clean_image_has_no_noise():
    found = estimate_noise(smooth_image(3, 131, 127))
    assert found.std is None or found.std < 0.002
    rounded = (255 * smooth_image(3, 131, 127)).round() / 255
    assert estimate_noise(rounded).std == pytest.approx(1 / 255 / 12**0.5, rel=0.2)
    assert estimate_noise(torch.zeros(1, 3, 64, 64)).std == 0


@pytest.mark.parametrize("name", ["astronaut", "camera"])
def test_detail_of_a_photograph_is_no_noise(name):
    photo = torch.from_numpy(np.atleast_3d(getattr(data, name)())).permute(2, 0, 1)[None] / 255
    assert estimate_noise(photo) == UNKNOWN
    found = estimate_noise(photo + 10 / 255 * white(photo.shape))
    assert found.is_white
    assert found.std == pytest.approx(10 / 255, rel=0.05)
    found = estimate_noise(photo + 10 / 255 * correlated(*photo.shape[1:]))
    assert not found.is_white
    assert found.std == pytest.approx(10 / 255, rel=0.15)


@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 9, 200), (3, 1, 2000), (1, 17, 13)])
def test_nothing_is_known_of_the_noise_of_few_pixels(shape):
    assert estimate_noise(white((1, *shape))) == UNKNOWN


def test_the_order_of_axes_changes_nothing_much():
    y = smooth_image(1, 97, 131) + 0.1 * correlated(1, 97, 131)
    one, two = estimate_noise(y), estimate_noise(y.transpose(2, 3))
    assert one.std == pytest.approx(two.std, rel=0.05)
    assert one.is_white == two.is_white


@pytest.mark.parametrize("side", [60, 5])
def test_little_that_is_known_is_not_enough(side):
    y = torch.rand(1, 3, 1200, 1100, generator=torch.Generator().manual_seed(0))
    known = torch.zeros(1, 1, 1200, 1100)
    known[..., 100 : 100 + side, 100:160] = 1
    found = estimate_noise(y, known)
    if side == 60:
        assert found.is_white
        assert found.std == pytest.approx(12**-0.5, rel=0.1)  # of uniform noise
    else:
        assert found.std is None


@pytest.mark.parametrize("sigma", [5, 15])
def test_noise_of_a_mosaic_is_found_beside_its_own_kind(sigma):
    color = torch.tensor([0.2, 0.5, 0.8]).view(1, 3, 1, 1)
    x = Mosaic("rggb")(color + 0.15 * smooth_image(3, 131, 127))
    found = estimate_noise(x + sigma / 255 * white(x.shape), period=2)
    assert found.is_white
    assert found.std == pytest.approx(sigma / 255, rel=0.06)


def test_detail_of_a_mosaic_is_no_noise():
    x = Mosaic("rggb")(texture(131, 127) * torch.tensor([0.5, 0.8, 1]).view(1, 3, 1, 1))
    assert estimate_noise(x, period=2) == UNKNOWN
    assert estimate_noise(x[..., :70, :60], period=2) == UNKNOWN  # too small to tell


@pytest.mark.parametrize("is_clipped", [False, True])
@pytest.mark.parametrize("peak", [4, 30])
def test_the_peak_of_counts_is_found(peak, is_clipped):
    x = smooth_image(3, 131, 127)
    y = torch.poisson(peak * x, torch.Generator().manual_seed(0)) / peak
    y = (255 * y.clamp(max=1)).round() / 255 if is_clipped else y
    assert estimate_peak(y) == pytest.approx(peak, rel=0.08)


def test_a_peak_that_nothing_tells():
    assert estimate_peak(torch.full((1, 1, 64, 64), 0.5)) is None  # no noise
    assert estimate_peak(torch.rand(1, 1, 12, 12)) is None  # too small
    assert estimate_peak(smooth_image(1, 64, 64)) is None  # an image alone


def with_box(y, value=1.0):
    y = y.clone()
    y[..., 10:60, 15:80] = value
    return y


def framed(y, width=20):
    return torch.nn.functional.pad(y, (width,) * 4)


@pytest.mark.parametrize("around", [with_box, framed])
@pytest.mark.parametrize("channels", [1, 3])
def test_what_has_one_value_says_nothing_of_noise(around, channels):
    x = 0.2 + 0.6 * smooth_image(channels, 121, 133)
    found = estimate_noise(around(x + 0.1 * white(x.shape)))
    assert found.is_white
    assert found.std == pytest.approx(0.1, rel=0.06)
    other = estimate_noise(around(x + 0.04 * correlated(channels, 121, 133)))
    assert not other.is_white
    assert other.std == pytest.approx(0.04, rel=0.2)
    counts = torch.poisson(30 * x, torch.Generator().manual_seed(0)) / 30
    assert estimate_peak(around(counts, 0)) == pytest.approx(30, rel=0.1)


def test_the_edges_of_a_drawing_are_no_noise():
    x = torch.ones(1, 1, 200, 200)
    x[..., 20:180:60, 10:190] = 0
    x[..., 10:190, 30:170:80] = 0
    assert not estimate_noise(x).std
    stored = io.BytesIO()
    Image.fromarray((x[0, 0] * 255).byte().numpy()).save(stored, "JPEG", quality=50)
    compressed = torch.from_numpy(np.array(Image.open(stored))).float()[None, None] / 255
    assert not estimate_noise(compressed).std
