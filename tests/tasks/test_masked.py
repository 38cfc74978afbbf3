"""What is left out of the loss to compare methods by looks like what is missing."""

import pytest
import torch

from dip_lightning.operators import drawn_mask, random_mask
from dip_lightning.tasks.masked import MissingPixels, inside


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
