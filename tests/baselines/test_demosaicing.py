import numpy as np
import pytest
import torch

from dip_lightning.baselines import (
    bilinear,
    malvar,
)
from dip_lightning.metrics import psnr
from dip_lightning.operators import bayer_mask
from tests.conftest import smooth_image


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


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (1, 5), (2, 3), (7, 2)])
def test_malvar_of_a_few_pixels(size):
    m = bayer_mask("rggb", *size)
    filled = malvar(m * 0.5, m)
    assert filled.shape == m.shape
    assert torch.equal(m * filled, m * 0.5)
    if min(size) > 1:  # every colour was measured
        torch.testing.assert_close(filled, torch.full_like(m, 0.5))
