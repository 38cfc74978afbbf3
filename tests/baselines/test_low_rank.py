"""Groups of similar patches: against numpy's decomposition, known noise, images of any size."""

import numpy as np
import pytest
import torch

from dip_lightning.baselines import (
    Patches,
    fading,
    low_rank,
    low_rank_patches,
    non_local_means,
    polish,
)
from dip_lightning.metrics import psnr
from tests.conftest import smooth_image, stripes

STD = 25 / 255


def noisy(x, std=STD, seed=0):
    draw = torch.Generator().manual_seed(seed)
    return (x + std * torch.randn(x.shape, generator=draw)).clamp(0, 1)


@pytest.mark.parametrize(("k", "d"), [(12, 20), (20, 12)])
def test_singular_values_are_shrunk_as_the_equation_says(k, d):
    draw = torch.Generator().manual_seed(0)
    groups = torch.rand(3, k, d, generator=draw)
    found = low_rank._shrunk(groups, 0.05)
    most = 0.05 * (np.sqrt(k) + np.sqrt(d))
    for group, shrunk in zip(groups.double().numpy(), found.numpy(), strict=True):
        left, s, right = np.linalg.svd(group - group.mean(0), full_matrices=False)
        assert (s > most).any()
        assert (s < most).any()
        t = np.where(s > most, s * (1 + np.sqrt(np.maximum(0, 1 - most**2 / s**2))) / 2, 0)
        expected = group.mean(0) + left * t @ right
        np.testing.assert_allclose(shrunk, expected, atol=1e-3)


def test_what_is_far_below_the_noise_is_finite():
    groups = torch.zeros(3, 40, 36)
    groups[1, 0, 0], groups[2, :2, 3] = 1e-20, 1e-10
    assert torch.isfinite(low_rank._shrunk(groups, 1 / 255)).all()


def test_groups_hold_the_nearest_patches():
    x = noisy(smooth_image(3, 19, 23), 0.05)
    places = low_rank._similar(x, Patches(side=3, step=4, count=5, window=9))
    width = x.shape[3]
    patches = {
        (row, column): x[0, :, row : row + 3, column : column + 3]
        for row in range(17)
        for column in range(21)
    }
    for corners in places.tolist():
        row, column = divmod(corners[0], width)
        distances = {
            r * width + c: float((patch - patches[row, column]).square().sum())
            for (r, c), patch in patches.items()
            if abs(r - row) <= 4 and abs(c - column) <= 4
        }
        assert set(corners) == set(sorted(distances, key=distances.__getitem__)[:5])


def test_all_pixels_are_in_a_group():
    places = low_rank._similar(torch.rand(1, 1, 18, 21), Patches(side=4, step=3, count=6))
    rows, columns = np.divmod(np.unique(places.numpy()), 21)
    assert rows.max() == 14
    assert columns.max() == 17


def test_bands_change_nothing(monkeypatch):
    x, patches = torch.rand(1, 3, 30, 25), Patches(side=4, step=2, count=8)
    whole = low_rank._similar(x, patches)
    monkeypatch.setattr(low_rank, "BAND", 1)
    assert torch.equal(low_rank._similar(x, patches), whole)


@pytest.mark.parametrize("x", [smooth_image(3, 45, 39), stripes(45, 39)], ids=["smooth", "edges"])
def test_noise_is_removed_better_than_by_non_local_means(x):
    y = noisy(x)
    found = low_rank_patches(y, 25)
    assert psnr(found, x) > psnr(non_local_means(y, 25), x) + 0.5
    assert psnr(found, x) > psnr(y, x) + 8


def test_without_noise_nothing_is_changed():
    y = torch.rand(1, 1, 20, 24)
    assert torch.equal(low_rank_patches(y, 0), y)


@pytest.mark.parametrize("size", [(1, 1, 1), (3, 2, 40), (4, 5, 3), (1, 33, 7)])
def test_any_size(size):
    y = torch.rand(1, *size)
    found = low_rank_patches(y, 25)
    assert found.shape == y.shape
    assert torch.isfinite(found).all()


def test_unknown_pixels_are_found_in_similar_patches():
    x = stripes(45, 39)
    known = (torch.rand(1, 1, 45, 39, generator=torch.Generator().manual_seed(1)) < 0.7).float()
    start = torch.where(known > 0, x, noisy(x, 0.1))
    found = polish(start, lambda z, _: torch.lerp(z, x, known), Patches(8, 4, 40), fading(10, 1, 6))
    missing = (1 - known).expand_as(x) > 0
    assert (found - x)[missing].square().mean() < 0.05 * (start - x)[missing].square().mean()
    assert found.min() >= 0
    assert found.max() <= 1


def test_a_pass_goes_on_by_a_share_of_the_last_change(monkeypatch):
    monkeypatch.setattr(low_rank, "_filtered", lambda x, *_: x)
    told = []

    def nearer(z, sigma):
        told.append(sigma)
        return z + 0.25 * (1 - z)

    found = polish(torch.zeros(1, 1, 9, 11), nearer, Patches(3, 2, 5), (4.0, 2.0, 1.0), onward=0.5)
    # 0, 1/4, 3/8 -> 17/32, 43/64 -> 193/256
    torch.testing.assert_close(found, torch.full_like(found, 193 / 256))
    assert told == [4, 2, 1]


def test_levels_fade():
    assert fading(5, 1, 3) == pytest.approx((5, 5**0.5, 1))
