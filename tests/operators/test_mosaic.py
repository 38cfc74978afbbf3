import pytest
import torch

from dip_lightning.errors import UserError
from dip_lightning.limits import PATTERNS
from dip_lightning.operators import Mosaic, bayer_mask
from tests.conftest import smooth_image


@pytest.mark.parametrize("pattern", PATTERNS)
def test_each_pixel_is_the_channel_that_its_pattern_names(pattern):
    x = smooth_image(3, 7, 9)
    y = Mosaic(pattern)(x)
    assert y.shape == (1, 1, 7, 9)
    for row in range(7):
        for column in range(9):
            channel = "rgb".index(pattern[2 * (row % 2) + column % 2])
            assert y[0, 0, row, column] == x[0, channel, row, column]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_the_adjoint_is_that_of_autograd(pattern, generator):
    x = torch.rand(1, 3, 7, 9, generator=generator, requires_grad=True)
    u = torch.rand(1, 1, 7, 9, generator=generator)
    A = Mosaic(pattern)
    (expected,) = torch.autograd.grad(A(x), x, u)
    assert torch.equal(A.adjoint(u), expected)
    assert torch.equal(A(A.adjoint(u)), u)


def test_half_of_the_pixels_are_green():
    m = bayer_mask("gbrg", 10, 12)
    assert m.mean((0, 2, 3)).tolist() == [0.25, 0.5, 0.25]
    assert torch.equal(m.sum(1), torch.ones(1, 10, 12))


def test_unknown_pattern():
    with pytest.raises(UserError, match="pattern=rgb: choose one of rggb, bggr, grbg, gbrg"):
        Mosaic("rgb")


@pytest.mark.parametrize("shape", [(1, 1, 6, 7), (1, 4, 6, 7), (3, 6, 7)])
def test_only_rgb_is_measured(shape):
    with pytest.raises(UserError, match="expected RGB"):
        Mosaic("rggb")(torch.zeros(shape))


def test_only_a_mosaic_is_spread():
    with pytest.raises(UserError, match=r"y: is \(1, 3, 6, 7\), expected a raw mosaic"):
        Mosaic("rggb").adjoint(torch.zeros(1, 3, 6, 7))
