import pytest
import torch

from dip_lightning.errors import UserError
from dip_lightning.operators import (
    add_gaussian_noise,
    add_poisson_noise,
    clipped_noise_power,
    shuffle_pixels,
    uniform_noise,
)
from tests.conftest import smooth_image


def test_noise_has_the_standard_deviation_in_grey_levels(generator):
    x = torch.full((1, 3, 150, 130), 0.5)
    n = 255 * (add_gaussian_noise(x, 25, generator) - x)
    assert abs(float(n.std()) - 25) < 0.5
    assert abs(float(n.mean())) < 0.5


@pytest.mark.parametrize("value", [0.0, 0.2, 1.0])
def test_photons_are_counted(value, generator):
    y = add_poisson_noise(torch.full((1, 3, 150, 130), value), 30, generator)
    assert float(y.mean()) == pytest.approx(value, rel=0.01)
    assert float(y.var()) == pytest.approx(value / 30, rel=0.02)
    torch.testing.assert_close(30 * y, (30 * y).round(), rtol=0, atol=1e-4)
    assert (float(y.max()) > 1) is (value == 1)


@pytest.mark.parametrize("peak", [0, -1.0, float("inf"), float("nan")])
def test_a_peak_that_cannot_be(peak, generator):
    with pytest.raises(UserError, match=f"peak={peak}: expected a number of more than 0"):
        add_poisson_noise(torch.ones(1, 1, 9, 9), peak, generator)


def test_result_is_clipped(generator):
    y = add_gaussian_noise(torch.ones(1, 1, 20, 20), 50, generator)
    assert y.max() == 1
    assert y.min() < 1


@pytest.mark.parametrize("value", [0.0, 0.03, 0.5, 0.9, 1.0])
def test_the_power_that_clipping_leaves_is_that_of_many_draws(value, generator):
    x = torch.full((1, 1, 1000, 1000), value)
    drawn = (add_gaussian_noise(x, 25.5, generator) - x).square().mean()
    assert float(clipped_noise_power(x, 0.1)) == pytest.approx(float(drawn), rel=0.01)


def test_no_noise_has_no_power():
    assert clipped_noise_power(torch.rand(1, 3, 4, 5), 0.0) == 0


def test_no_noise_changes_nothing(generator):
    x = torch.rand(1, 1, 5, 5, generator=generator)
    assert torch.equal(add_gaussian_noise(x, 0, generator), x)


def test_shuffled_pixels_are_the_same_in_other_places(generator):
    x = smooth_image(3, 17, 13)
    y = shuffle_pixels(x, generator)
    assert not torch.equal(y, x)
    colours, shuffled = (sorted(map(tuple, i[0].flatten(1).T.tolist())) for i in (x, y))
    assert colours == shuffled


def test_uniform_noise_fills_the_range(generator):
    y = uniform_noise(torch.zeros(1, 3, 60, 50), generator)
    assert y.shape == (1, 3, 60, 50)
    assert abs(float(y.mean()) - 0.5) < 0.01
    assert 0 <= y.min() < 0.01
    assert 0.99 < y.max() <= 1
