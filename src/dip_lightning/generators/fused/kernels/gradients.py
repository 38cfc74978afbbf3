"""Kernels for the gradients of what the kernels of `normalising` compute.

With g the gradient of the normalised v, f = scale / std, m and n the means of g and of g x:

    d loss / d v = f (g - m - x n),    x = (v - mean) / std
"""

import triton
import triton.language as tl

from dip_lightning.generators.fused.kernels.reading import (
    at,
    bent,
    column,
    normalised,
    place,
    value,
)

_SIZES = ["height", "width", "frame", "pad", "count"]


@triton.jit
def _sums(
    v, gradient, moments, weight, bias, first_pixel, step, height, width, frame, pad, slope, c,
    C: tl.constexpr, SIZE: tl.constexpr, UP: tl.constexpr,
    OUT: tl.constexpr, PIXELS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    first = tl.zeros((PIXELS, BLOCK), tl.float32)
    second = tl.zeros((PIXELS, BLOCK), tl.float32)
    count = height * width
    for start in range(first_pixel, count, step):
        p = start + tl.arange(0, PIXELS)
        ok = (p < count)[:, None] & (c < C)[None, :]
        i, j = p // width, p % width
        x = value(v, i, j, height, width, frame, c, ok, SIZE, UP)
        x, y, _ = normalised(x, moments, weight, bias, c, C)
        g = bent(y, at(gradient, place(i, j, width, pad), c, ok, OUT), slope)
        first += g
        second += g * x
    return tl.sum(first, 0), tl.sum(second, 0)


@triton.jit
def _write(
    v, gradient, moments, weight, bias, mean, along, result, o,
    height, width, frame, pad, slope, c,
    C: tl.constexpr, SIZE: tl.constexpr, OUT: tl.constexpr,
):  # fmt: skip
    wide = width + 2 * frame
    exists = o < (height + 2 * frame) * wide
    i, j = o // wide - frame, o % wide - frame
    inside = (i >= 0) & (i < height) & (j >= 0) & (j < width)
    ok = (exists & inside)[:, None] & (c < C)[None, :]
    x = value(v, i, j, height, width, frame, c, ok, SIZE, 0)
    x, y, factor = normalised(x, moments, weight, bias, c, C)
    g = bent(y, at(gradient, place(i, j, width, pad), c, ok, OUT), slope)
    g = factor * (g - mean[None, :] - x * along[None, :])
    written = exists[:, None] & (c < SIZE)[None, :]
    tl.store(result + o[:, None] * SIZE + c[None, :], tl.where(ok, g, 0.0), mask=written)


@triton.jit(do_not_specialize=_SIZES)
def sum_gradients(
    v, gradient, moments, weight, bias, partial, height, width, frame, pad, slope,
    C: tl.constexpr, SIZE: tl.constexpr, UP: tl.constexpr,
    OUT: tl.constexpr, PIXELS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Sum g and g x over each program's pixels."""
    c = tl.arange(0, BLOCK)
    begin, step = tl.program_id(0) * PIXELS, tl.num_programs(0) * PIXELS
    first, second = _sums(
        v, gradient, moments, weight, bias, begin, step, height, width, frame, pad, slope, c,
        C, SIZE, UP, OUT, PIXELS, BLOCK,
    )  # fmt: skip
    row = partial + tl.program_id(0) * 2 * C + c
    tl.store(row, first, mask=c < C)
    tl.store(row + C, second, mask=c < C)


@triton.jit(do_not_specialize=_SIZES)
def total(partial, result, count, COLUMNS: tl.constexpr, ROWS: tl.constexpr, BLOCK: tl.constexpr):
    """Add the sums of `count` programs."""
    c = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    sums = column(partial, count, c, COLUMNS, ROWS, BLOCK)
    tl.store(result + c, sums, mask=c < COLUMNS)


@triton.jit(do_not_specialize=_SIZES)
def gradient_of(
    v, gradient, moments, weight, bias, sums, result, height, width, frame, pad, slope,
    C: tl.constexpr, SIZE: tl.constexpr, OUT: tl.constexpr,
    PIXELS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Gradient of v, with a frame of zeros, and zeros for channels that are none."""
    o = tl.program_id(0) * PIXELS + tl.arange(0, PIXELS)
    c = tl.arange(0, BLOCK)
    pixels = (height * width).to(tl.float32)
    mean = tl.load(sums + c, mask=c < C, other=0.0) / pixels
    along = tl.load(sums + C + c, mask=c < C, other=0.0) / pixels
    _write(
        v, gradient, moments, weight, bias, mean, along, result, o,
        height, width, frame, pad, slope, c, C, SIZE, OUT,
    )  # fmt: skip


@triton.jit(do_not_specialize=_SIZES)
def gradient_of_small(
    v, gradient, moments, weight, bias, sums, result, height, width, frame, pad, slope,
    C: tl.constexpr, SIZE: tl.constexpr, OUT: tl.constexpr,
    PIXELS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """`sum_gradients`, `total` and `gradient_of` of some channels."""
    c = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    first, second = _sums(
        v, gradient, moments, weight, bias, 0, PIXELS, height, width, frame, pad, slope, c,
        C, SIZE, 0, OUT, PIXELS, BLOCK,
    )  # fmt: skip
    tl.store(sums + c, first, mask=c < C)
    tl.store(sums + C + c, second, mask=c < C)
    pixels = (height * width).to(tl.float32)
    for start in range(0, (height + 2 * frame) * (width + 2 * frame), PIXELS):
        o = start + tl.arange(0, PIXELS)
        _write(
            v, gradient, moments, weight, bias, first / pixels, second / pixels, result, o,
            height, width, frame, pad, slope, c, C, SIZE, OUT,
        )  # fmt: skip


@triton.jit(do_not_specialize=_SIZES)
def gradient_below(
    a, gradient, moments, weight, sums, result, height, width, pad,
    C: tl.constexpr, UP: tl.constexpr, OUT: tl.constexpr, PIXELS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Gradient of a, (H / 2, W / 2, C), from that of its normalised upsampled self.

    With U the upsampling: f (U' g - 4 m - (U' U a - 4 mean(a)) n / std)
    """
    h, w = height // 2, width // 2
    p = tl.program_id(0) * PIXELS + tl.arange(0, PIXELS)
    c = tl.arange(0, BLOCK)
    inside = c < C
    ok = (p < h * w)[:, None] & inside[None, :]
    i, j = p // w, p % w
    g = tl.zeros((PIXELS, BLOCK), tl.float32)
    gram = tl.zeros((PIXELS, BLOCK), tl.float32)
    if UP == 1:
        for k in tl.static_range(4):
            g += at(gradient, place(2 * i + k // 2, 2 * j + k % 2, width, pad), c, ok, OUT)
        gram += 4 * at(a, p, c, ok, C)
    else:
        for k in tl.static_range(16):
            r, s = 2 * i + k // 4 - 1, 2 * j + k % 4 - 1
            seen = ok & ((r >= 0) & (r < height) & (s >= 0) & (s < width))[:, None]
            share = _tap(k // 4, i, h) * _tap(k % 4, j, w)
            g += share[:, None] * at(gradient, place(r, s, width, pad), c, seen, OUT)
        for k in tl.static_range(9):
            r, s = i + k // 3 - 1, j + k % 3 - 1
            seen = ok & ((r >= 0) & (r < h) & (s >= 0) & (s < w))[:, None]
            share = _gram(k // 3, i, h) * _gram(k % 3, j, w)
            gram += share[:, None] * at(a, r * w + s, c, seen, C)
    pixels = (height * width).to(tl.float32)
    mean = tl.load(moments + c, mask=inside, other=0.0)
    inverse = tl.load(moments + C + c, mask=inside, other=0.0)
    factor = tl.load(weight + c, mask=inside, other=0.0) * inverse
    level = tl.load(sums + c, mask=inside, other=0.0) / pixels
    along = tl.load(sums + C + c, mask=inside, other=0.0) / pixels * inverse
    g = g - 4 * level[None, :] - (gram - 4 * mean[None, :]) * along[None, :]
    tl.store(result + p[:, None] * C + c[None, :], factor[None, :] * g, mask=ok)


@triton.jit
def _tap(k: tl.constexpr, i, size):
    # What pixel i gives to the k-th of the lines 2 i - 1 to 2 i + 2 of its upsampled self.
    if k == 0 or k == 3:  # noqa: PLR1714 - Triton knows no sets
        return tl.full(i.shape, 0.25, tl.float32)
    edge = (i == 0) if k == 1 else (i == size - 1)
    return tl.where(edge, 1.0, 0.75)


@triton.jit
def _gram(k: tl.constexpr, i, size):
    # U' U along a line: 3/8, 5/4, 3/8; the edge repeats its outermost pixel.
    if k != 1:
        return tl.full(i.shape, 0.375, tl.float32)
    return 1.25 + 0.375 * (i == 0).to(tl.float32) + 0.375 * (i == size - 1).to(tl.float32)
