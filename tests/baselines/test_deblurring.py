import pytest
import torch

from dip_lightning.baselines import richardson_lucy, wiener
from dip_lightning.metrics import psnr
from dip_lightning.operators import Blur, add_gaussian_noise, blur_kernel, gaussian_kernel
from tests.conftest import smooth_image

KERNEL = gaussian_kernel(1.2)
SIGMA = 1.0


def blurred(channels, generator, kernel=KERNEL):
    """A sharp pattern, and what is seen of it, in y's frame."""
    high, wide = (side // 2 for side in kernel.shape)
    x = smooth_image(channels, 53 + 2 * high, 47 + 2 * wide)
    x = (x + 0.3 * (torch.arange(x.shape[-1]) // 6 % 2)).clamp(0, 1)
    y = add_gaussian_noise(Blur(kernel)(x), SIGMA, generator)
    return x[..., high:-high, wide:-wide], y


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


def test_iterations_end_where_they_lead_away(generator):
    """Of a box, which hides some frequencies, no count comes down to the noise."""
    kernel = blur_kernel(torch.ones(5, 7))
    x, y = blurred(1, generator, kernel)
    assert psnr(richardson_lucy(y, kernel, SIGMA), x) > psnr(y, x) + 1
