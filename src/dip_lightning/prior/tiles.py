"""Tiles of a large image: where they lie, and how their results become one image again."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from dip_lightning.errors import UserError

# Windows are multiples of 2^-14: then their differences, sums and products are exact in float64,
# and so is a float32 pixel times a product of two of them.
LEVELS = 1 << 14
# Rows and columns: the step of a lattice, and how many pixels before the first pixel it begins.
Lattice = tuple[tuple[int, int], tuple[int, int]]
EVERYWHERE = (1, 0), (1, 0)


@dataclass(frozen=True)
class Span:
    """Where tiles lie along one axis of the image, and how much each counts there.

    Attributes:
        start: first pixel.
        stop: pixel after the last.
        window: weight of each pixel, (stop - start,), float64 in [0, 1].
    """

    start: int
    stop: int
    window: Tensor


@dataclass(frozen=True)
class Tile:
    """One tile of an image.

    Attributes:
        rows: its place from top to bottom.
        columns: its place from left to right.
        inside: whether the image goes on above, below, left and right of it.
    """

    rows: Span
    columns: Span
    inside: tuple[bool, bool, bool, bool]

    @cached_property
    def window(self) -> Tensor:
        """Weight of each pixel, (h, w), float64; the windows of all tiles sum to 1."""
        return self.rows.window[:, None] * self.columns.window

    def cut(self, image: Tensor, step: int = 1) -> Tensor:
        """Return a copy of the tile's part of an image.

        Args:
            image: (1, C, H, W), or (1, C, ceil(H / step), ceil(W / step)).
            step: pixels of the tiled image for each of this one's, along each axis.
        """
        rows, columns = self.slices(step)
        return image[..., rows, columns].clone(memory_format=torch.contiguous_format)

    def slices(self, step: int = 1) -> tuple[slice, slice]:
        """Return its rows and columns in an image; see `cut`."""
        rows, columns = (
            slice(span.start // step, math.ceil(span.stop / step))
            for span in (self.rows, self.columns)
        )
        return rows, columns

    def inner(self, m: Tensor, width: int) -> Tensor:
        """Clear the outermost pixels at those borders that lie inside the image.

        Args:
            m: (1, C, h, w) of the tile.
            width: how many pixels.
        """
        above, below, left, right = self.inside
        m = m.clone()
        if above:
            m[..., :width, :] = 0
        if below:
            m[..., -width:, :] = 0
        if left:
            m[..., :width] = 0
        if right:
            m[..., -width:] = 0
        return m


@dataclass(frozen=True)
class Grid:
    """All tiles of an image, row by row.

    Attributes:
        rows: places from top to bottom.
        columns: places from left to right.
    """

    rows: list[Span]
    columns: list[Span]

    def __len__(self) -> int:
        """Return how many tiles there are."""
        return len(self.rows) * len(self.columns)

    def __iter__(self) -> Iterator[Tile]:
        """Give the tiles, row by row."""
        last = len(self.rows) - 1, len(self.columns) - 1
        for i, rows in enumerate(self.rows):
            for j, columns in enumerate(self.columns):
                yield Tile(rows, columns, (i > 0, i < last[0], j > 0, j < last[1]))

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the largest tile, pixels."""
        height, width = (spans[0].stop - spans[0].start for spans in (self.rows, self.columns))
        return height, width


def cover(
    size: tuple[int, int], side: int, overlap: int, lattice: Lattice = EVERYWHERE, margin: int = 0
) -> Grid:
    """Cover an image with tiles of one size, spread evenly.

    Args:
        size: (H, W) of the image, pixels.
        side: of a tile, pixels; rounded down to a multiple of the lattice's step.
        overlap: pixels that neighbours share at least; less than half of `side`.
        lattice: where borders lie, except for the image's own.
        margin: outermost pixels of a tile, inside the image, that count for nothing.

    Returns:
        The grid; one tile where the image is no larger. Where the lattice does not divide the
        image, tiles at its borders are smaller by less than a step.

    Raises:
        UserError: the steps are too long for tiles that share so much.
    """
    rows, columns = (
        spread(length, side, overlap, step, margin, begin)
        for length, (step, begin) in zip(size, lattice, strict=True)
    )
    return Grid(rows, columns)


def spread(
    length: int, side: int, overlap: int, step: int = 1, margin: int = 0, begin: int = 0
) -> list[Span]:
    """Spread tiles evenly along one axis; see `cover`.

    The windows of two neighbours cross over `overlap - 2 margin` pixels in the middle of what
    they share, as cos^2 and sin^2; everywhere they sum to exactly 1.
    """
    inner, shared = side // step, math.ceil(overlap / step)
    blocks = math.ceil((begin + length) / step)
    if length <= side:
        return [Span(0, length, torch.ones(length, dtype=torch.float64))]
    if inner <= shared:
        raise UserError(
            f"tile={side}: ends every {step} pixels only, expected room for an overlap of "
            f"{overlap}; take larger tiles"
        )
    count = math.ceil((blocks - shared) / (inner - shared))
    firsts = [step * round(i * (blocks - inner) / (count - 1)) - begin for i in range(count)]
    starts = [max(0, first) for first in firsts]
    stops = [min(length, first + step * inner) for first in firsts]
    width = overlap - 2 * margin
    bounds = zip(starts[1:], stops[:-1], strict=True)
    crossings = [start + (stop - start - width) // 2 for start, stop in bounds]
    one, zero = (torch.full((length,), value, dtype=torch.float64) for value in (1, 0))
    # What has begun before a pixel, minus what has begun after it: the sum over tiles telescopes.
    risen = [one, *(_rise(length, crossing, width) for crossing in crossings), zero]
    return [
        Span(start, stop, (risen[i] - risen[i + 1])[start:stop])
        for i, (start, stop) in enumerate(zip(starts, stops, strict=True))
    ]


def _rise(length: int, first: int, width: int) -> Tensor:
    """Rise from 0 to 1 over `width` pixels, (length,), float64."""
    position = torch.arange(length, dtype=torch.float64) - first + 0.5
    risen = (torch.pi / 2 * (position / width).clamp(0, 1)).sin().square()
    return (risen * LEVELS).round() / LEVELS


class Mosaic:
    """The sum of all tiles' results, each times its window.

    Where neighbours agree on a pixel, the sum is that pixel, bit for bit.

    Args:
        shape: (C, H, W) of the image.
    """

    def __init__(self, shape: tuple[int, int, int]) -> None:
        self._sum = torch.zeros(1, *shape, dtype=torch.float64)

    def add(self, tile: Tile, pixels: Tensor) -> None:
        """Add a tile's result.

        Args:
            tile: its place.
            pixels: (1, C, h, w), float32.
        """
        rows, columns = tile.slices()
        self._sum[..., rows, columns] += tile.window * pixels.double()

    def image(self) -> Tensor:
        """Return the sum, (1, C, H, W), float32."""
        return self._sum.float()
