import math
import os
from itertools import product

import numpy as np
import pytest
import scipy.ndimage
import torch
from skimage.color import rgb2ycbcr
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from dip_lightning.images import read
from dip_lightning.images.collections import find_image
from dip_lightning.metrics import (
    kernel_similarity,
    luma,
    psnr,
    psnr_crop,
    psnr_shifted,
    psnr_where,
    psnr_y,
    score,
    shifted_errors,
    ssim,
)
from tests.conftest import smooth_image


def pair(channels=3, height=70, width=101):
    x = smooth_image(channels, height, width)
    noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
    return (x + 0.05 * noise).clamp(0, 1), x


def channels_last(image):
    return image[0].permute(1, 2, 0).double().numpy()


def test_psnr_equals_scikit_image():
    estimate, x = pair()
    expected = peak_signal_noise_ratio(channels_last(x), channels_last(estimate), data_range=1)
    assert psnr(estimate, x) == pytest.approx(expected, abs=1e-4)


def test_psnr_of_a_known_error():
    assert psnr(torch.full((1, 1, 4, 4), 0.6), torch.full((1, 1, 4, 4), 0.5)) == pytest.approx(
        20, 1e-5
    )


def test_luma_equals_scikit_image():
    _, x = pair()
    expected = rgb2ycbcr(channels_last(x))[..., 0] / 255
    np.testing.assert_allclose(luma(x)[0, 0].numpy(), expected, atol=1e-6)


def test_psnr_y_equals_its_protocol_written_out():
    estimate, x = pair()
    planes = []
    for image in (estimate, x):
        eight_bits = np.round(channels_last(image) * 255) / 255
        y = rgb2ycbcr(eight_bits)[..., 0] / 255
        centre = y[3 : 3 + 64, 2 : 2 + 96]  # 70 x 101 to 64 x 96
        planes.append(centre[4:-4, 4:-4])
    expected = peak_signal_noise_ratio(planes[1], planes[0], data_range=1)
    assert psnr_y(estimate, x) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("channels", [1, 3])
def test_ssim_equals_scikit_image(channels):
    estimate, x = pair(channels)
    expected = structural_similarity(
        channels_last(x),
        channels_last(estimate),
        channel_axis=2,
        data_range=1,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
    )
    assert ssim(estimate, x) == pytest.approx(expected, abs=1e-6)


def test_what_is_not_defined_is_none():
    tiny = torch.rand(1, 3, 8, 8)
    scores = score(tiny, tiny)
    assert scores.ssim is None
    assert scores.psnr_y is None
    assert psnr_y(torch.rand(1, 5, 40, 40), torch.rand(1, 5, 40, 40)) is None


def test_the_border_of_psnr_y_can_be_chosen():
    estimate, x = pair()
    estimate[..., 3 + 4 : 3 + 8, :] = 0  # inside a border of 8, outside one of 4
    assert psnr_y(estimate, x, 8) > psnr_y(estimate, x, 4) + 5
    assert psnr_y(estimate[..., :40, :40], x[..., :40, :40], 16) is None
    scores = score(estimate, x, 8)
    assert (scores.psnr_y_factor, scores.psnr_y) == (psnr_y(estimate, x, 8), psnr_y(estimate, x))


def test_psnr_crop_is_psnr_on_the_frame_of_psnr_y():
    estimate, x = pair()
    inner = (..., slice(3 + 5, 3 + 59), slice(2 + 5, 2 + 91))
    rounded = [(image[inner].double() * 255).round() / 255 for image in (estimate, x)]
    assert psnr_crop(estimate, x, 5) == pytest.approx(psnr(*rounded))
    assert score(estimate, x, 5).psnr_crop == psnr_crop(estimate, x, 5)
    assert score(estimate, x).psnr_crop is None
    assert psnr_crop(estimate[..., :31, :], x[..., :31, :], 4) is None


def test_masked_psnr_sees_only_its_pixels():
    x = smooth_image(3, 17, 13)
    m = (torch.arange(17 * 13).view(1, 1, 17, 13) % 3 == 0).float()
    estimate = x + 0.1 * (1 - m) + 0.01 * m
    scores = score(estimate, x, m=m)
    assert scores.psnr_holes == pytest.approx(20, abs=1e-4)
    assert scores.psnr_known == pytest.approx(40, abs=1e-3)
    assert scores.psnr_y_factor is None
    assert score(estimate, x, m=torch.ones_like(m)).psnr_holes is None


@pytest.mark.skipif(
    "DIP_NETWORK_TESTS" not in os.environ,
    reason="fetches the authors' outputs: set DIP_NETWORK_TESTS=1",
)
def test_the_authors_outputs_score_what_is_published():
    colour, y = [], []
    for name in ("baby", "bird", "butterfly", "head", "woman"):
        estimate, x = (
            read(find_image(f"dip_outputs/set5_x4_{name}{which}"), "image").pixels
            for which in ("", "_truth")
        )
        height, width = (size // 32 * 32 for size in x.shape[-2:])
        top, left = (x.shape[-2] - height) // 2, (x.shape[-1] - width) // 2
        inner = (..., slice(top, top + height), slice(left, left + width))
        colour.append(psnr(estimate[inner], x[inner]))
        y.append(psnr_y(estimate, x))
    assert sum(colour) / 5 == pytest.approx(27.93, abs=0.005)
    assert sum(y) / 5 == pytest.approx(29.89, abs=0.005)


def test_ssim_in_strips_is_that_of_the_whole(monkeypatch):
    x, estimate = (
        torch.rand(1, 3, 45, 20, generator=torch.Generator().manual_seed(s)) for s in (1, 2)
    )
    expected = ssim(estimate, x)
    for pixels in (1, 200, 700):  # 1, 10, 35 rows
        monkeypatch.setattr("dip_lightning.metrics.SSIM_STRIP", pixels)
        assert ssim(estimate, x) == pytest.approx(expected, abs=1e-12)


def test_the_best_of_all_shifts_as_scipy_shifts():
    estimate, x = pair(1, 46, 51)
    moved = scipy.ndimage.shift(estimate[0, 0].double().numpy(), (1.25, -3.5), order=1)
    truth, best = x[0, 0].double().numpy()[15:-15, 15:-15], 0.0
    for down, right in product(np.arange(-5, 5.25, 0.25), repeat=2):
        inner = scipy.ndimage.shift(moved, (down, right), order=1)[15:-15, 15:-15]
        best = max(best, peak_signal_noise_ratio(truth, inner, data_range=1))
    found = psnr_shifted(torch.from_numpy(moved)[None, None], x)
    assert found == pytest.approx(best, abs=1e-9)


def test_only_as_far_as_five_pixels():
    x = torch.rand(1, 1, 60, 50, generator=torch.Generator().manual_seed(0))
    assert psnr_shifted(x.roll(5, 2), x) == math.inf
    assert psnr_shifted(x.roll(6, 2), x) < 20


def test_a_border_alone_has_no_psnr():
    x = torch.zeros(1, 3, 30, 40)
    assert psnr_shifted(x, x) is None


def test_errors_at_every_shift():
    draw = torch.Generator().manual_seed(0)
    x, estimate = (torch.rand(1, 3, 23, 20, generator=draw) for _ in range(2))
    inner = x[..., 2:-2, 2:-2]
    expected = [
        [(estimate[..., a : a + 19, b : b + 16] - inner).square().mean() for b in range(5)]
        for a in range(5)
    ]
    found = shifted_errors(estimate, x, 2)
    torch.testing.assert_close(found, torch.tensor(expected), rtol=1e-4, atol=1e-7)
    assert float(shifted_errors(x, x, 2)[2, 2]) < 1e-6


def test_kernels_are_alike_wherever_they_lie():
    kernel = torch.rand(5, 7, generator=torch.Generator().manual_seed(0))
    moved = torch.nn.functional.pad(kernel, (3, 1, 0, 4))
    assert kernel_similarity(moved, kernel) == pytest.approx(1)
    assert kernel_similarity(3 * moved, kernel) == pytest.approx(1)
    assert kernel_similarity(kernel.flip(0), kernel) < 0.99


@pytest.mark.parametrize(
    "measure",
    [
        psnr,
        psnr_y,
        psnr_shifted,
        ssim,
        lambda estimate, x: psnr_crop(estimate, x, 4),
        lambda estimate, x: psnr_where(estimate, x, torch.ones(1, 1, 1, 1)),
    ],
)
@pytest.mark.parametrize("shape", [(1, 3, 67, 67), (1, 1, 64, 64)])
def test_images_of_different_shapes_are_not_compared(measure, shape):
    with pytest.raises(ValueError, match=r"estimate: is \(1, .*\), expected x's \(1, 3, 64, 64\)"):
        measure(torch.rand(shape), torch.rand(1, 3, 64, 64))


def test_an_imaginary_part_counts():
    z = torch.complex(torch.rand(1, 1, 8, 9), torch.rand(1, 1, 8, 9))
    assert psnr(z + 0.1j, z) == pytest.approx(20, abs=1e-4)
    assert psnr_where(z + 0.1j, z, torch.ones(1, 1, 8, 9)) == pytest.approx(20, abs=1e-4)
