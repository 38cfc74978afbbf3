import numpy as np
import pytest
import torch
from scipy.optimize import linprog
from skimage.restoration import denoise_tv_chambolle

from dip_lightning.baselines import least_variation, least_variation_between, richardson_lucy
from dip_lightning.baselines.variation import _divergence, _gradient
from dip_lightning.metrics import psnr
from dip_lightning.operators import Blur, add_gaussian_noise, gaussian_kernel

SIGMA = 5.0


def steps(channels=1):
    """An image of flat parts, on which total variation is at its best."""
    x = (torch.arange(47)[:, None] // 12 + torch.arange(53) // 9) % 3 / 2.5 + 0.1
    return x.expand(1, channels, -1, -1)


def test_divergence_is_the_gradients_negative_adjoint(generator):
    x, p = (torch.randn(n, 3, 7, 9, generator=generator, dtype=torch.double) for n in (1, 2))
    assert float((_gradient(x) * p).sum()) == pytest.approx(-float((x * _divergence(p)).sum()))


def test_noise_alone_is_removed_as_scikit_image_does(generator):
    """With A = identity, at the weight that leaves the same residual."""
    x = steps()
    y = add_gaussian_noise(x, 4 * SIGMA, generator)
    found = least_variation(y, lambda image: image, y, 4 * SIGMA)
    residual = float((found - y).square().mean())
    low, high = 0.0, 1.0
    for _ in range(12):
        weight = (low + high) / 2
        same = torch.from_numpy(
            denoise_tv_chambolle(y[0, 0].double().numpy(), weight, eps=1e-7, max_num_iter=2000)
        )
        low, high = (weight, high) if (same - y).square().mean() < residual else (low, weight)
    assert psnr(found, same[None, None]) > 38
    assert psnr(found, x) > psnr(y, x) + 4


@pytest.mark.parametrize("channels", [1, 3])
def test_what_is_left_is_as_strong_as_the_noise(channels, generator):
    blur = Blur(gaussian_kernel(1.2))
    y = add_gaussian_noise(blur(steps(channels)), SIGMA, generator)
    found = least_variation(y, blur, torch.full((1, channels, 47, 53), 0.5), SIGMA)
    assert found.shape == (1, channels, 47, 53)
    assert 0 <= found.min() <= found.max() <= 1
    power = float((blur(found) - y).square().mean()) / (SIGMA / 255) ** 2
    assert power == pytest.approx(0.95, abs=0.02)


def test_what_is_held_out_does_not_count(generator):
    y = add_gaussian_noise(steps(), SIGMA, generator)
    known = (torch.rand(y.shape, generator=generator) < 0.5).float()
    start = torch.full_like(y, 0.5)
    found = least_variation(y, lambda image: image, start, SIGMA, known)
    other = torch.where(known > 0, y, 9.0)
    assert torch.equal(found, least_variation(other, lambda image: image, start, SIGMA, known))
    power = float((known * (found - y).square()).sum() / known.sum()) / (SIGMA / 255) ** 2
    assert power == pytest.approx(0.95, abs=0.02)


def test_edges_are_sharper_than_those_of_richardson_and_lucy(generator):
    kernel = gaussian_kernel(1.2)
    blur = Blur(kernel)
    y = add_gaussian_noise(blur(steps()), SIGMA, generator)
    top, left = (side // 2 for side in kernel.shape)
    inner = (..., slice(top, -top), slice(left, -left))
    found = least_variation(y, blur, torch.full((1, 1, 47, 53), 0.5), SIGMA)[inner]
    x = steps()[inner]
    assert psnr(found, x) > psnr(richardson_lucy(y, kernel, SIGMA), x) + 3


def test_a_blur_that_explains_nothing_leaves_an_image(generator):
    """A checkerboard was never blurred, so its residual stays far above the noise."""
    y = (torch.arange(40)[:, None] + torch.arange(36)).remainder(2).float()[None, None]
    kernel = gaussian_kernel(1.6)
    start = torch.full((1, 1, 39 + kernel.shape[0], 35 + kernel.shape[1]), 0.5)
    found = least_variation(y, Blur(kernel), start, sigma=0.3)
    assert found.isfinite().all()


def test_what_is_explained_at_once_needs_no_weight():
    y = torch.full((1, 1, 20, 24), 0.5)
    found = least_variation(y, lambda image: image, y, sigma=0.3)
    torch.testing.assert_close(found, y, atol=0.01, rtol=0)


def variation(row):
    return float(row.diff().abs().sum())


def test_between_bounds_a_row_varies_as_little_as_linear_programming_finds(generator):
    """min sum s, s >= |x_i+1 - x_i|, low <= x <= high."""
    y = torch.rand(1, 1, 1, 40, generator=generator)
    low, high = (y - 0.15).clamp(min=0), (y + 0.15).clamp(max=1)
    found = least_variation_between(low, high, lambda x: x, y, torch.ones_like(y))[0, 0, 0]
    steps = np.diff(np.eye(40), axis=0)
    best = linprog(
        np.r_[np.zeros(40), np.ones(39)],
        A_ub=np.block([[steps, -np.eye(39)], [-steps, -np.eye(39)]]),
        b_ub=np.zeros(78),
        bounds=[*zip(low.flatten().tolist(), high.flatten().tolist(), strict=True)]
        + [(0, None)] * 39,
    )
    assert variation(found) == pytest.approx(best.fun, rel=0.02)
    assert variation(found) < 0.8 * variation(y.flatten())
    outside = torch.maximum(low - found, found - high).clamp(min=0)
    assert float(outside.max()) < 0.01


def test_between_bounds_what_is_not_known_is_filled():
    y = torch.full((1, 1, 20, 24), 0.5)
    known = torch.ones_like(y)
    known[..., 8:11, 9:12] = 0
    start = y * known
    found = least_variation_between(y, y, lambda x: x, start, known)
    torch.testing.assert_close(found, y, atol=0.01, rtol=0)
