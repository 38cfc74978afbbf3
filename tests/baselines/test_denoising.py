import sys
from types import SimpleNamespace

import pytest
import torch

from dip_lightning.baselines import (
    bm3d,
    non_local_means,
    stabilised,
    total_variation,
)
from dip_lightning.metrics import psnr
from dip_lightning.operators import add_gaussian_noise
from tests.conftest import smooth_image


@pytest.mark.parametrize("channels", [1, 2, 3, 5])
def test_non_local_means_denoises(channels, generator):
    x = smooth_image(channels, 41, 37)
    y = add_gaussian_noise(x, 25, generator)
    assert psnr(non_local_means(y, 25), x) > psnr(y, x) + 4


def test_no_noise_is_no_noise():
    y = torch.rand(1, 1, 9, 9)
    assert torch.equal(non_local_means(y, 0), y)
    assert torch.equal(total_variation(y, 0), y)


@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 1, 20), (3, 20, 1), (1, 9, 1)])
def test_non_local_means_of_a_few_pixels(shape):
    y = torch.full((1, *shape), 0.5)
    torch.testing.assert_close(non_local_means(y, 25), y)


@pytest.mark.parametrize("channels", [1, 3])
def test_total_variation_denoises(channels, generator):
    x = smooth_image(channels, 41, 37)
    y = add_gaussian_noise(x, 25, generator)
    assert psnr(total_variation(y, 25), x) > psnr(y, x) + 3
    flat = torch.full((1, channels, 9, 9), 0.5)
    torch.testing.assert_close(total_variation(flat, 25), flat)


@pytest.mark.parametrize("channels", [1, 3])
def test_bm3d_is_used_where_it_is_installed(channels, generator, monkeypatch):
    calls = []

    def filtered(image, std):
        calls.append((image.shape, std))
        return image.squeeze() * 0 + 0.25

    package = SimpleNamespace(bm3d=filtered, bm3d_rgb=filtered)
    monkeypatch.setitem(sys.modules, "bm3d", package)
    y = torch.rand(1, channels, 9, 7, generator=generator)
    assert torch.equal(bm3d(y, 51), torch.full_like(y, 0.25))
    assert calls == [((9, 7, channels), 0.2)]


@pytest.mark.parametrize("value", [0.1, 0.8])
@pytest.mark.parametrize("peak", [4.0, 100.0])
def test_the_inverse_of_the_transform_is_unbiased(value, peak):
    """Of the transform's mean, which is what an ideal method finds."""
    draw = torch.Generator().manual_seed(0)
    y = torch.poisson(torch.full((1, 1, 300, 300), value * peak), draw) / peak
    found = stabilised(y, peak, lambda image, _: image.mean().expand_as(image))
    assert float(found.mean()) == pytest.approx(value, rel=0.02)


def test_a_method_is_told_the_noise_of_the_transform():
    y = torch.poisson(torch.full((1, 1, 300, 300), 20.0)) / 40
    told = []
    found = stabilised(y, 40, lambda image, sigma: told.append((image, sigma)) or image)
    ((image, sigma),) = told
    assert float(image.std()) * 255 == pytest.approx(sigma, rel=0.05)
    assert float(image.max()) == 1
    assert found.min() >= 0
    assert found.max() <= 1


def test_total_darkness_stays_dark():
    assert not stabilised(torch.zeros(1, 1, 20, 20), 30, total_variation).any()
