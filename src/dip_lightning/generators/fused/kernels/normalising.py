"""Kernels that normalise, bend, upsample and pad: all of it in one pass over the result.

Of a large image each program sums a part (`sum_squares`), then few add the parts up (`moments`),
then all write (`normalise`). Of a small one a program does it all for its channels
(`normalise_small`).
"""

import triton
import triton.language as tl

from dip_lightning.generators.fused.kernels.reading import bent, column, corner, normalised, value

_SIZES = ["height", "width", "frame", "pad", "count"]


@triton.jit
def _squares(
    v, first_pixel, step, height, width, frame, c, shift,
    C: tl.constexpr, SIZE: tl.constexpr, UP: tl.constexpr,
    PIXELS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    first = tl.zeros((PIXELS, BLOCK), tl.float32)
    second = tl.zeros((PIXELS, BLOCK), tl.float32)
    count = height * width
    for start in range(first_pixel, count, step):
        p = start + tl.arange(0, PIXELS)
        ok = (p < count)[:, None] & (c < C)[None, :]
        x = value(v, p // width, p % width, height, width, frame, c, ok, SIZE, UP)
        x = tl.where(ok, x - shift[None, :], 0.0)
        first += x
        second += x * x
    return tl.sum(first, 0), tl.sum(second, 0)


@triton.jit
def _keep_moments(moments, c, shift, first, second, pixels, epsilon, C: tl.constexpr):
    first, second = first / pixels, second / pixels
    variance = tl.maximum(second - first * first, 0.0)
    tl.store(moments + c, shift + first, mask=c < C)
    tl.store(moments + C + c, 1 / tl.sqrt(variance + epsilon), mask=c < C)


@triton.jit
def _write(
    v, result, moments, weight, bias, o, height, width, frame, pad, slope, c,
    C: tl.constexpr, SIZE: tl.constexpr, UP: tl.constexpr, MIRRORED: tl.constexpr,
    OUT: tl.constexpr, WRITTEN: tl.constexpr,
):  # fmt: skip
    wide = width + 2 * pad
    exists = o < (height + 2 * pad) * wide
    i, j = o // wide - pad, o % wide - pad
    inside = (i >= 0) & (i < height) & (j >= 0) & (j < width)
    i, j = _mirrored(i, height), _mirrored(j, width)
    used = exists if MIRRORED else exists & inside
    ok = used[:, None] & (c < C)[None, :]
    x = value(v, i, j, height, width, frame, c, ok, SIZE, UP)
    _, y, _ = normalised(x, moments, weight, bias, c, C)
    written = exists[:, None] & (c < WRITTEN)[None, :]
    y = tl.where(ok, bent(y, y, slope), 0.0)
    tl.store(result + o[:, None] * OUT + c[None, :], y, mask=written)


@triton.jit
def _mirrored(i, size):
    i = tl.abs(i)
    return tl.minimum(i, 2 * (size - 1) - i)


@triton.jit(do_not_specialize=_SIZES)
def sum_squares(
    v, partial, height, width, frame,
    C: tl.constexpr, SIZE: tl.constexpr, UP: tl.constexpr,
    PIXELS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Sum x - x_0 and its square over each program's pixels; x_0 is the first pixel."""
    c = tl.arange(0, BLOCK)
    shift = corner(v, height, width, frame, c, C, SIZE, UP)
    begin, step = tl.program_id(0) * PIXELS, tl.num_programs(0) * PIXELS
    first, second = _squares(
        v, begin, step, height, width, frame, c, shift, C, SIZE, UP, PIXELS, BLOCK
    )
    row = partial + tl.program_id(0) * 2 * C + c
    tl.store(row, first, mask=c < C)
    tl.store(row + C, second, mask=c < C)


@triton.jit(do_not_specialize=_SIZES)
def moments(
    v, partial, result, count, height, width, frame, epsilon,
    C: tl.constexpr, SIZE: tl.constexpr, UP: tl.constexpr, ROWS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Mean and 1 / std from the sums of `count` programs."""
    c = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    shift = corner(v, height, width, frame, c, C, SIZE, UP)
    first = column(partial, count, c, 2 * C, ROWS, BLOCK)
    second = column(partial, count, c + C, 2 * C, ROWS, BLOCK)
    pixels = (height * width).to(tl.float32)
    _keep_moments(result, c, shift, first, second, pixels, epsilon, C)


@triton.jit(do_not_specialize=_SIZES)
def normalise(
    v, result, moments, weight, bias, height, width, frame, pad, slope,
    C: tl.constexpr, SIZE: tl.constexpr, UP: tl.constexpr, MIRRORED: tl.constexpr,
    OUT: tl.constexpr, WRITTEN: tl.constexpr, PIXELS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Normalise, bend and pad; channels from C to WRITTEN become zero."""
    o = tl.program_id(0) * PIXELS + tl.arange(0, PIXELS)
    c = tl.arange(0, BLOCK)
    _write(
        v, result, moments, weight, bias, o, height, width, frame, pad, slope, c,
        C, SIZE, UP, MIRRORED, OUT, WRITTEN,
    )  # fmt: skip


@triton.jit(do_not_specialize=_SIZES)
def normalise_small(
    v, result, moments, weight, bias, height, width, frame, pad, slope, epsilon,
    C: tl.constexpr, SIZE: tl.constexpr, UP: tl.constexpr, MIRRORED: tl.constexpr,
    OUT: tl.constexpr, WRITTEN: tl.constexpr, PIXELS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """`sum_squares`, `moments` and `normalise` of some channels."""
    c = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    shift = corner(v, height, width, frame, c, C, SIZE, UP)
    first, second = _squares(
        v, 0, PIXELS, height, width, frame, c, shift, C, SIZE, UP, PIXELS, BLOCK
    )
    pixels = (height * width).to(tl.float32)
    _keep_moments(moments, c, shift, first, second, pixels, epsilon, C)
    tl.debug_barrier()  # what one thread has kept, others read
    for start in range(0, (height + 2 * pad) * (width + 2 * pad), PIXELS):
        o = start + tl.arange(0, PIXELS)
        _write(
            v, result, moments, weight, bias, o, height, width, frame, pad, slope, c,
            C, SIZE, UP, MIRRORED, OUT, WRITTEN,
        )  # fmt: skip
