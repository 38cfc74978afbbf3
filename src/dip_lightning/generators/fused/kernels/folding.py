"""The kernel that brings a gradient home from where padding has mirrored pixels to."""

import triton
import triton.language as tl

from dip_lightning.generators.fused.kernels.reading import at, place

_SIZES = ["height", "width", "pad", "top", "bottom", "left", "right"]


@triton.jit(do_not_specialize=_SIZES)
def fold(
    gradient, height, width, pad, top, bottom, left, right,
    C: tl.constexpr, OUT: tl.constexpr, PIXELS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Add the gradient of mirrored pixels to that of the pixels themselves, in place.

    Mirrored are rows 1 to top and the `bottom` ones before the last, or all where top is height;
    columns likewise.
    """
    t = tl.program_id(0) * PIXELS + tl.arange(0, PIXELS)
    rows, columns = (top + bottom) * width, left + right
    exists = t < rows + (height - top - bottom) * columns
    u = t - rows
    others = _other(u // tl.maximum(columns, 1), top, bottom, height)
    i = tl.where(u < 0, _received(t // width, top, height), others)
    j = tl.where(u < 0, t % width, _received(u % tl.maximum(columns, 1), left, width))
    c = tl.arange(0, BLOCK)
    ok = exists[:, None] & (c < C)[None, :]
    home = place(i, j, width, pad)
    g = at(gradient, home, c, ok, OUT)
    for k in tl.static_range(1, 9):
        r, s = _image(k // 3, i, height), _image(k % 3, j, width)
        seen = (r >= -pad) & (r < height + pad) & (s >= -pad) & (s < width + pad)
        g += at(gradient, place(r, s, width, pad), c, ok & seen[:, None], OUT)
    tl.store(gradient + home[:, None] * OUT + c[None, :], g, mask=ok)


@triton.jit
def _received(t, before, size):
    # The t-th mirrored line: the first ones, then from the last but one backwards.
    first = tl.where(before == size, 0, 1)
    return tl.where(t < before, first + t, size - 2 - t + before)


@triton.jit
def _other(t, before, after, size):
    # The t-th line that is not mirrored: the very first, those in the middle, the very last.
    inner = tl.where(t == size - before - after - 1, size - 1, before + t)
    return tl.where(t == 0, 0, inner)


@triton.jit
def _image(k: tl.constexpr, i, size):
    # Where line i is seen again: nowhere is beyond any padding.
    if k == 0:
        return i
    if k == 1:
        return tl.where(i > 0, -i, -size)
    return tl.where(i < size - 1, 2 * (size - 1) - i, -size)
