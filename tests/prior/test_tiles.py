"""Geometry of tiles, for every size that a small image can have."""

import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dip_lightning.errors import UserError
from dip_lightning.prior.tiles import Mosaic, cover, spread

# side, overlap, step, margin
LAYOUTS = [(16, 4, 1, 0), (16, 7, 1, 0), (17, 1, 1, 0), (32, 12, 2, 4), (40, 18, 3, 6)]


def placed(spans, length):
    """Windows of all tiles, (tiles, length), zero where there is no tile."""
    windows = torch.zeros(len(spans), length, dtype=torch.float64)
    for window, span in zip(windows, spans, strict=True):
        window[span.start : span.stop] = span.window
    return windows


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_an_axis_is_covered_evenly(layout):
    for length in range(8, 120):
        check_cover(length, *layout)


def check_cover(length, side, overlap, step, margin):
    spans = spread(length, side, overlap, step, margin)
    assert spans[0].start == 0
    assert spans[-1].stop == length
    assert all(span.start % step == 0 for span in spans)
    if length <= side:
        assert len(spans) == 1
        return
    side = side // step * step
    sizes = [span.stop - span.start for span in spans]
    assert sizes[:-1] == [side] * (len(spans) - 1)
    assert side - step < sizes[-1] <= side
    shared = [a.stop - b.start for a, b in pairwise(spans)]
    assert min(shared) >= overlap
    assert max(shared) - min(shared) <= step
    # One tile less would share too little.
    blocks = math.ceil(length / step)
    assert blocks > side // step + (len(spans) - 2) * (side // step - math.ceil(overlap / step))


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_the_windows_of_an_axis_are_a_partition_of_unity(layout):
    for length in range(8, 120):
        check_windows(length, *layout)


def check_windows(length, side, overlap, step, margin):
    spans = spread(length, side, overlap, step, margin)
    windows = placed(spans, length)
    assert torch.equal(windows.sum(0), torch.ones(length, dtype=torch.float64))
    assert windows.min() >= 0
    for i, span in enumerate(spans):
        if i > 0:
            assert not span.window[:margin].any()
        if i < len(spans) - 1:
            assert not span.window[len(span.window) - margin :].any()
    # No step is steeper than a raised cosine's over the pixels that cross.
    steepest = math.pi / 2 / (overlap - 2 * margin) + 1e-4
    assert windows.diff(dim=1).abs().max() <= steepest or overlap - 2 * margin == 1


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_what_tiles_agree_on_comes_back_bit_for_bit(data):
    step = data.draw(st.sampled_from([1, 2, 3]))
    side = data.draw(st.integers(8 * step, 24 * step))
    overlap = data.draw(st.integers(1, (side // step * step - 1) // (2 * step)))
    size = tuple(data.draw(st.integers(5, 100)) for _ in range(2))
    begins = tuple(data.draw(st.integers(0, step - 1)) for _ in range(2))
    grid = cover(size, side, overlap, tuple((step, begin) for begin in begins))
    for spans, begin, length in zip((grid.rows, grid.columns), begins, size, strict=True):
        assert all((span.start + begin) % step == 0 for span in spans[1:])
        assert all((span.stop + begin) % step == 0 for span in spans if span.stop < length)
    image = torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(size[0]))
    mosaic = Mosaic((3, *size))
    for tile in grid:
        mosaic.add(tile, tile.cut(image))
    assert torch.equal(mosaic.image(), image)


def test_a_tile_knows_which_sides_lie_inside_the_image():
    grid = cover((40, 40), 24, 8)
    assert len(grid) == 4
    assert [tile.inside for tile in grid] == [
        (False, True, False, True),
        (False, True, True, False),
        (True, False, False, True),
        (True, False, True, False),
    ]
    (only,) = cover((24, 9), 24, 8)
    assert only.inside == (False,) * 4
    assert cover((24, 9), 24, 8).size == (24, 9)


def test_an_image_of_low_resolution_is_cut_at_the_same_places():
    grid = cover((50, 41), 24, 6, lattice=((4, 0), (4, 0)))
    small = torch.arange(13 * 11).view(1, 1, 13, 11)
    large = small.repeat_interleave(4, 2).repeat_interleave(4, 3)[..., :50, :41]
    for tile in grid:
        assert torch.equal(tile.cut(large)[..., ::4, ::4], tile.cut(small, 4))


def test_tiles_of_too_few_steps_are_refused():
    with pytest.raises(UserError, match=r"tile=95: ends every 32 pixels only, .* overlap of 47"):
        cover((300, 300), 95, 47, ((32, 0), (32, 0)))
