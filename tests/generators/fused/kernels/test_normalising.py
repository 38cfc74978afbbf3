import pytest
import torch

from dip_lightning.generators.fused.launching import Border, Map, Normalisation, floats
from tests.generators.fused.conftest import DEVICE, assert_near, draw


def measured(v, shape, epsilon=1e-5):
    c = shape.channels
    ones, zeros = torch.ones(c, device=DEVICE), torch.zeros(c, device=DEVICE)
    norm = Normalisation(v, shape, ones, zeros, 1.0, floats(v, 2 * c))
    into = torch.empty(1, c, shape.height, shape.width, device=DEVICE)
    norm.apply(into.contiguous(memory_format=torch.channels_last), Border(), c, c, epsilon)
    return norm.moments[:c], norm.moments[c:]


@pytest.mark.parametrize("level", [0.0, 1000.0, -3e4])
def test_moments_far_from_zero(level, sharing):
    v = draw(1, 5, 13, 17) + level
    mean, inverse = measured(v, Map(5, 5, 13, 17))
    exact = v.double()
    assert_near(mean, exact.mean((0, 2, 3)), 1e-6)
    variance = exact.var((0, 2, 3), unbiased=False) + 1e-5
    assert_near(inverse, variance.rsqrt(), 1e-4)


def test_a_constant_channel_has_the_least_deviation(sharing):
    mean, inverse = measured(torch.full_like(draw(1, 3, 6, 5), 0.7), Map(3, 3, 6, 5))
    assert_near(mean, torch.full((3,), 0.7, dtype=torch.float64, device=DEVICE))
    assert_near(inverse, torch.full((3,), 1e-5, dtype=torch.float64, device=DEVICE).rsqrt())
