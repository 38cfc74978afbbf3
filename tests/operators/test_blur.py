import numpy as np
import pytest
import torch
from scipy.signal import convolve2d

from dip_lightning.errors import UserError
from dip_lightning.operators import Blur, gaussian_kernel
from tests.conftest import smooth_image


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (4, 7), (31, 17)])
def test_is_the_valid_part_of_a_convolution(size):
    rng = np.random.default_rng(0)
    kernel, x = rng.random(size), rng.random((1, 3, 37, 43))
    y = Blur(torch.from_numpy(kernel))(torch.from_numpy(x))
    expected = [convolve2d(plane, kernel, mode="valid") for plane in x[0]]
    np.testing.assert_allclose(y[0].numpy(), expected, rtol=0, atol=1e-12)


def test_a_kernel_as_large_as_the_image_leaves_a_pixel():
    x = smooth_image(1, 9, 11)
    y = Blur(torch.full((9, 11), 1 / 99))(x)
    torch.testing.assert_close(y, x.mean().view(1, 1, 1, 1))


def test_a_low_precision_is_of_the_image_alone():
    x, blur = smooth_image(3, 33, 41).bfloat16(), Blur(gaussian_kernel(1.6))
    assert blur(x).dtype == torch.bfloat16
    assert torch.equal(blur(x), blur(x.float()).bfloat16())


def test_the_kernel_has_a_gradient():
    kernel, x = torch.full((3, 3), 1 / 9, requires_grad=True), smooth_image(1, 9, 11)
    blur = Blur(kernel.detach())
    blur.kernel = kernel
    blur(x).sum().backward()
    expected = x.unfold(2, 7, 1).unfold(3, 9, 1).sum((-1, -2))[0, 0].flip(0, 1)
    torch.testing.assert_close(kernel.grad, expected)


@pytest.mark.parametrize("size", [(8, 11), (9, 10)])
def test_an_image_smaller_than_the_kernel(size):
    with pytest.raises(UserError, match=r"x: is \d+ x \d+ pixels, expected at least 11 x 9, the"):
        Blur(torch.full((9, 11), 1 / 99))(smooth_image(1, *size))
