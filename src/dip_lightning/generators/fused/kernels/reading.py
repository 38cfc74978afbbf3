"""What kernels share: how pixels are read, normalised and bent.

Activations lie in memory as (H, W, C), one image; v is what a convolution returns, maybe with
`frame` lines of nothing around it. SIZE is what one pixel takes in memory, in values: C or more.
"""

import triton
import triton.language as tl


@triton.jit
def place(i, j, width, frame):
    """Where pixel (i, j) is, in pixels."""
    return (i + frame) * (width + 2 * frame) + j + frame


@triton.jit
def at(v, where, c, ok, SIZE: tl.constexpr):
    """Channels c of pixels, (PIXELS, BLOCK), float32; 0 where not ok."""
    offsets = where[:, None] * SIZE + c[None, :]
    return tl.load(v + offsets, mask=ok, other=0.0).to(tl.float32)


@triton.jit
def value(v, i, j, height, width, frame, c, ok, SIZE: tl.constexpr, UP: tl.constexpr):
    """Pixels (i, j) of v, or of v upsampled: 0: as it is, 1: nearest, 2: bilinear."""
    if UP == 0:
        return at(v, place(i, j, width, frame), c, ok, SIZE)
    w = width // 2
    if UP == 1:
        return at(v, (i // 2) * w + j // 2, c, ok, SIZE)
    top, left = (i + 1) // 2 - 1, (j + 1) // 2 - 1
    below = tl.where(i % 2 == 0, 0.75, 0.25)[:, None]
    right = tl.where(j % 2 == 0, 0.75, 0.25)[:, None]
    first = tl.maximum(top, 0) * w
    second = tl.minimum(top + 1, height // 2 - 1) * w
    start, end = tl.maximum(left, 0), tl.minimum(left + 1, w - 1)
    upper = at(v, first + start, c, ok, SIZE) * (1 - right)
    upper += at(v, first + end, c, ok, SIZE) * right
    lower = at(v, second + start, c, ok, SIZE) * (1 - right)
    lower += at(v, second + end, c, ok, SIZE) * right
    return upper * (1 - below) + lower * below


@triton.jit
def corner(v, height, width, frame, c, C: tl.constexpr, SIZE: tl.constexpr, UP: tl.constexpr):
    """The first pixel, (BLOCK,): near enough to the mean for differences to be summed."""
    origin = tl.zeros((1,), tl.int32)
    ok = (c < C)[None, :]
    return tl.sum(value(v, origin, origin, height, width, frame, c, ok, SIZE, UP), 0)


@triton.jit
def normalised(x, moments, weight, bias, c, C: tl.constexpr):
    """(x - mean) / std, the same with scale and shift, and scale / std."""
    inside = c < C
    mean = tl.load(moments + c, mask=inside, other=0.0)
    inverse = tl.load(moments + C + c, mask=inside, other=0.0)
    scale = tl.load(weight + c, mask=inside, other=0.0)
    shift = tl.load(bias + c, mask=inside, other=0.0)
    x = (x - mean[None, :]) * inverse[None, :]
    return x, x * scale[None, :] + shift[None, :], (scale * inverse)[None, :]


@triton.jit
def bent(y, g, slope):
    """g where y is positive, else g times the slope: y bent, if g is y; else its gradient."""
    return tl.where(y > 0, g, g * slope)


@triton.jit
def column(partial, count, c, columns, ROWS: tl.constexpr, BLOCK: tl.constexpr):
    """Add up columns c of `count` rows, in an order that is always the same."""
    sums = tl.zeros((ROWS, BLOCK), tl.float32)
    for start in range(0, count, ROWS):
        row = start + tl.arange(0, ROWS)
        ok = (row < count)[:, None] & (c < columns)[None, :]
        sums += tl.load(partial + row[:, None] * columns + c[None, :], mask=ok, other=0.0)
    return tl.sum(sums, 0)
