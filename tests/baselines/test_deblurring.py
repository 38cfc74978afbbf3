import pytest
import torch

from dip_lightning.baselines import richardson_lucy, wiener
from dip_lightning.metrics import psnr
from dip_lightning.operators import Blur, add_gaussian_noise, gaussian_kernel
from tests.conftest import smooth_image

KERNEL = gaussian_kernel(1.2)
SIGMA = 1.0


def blurred(channels, generator):
    """A sharp pattern, and what is seen of it, in y's frame."""
    side = KERNEL.shape[-1] // 2
    x = smooth_image(channels, 53 + 2 * side, 47 + 2 * side)
    x = (x + 0.3 * (torch.arange(x.shape[-1]) // 6 % 2)).clamp(0, 1)
    y = add_gaussian_noise(Blur(KERNEL)(x), SIGMA, generator)
    return x[..., side:-side, side:-side], y


@pytest.mark.parametrize("method", [wiener, richardson_lucy])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_blurred_image_gets_sharper(method, channels, generator):
    x, y = blurred(channels, generator)
    assert psnr(method(y, KERNEL, SIGMA), x) > psnr(y, x) + 1


@pytest.mark.parametrize("method", [wiener, richardson_lucy])
def test_more_noise_is_sharpened_less(method, generator):
    x, y = blurred(1, generator)
    told_little, told_much = (method(y, KERNEL, sigma) for sigma in (0.5, 20.0))
    rough = [float(image.diff(dim=-1).abs().mean()) for image in (told_much, told_little)]
    assert rough[0] < rough[1]
    assert x.shape == told_much.shape
