"""What is left out of the loss to compare methods by looks like what is missing."""

import pytest
import torch

from dip_lightning.noise import estimate_noise
from dip_lightning.operators import drawn_mask, random_mask
from dip_lightning.tasks import Given
from dip_lightning.tasks.masked import MissingPixels, inside
from tests.conftest import smooth_image
from tests.tasks.test_denoising import blurred


def draw_of(seed=0):
    return torch.Generator().manual_seed(seed)


def left_out(m, share=0.05):
    problem = MissingPixels(torch.rand(1, 3, *m.shape[2:]), m)
    kept = problem.keep_back(problem.known_values(), share, draw_of(1))
    assert bool((kept <= m).all())
    return m - kept, kept


@pytest.mark.parametrize("known", [0.5, 0.1])
def test_single_pixels_for_single_pixels(known):
    m = random_mask((1, 61, 70), known, per_channel=False, generator=draw_of())
    out, kept = left_out(m, 0.1)
    assert float(out.sum() / m.sum()) == pytest.approx(0.1, abs=0.04)
    assert inside(kept, out) == pytest.approx(inside(m, 1 - m), abs=0.2)


@pytest.mark.parametrize("kind", ["hole", "lines"])
def test_nothing_for_holes(kind):
    m = drawn_mask("hole", 121, 140) if kind == "hole" else torch.ones(1, 1, 121, 140)
    if kind == "lines":  # of five pixels
        for top in range(7, 121, 30):
            m[..., top : top + 5, :] = 0
    assert MissingPixels(m, m).keep_back(m, 0.05, draw_of()) is None


def test_inside_counts_pixels_without_a_known_neighbour():
    m = torch.ones(1, 1, 9, 9)
    m[..., 2:7, 2:7] = 0
    assert inside(m, 1 - m) == pytest.approx(9 / 25)
    assert inside(torch.ones(1, 1, 5, 5), torch.zeros(1, 1, 5, 5)) == 0


def test_nothing_can_be_left_out_of_one_pixel():
    m = torch.zeros(1, 1, 9, 9)
    m[..., 4, 4] = 1
    assert MissingPixels(m, m).keep_back(m, 0.05, draw_of()) is None


def noisy(std, height=61, width=70):
    x = 0.3 + 0.4 * torch.linspace(0, 1, width).expand(1, 3, height, width)
    return (x + std * torch.randn(x.shape, generator=draw_of())).clamp(0, 1)


def of_observed(y, keep_known=None):
    m = torch.ones(1, 1, *y.shape[2:])
    m[..., 20:26, 10:50] = 0
    return MissingPixels.of(Given(y=m * y, m=m), None, {"keep_known": keep_known, "mask": "m"})


@pytest.mark.parametrize(
    ("std", "keep_known", "is_kept"),
    [(0, None, True), (0.05, None, False), (0.05, True, True), (0, False, False)],
)
def test_known_pixels_are_kept_unless_they_are_noisy(std, keep_known, is_kept):
    problem = of_observed(noisy(std), keep_known)
    assert problem.keep_known is is_kept
    x = torch.zeros_like(problem.y)
    assert torch.equal(problem.agree(x), problem.y if is_kept else x)
    if std and not is_kept:
        assert problem.y_noise_std == pytest.approx(std, rel=0.1)
        assert problem.noise_power(x) == pytest.approx(std**2 * float(problem.mask.mean()), rel=0.2)
    else:
        assert problem.y_noise_std is None  # a fit with pasted pixels would be over at once


def test_what_may_be_texture_is_kept():
    problem = of_observed(blurred())
    assert not estimate_noise(problem.y, problem.known).is_white
    assert problem.keep_known
    assert problem.y_noise_std is None


def test_similar_patches_are_made_alike():
    x = (torch.arange(39) % 7 < 3).float().expand(1, 1, 45, 39) * 0.8 + 0.1
    m = (torch.rand(1, 1, 45, 39, generator=torch.Generator().manual_seed(0)) < 0.5).float()
    problem = MissingPixels(m * x, m, x)
    start = (x + 0.04 * torch.randn(x.shape, generator=draw_of())).clamp(0, 1).lerp(x, m)
    assert problem.is_polished
    assert problem.error(problem.polished(start)) < 0.7 * problem.error(start)


def test_what_is_held_out_is_not_read_by_the_polish():
    y, m = smooth_image(3, 17, 13).clone(), torch.ones(1, 1, 17, 13)
    seen = m.clone()
    seen[..., 8, 6] = 0
    problem = MissingPixels(y, m)
    start = problem._filled(seen)
    before = problem.polished(start, seen)
    problem.y[..., 8, 6] = 1
    assert torch.equal(problem.polished(start, seen), before)
    assert not torch.equal(problem.polished(start), before)


def test_pixels_with_noise_are_not_polished():
    y = smooth_image(3, 17, 13)
    problem = MissingPixels(y, torch.ones(1, 1, 17, 13))
    problem.y_noise_std = 0.1
    assert not problem.is_polished
