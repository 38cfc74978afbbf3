import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from dip_lightning.baselines import (
    back_project,
    back_projection,
    bicubic,
    biharmonic,
    bilinear,
    bm3d,
    lanczos,
    malvar,
    non_local_means,
    total_variation,
)
from dip_lightning.metrics import psnr
from dip_lightning.operators import Downsample, add_gaussian_noise, bayer_mask, random_mask
from tests.conftest import smooth_image


def test_bicubic_is_near_pillows():
    y = Downsample(3)(smooth_image(1, 30, 45)).clamp(0, 1)
    plane = Image.fromarray(y[0, 0].numpy()).resize((45, 30), Image.Resampling.BICUBIC)
    ours = bicubic(y, (30, 45), 3)[0, 0].numpy()
    # The two use different parameters of the same cubic family.
    assert np.abs(ours - np.asarray(plane)).max() < 0.05


def test_bicubic_is_cut_to_the_image():
    assert bicubic(torch.rand(1, 3, 4, 5), (13, 17), 4).shape == (1, 3, 13, 17)


def test_biharmonic_keeps_the_known_and_restores_a_plane(generator):
    rows, columns = torch.meshgrid(
        torch.linspace(0, 0.5, 21), torch.linspace(0, 0.4, 17), indexing="ij"
    )
    x = (rows + columns).view(1, 1, 21, 17)
    m = random_mask((1, 21, 17), 0.7, per_channel=False, generator=generator)
    filled = biharmonic(m * x, m)
    assert torch.equal(filled * m, x * m)
    assert psnr(filled, x) > 40


def test_biharmonic_takes_a_mask_of_each_channel(generator):
    x = smooth_image(3, 21, 17)
    m = random_mask((3, 21, 17), 0.7, per_channel=True, generator=generator)
    assert psnr(biharmonic(m * x, m), x) > psnr(m * x, x) + 10


def test_biharmonic_of_nothing_known_is_black():
    assert biharmonic(torch.rand(1, 1, 9, 9), torch.zeros(1, 1, 9, 9)).sum() == 0


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


def test_lanczos_is_pillows():
    y = Downsample(3)(smooth_image(3, 30, 45)).clamp(0, 1)
    for channel in range(3):
        plane = Image.fromarray(y[0, channel].numpy()).resize((45, 30), Image.Resampling.LANCZOS)
        ours = lanczos(y, (29, 44), 3)[0, channel].numpy()
        np.testing.assert_array_equal(ours, np.asarray(plane).clip(0, 1)[:29, :44])


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


def textured(size):
    """Waves that a factor of 3 keeps in part."""
    rows, columns = torch.arange(size[0])[:, None], torch.arange(size[1])
    waves = [torch.sin(0.23 * rows + 0.31 * columns), torch.cos(0.6 * rows - 0.1 * columns)]
    return (0.5 + 0.2 * waves[0] + 0.15 * waves[1]).expand(1, 3, *size).contiguous()


@pytest.mark.parametrize("method", [bilinear, malvar])
@pytest.mark.parametrize("pattern", ["rggb", "bggr", "grbg", "gbrg"])
def test_a_mosaic_of_slopes_is_filled_exactly(method, pattern):
    rows, columns = torch.meshgrid(torch.arange(11.0), torch.arange(13.0), indexing="ij")
    x = torch.stack([rows + columns, 2 * rows, 20 - columns])[None] / 40
    m = bayer_mask(pattern, 11, 13)
    filled = method(m * x, m)
    assert torch.equal(m * filled, m * x)
    inside = np.s_[..., 2:-2, 2:-2]
    torch.testing.assert_close(filled[inside], x[inside], rtol=0, atol=1e-6)


def test_malvars_filters_are_those_of_the_paper():
    """The response to one red value, of a red pixel at (4, 4), in eighths."""
    m = bayer_mask("rggb", 9, 9)
    base, y = torch.full((1, 3, 9, 9), 0.5), torch.full((1, 3, 9, 9), 0.5)
    y[0, 0, 4, 4] += 0.08
    change = (100 * (malvar(m * y, m) - malvar(m * base, m)))[0]
    # Red beside, above, and diagonally; green at the pixel, and two away; blue at it, and two away.
    found = [change[0, 4, 4], change[0, 4, 5], change[0, 5, 4], change[0, 5, 5]]
    found += [change[1, 4, 4], change[1, 4, 6], change[2, 4, 4], change[2, 6, 4]]
    assert [round(float(value), 3) for value in found] == [8, 4, 4, 2, 4, -1, 6, -1.5]
    # At a green pixel, green beside counts against its slope; red is its row's, blue its column's.
    y = base.clone()
    y[0, 1, 4, 5] += 0.08
    change = (100 * (malvar(m * y, m) - malvar(m * base, m)))[0]
    found = [change[0, 4, 5], change[0, 4, 7], change[0, 6, 5], change[2, 4, 7], change[2, 6, 5]]
    assert [round(float(value), 3) for value in found] == [5, -1, 0.5, 0.5, -1]


def test_values_that_do_not_count_do_not_matter(generator):
    m = bayer_mask("rggb", 21, 19)
    x = smooth_image(3, 21, 19)
    seen = m * (torch.rand(1, 1, 21, 19, generator=generator) < 0.95)
    hidden = (m - seen) * torch.rand(1, 3, 21, 19, generator=generator)
    filled = malvar(m * x, m, seen)
    assert torch.equal(malvar(seen * x + hidden, m, seen), filled)
    assert psnr(filled, x) > psnr(seen * x, x) + 15
