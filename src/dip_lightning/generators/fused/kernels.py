"""Kernels: normalise, bend, upsample and pad in one pass over an image's activations.

Activations lie in memory as (H, W, C), one image; v is what a convolution returns, maybe with
`frame` lines of nothing around it. All sums are float32, in an order of their own but always the
same. SIZE is what one pixel takes in memory, in values: C or more.
"""

import triton
import triton.language as tl

_SIZES = ["height", "width", "frame", "pad", "count"]


@triton.jit
def _place(i, j, width, frame):
    return (i + frame) * (width + 2 * frame) + j + frame


@triton.jit
def _at(v, place, c, ok, SIZE: tl.constexpr):
    offsets = place[:, None] * SIZE + c[None, :]
    return tl.load(v + offsets, mask=ok, other=0.0).to(tl.float32)


@triton.jit
def _value(
    v, i, j, height, width, frame, c, ok, SIZE: tl.constexpr, UP: tl.constexpr
):
    """Pixel (i, j) of v, or of v upsampled: 0: as it is, 1: nearest, 2: bilinear."""
    if UP == 0:
        return _at(v, _place(i, j, width, frame), c, ok, SIZE)
    w = width // 2
    if UP == 1:
        return _at(v, (i // 2) * w + j // 2, c, ok, SIZE)
    top, left = (i + 1) // 2 - 1, (j + 1) // 2 - 1
    below = tl.where(i % 2 == 0, 0.75, 0.25)[:, None]
    right = tl.where(j % 2 == 0, 0.75, 0.25)[:, None]
    first = tl.maximum(top, 0) * w
    second = tl.minimum(top + 1, height // 2 - 1) * w
    start, end = tl.maximum(left, 0), tl.minimum(left + 1, w - 1)
    upper = _at(v, first + start, c, ok, SIZE) * (1 - right)
    upper += _at(v, first + end, c, ok, SIZE) * right
    lower = _at(v, second + start, c, ok, SIZE) * (1 - right)
    lower += _at(v, second + end, c, ok, SIZE) * right
    return upper * (1 - below) + lower * below


@triton.jit
def _mirrored(i, size):
    i = tl.abs(i)
    return tl.minimum(i, 2 * (size - 1) - i)


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
def _bent(y, slope):
    return tl.where(y > 0, y, y * slope)


@triton.jit(do_not_specialize=_SIZES)
def sum_squares(
    v, partial, height, width, frame,
    C: tl.constexpr, SIZE: tl.constexpr, UP: tl.constexpr, PIXELS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Sum x - x_0 and its square over each program's pixels; x_0 is the first pixel."""
    c = tl.arange(0, BLOCK)
    inside = (c < C)[None, :]
    corner = tl.zeros((1,), tl.int32)
    shift = _value(v, corner, corner, height, width, frame, c, inside, SIZE, UP)
    first = tl.zeros((PIXELS, BLOCK), tl.float32)
    second = tl.zeros((PIXELS, BLOCK), tl.float32)
    count = height * width
    for start in range(tl.program_id(0) * PIXELS, count, tl.num_programs(0) * PIXELS):
        p = start + tl.arange(0, PIXELS)
        ok = (p < count)[:, None] & inside
        x = _value(v, p // width, p % width, height, width, frame, c, ok, SIZE, UP)
        x = tl.where(ok, x - shift, 0.0)
        first += x
        second += x * x
    row = partial + tl.program_id(0) * 2 * C + c
    tl.store(row, tl.sum(first, 0), mask=c < C)
    tl.store(row + C, tl.sum(second, 0), mask=c < C)


@triton.jit
def _column(partial, count, column, columns, ROWS: tl.constexpr, BLOCK: tl.constexpr):
    sums = tl.zeros((ROWS, BLOCK), tl.float32)
    for start in range(0, count, ROWS):
        row = start + tl.arange(0, ROWS)
        ok = (row < count)[:, None] & (column < columns)[None, :]
        sums += tl.load(partial + row[:, None] * columns + column[None, :], mask=ok, other=0.0)
    return tl.sum(sums, 0)


@triton.jit(do_not_specialize=_SIZES)
def total(partial, result, count, COLUMNS: tl.constexpr, ROWS: tl.constexpr, BLOCK: tl.constexpr):
    """Add the sums of all programs."""
    column = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    sums = _column(partial, count, column, COLUMNS, ROWS, BLOCK)
    tl.store(result + column, sums, mask=column < COLUMNS)


@triton.jit(do_not_specialize=_SIZES)
def moments_of(
    v, partial, moments, count, height, width, frame, epsilon,
    C: tl.constexpr, SIZE: tl.constexpr, UP: tl.constexpr, ROWS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Mean and 1 / std from the sums of all programs."""
    c = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    corner = tl.zeros((1,), tl.int32)
    ok = (c < C)[None, :]
    shift = tl.sum(_value(v, corner, corner, height, width, frame, c, ok, SIZE, UP), 0)
    pixels = (height * width).to(tl.float32)
    first = _column(partial, count, c, 2 * C, ROWS, BLOCK) / pixels
    second = _column(partial, count, c + C, 2 * C, ROWS, BLOCK) / pixels
    tl.store(moments + c, shift + first, mask=c < C)
    tl.store(moments + C + c, 1 / tl.sqrt(tl.maximum(second - first * first, 0.0) + epsilon), mask=c < C)


@triton.jit(do_not_specialize=_SIZES)
def normalise(
    v, result, moments, weight, bias, height, width, frame, pad, slope,
    C: tl.constexpr, SIZE: tl.constexpr, UP: tl.constexpr, MIRRORED: tl.constexpr,
    OUT: tl.constexpr, WRITTEN: tl.constexpr, PIXELS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Normalise, bend and pad; channels from C to WRITTEN become zero."""
    o = tl.program_id(0) * PIXELS + tl.arange(0, PIXELS)
    wide = width + 2 * pad
    exists = o < (height + 2 * pad) * wide
    i, j = o // wide - pad, o % wide - pad
    inside = (i >= 0) & (i < height) & (j >= 0) & (j < width)
    i, j = _mirrored(i, height), _mirrored(j, width)
    c = tl.arange(0, BLOCK)
    used = exists if MIRRORED else exists & inside
    ok = used[:, None] & (c < C)[None, :]
    x = _value(v, i, j, height, width, frame, c, ok, SIZE, UP)
    _, y, _ = normalised(x, moments, weight, bias, c, C)
    place = result + o[:, None] * OUT + c[None, :]
    written = exists[:, None] & (c < WRITTEN)[None, :]
    tl.store(place, tl.where(ok, _bent(y, slope), 0.0), mask=written)


@triton.jit(do_not_specialize=_SIZES)
def sum_gradients(
    v, gradient, moments, weight, bias, partial, height, width, frame, pad, slope,
    C: tl.constexpr, SIZE: tl.constexpr, UP: tl.constexpr,
    OUT: tl.constexpr, PIXELS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Sum g and g x over each program's pixels, g the gradient of the normalised x, scaled."""
    c = tl.arange(0, BLOCK)
    inside = (c < C)[None, :]
    first = tl.zeros((PIXELS, BLOCK), tl.float32)
    second = tl.zeros((PIXELS, BLOCK), tl.float32)
    count = height * width
    for start in range(tl.program_id(0) * PIXELS, count, tl.num_programs(0) * PIXELS):
        p = start + tl.arange(0, PIXELS)
        ok = (p < count)[:, None] & inside
        i, j = p // width, p % width
        x = _value(v, i, j, height, width, frame, c, ok, SIZE, UP)
        x, y, _ = normalised(x, moments, weight, bias, c, C)
        g = _at(gradient, _place(i, j, width, pad), c, ok, OUT)
        g = tl.where(y > 0, g, g * slope)
        first += g
        second += g * x
    row = partial + tl.program_id(0) * 2 * C + c
    tl.store(row, tl.sum(first, 0), mask=c < C)
    tl.store(row + C, tl.sum(second, 0), mask=c < C)


@triton.jit(do_not_specialize=_SIZES)
def gradient_of(
    v, gradient, moments, weight, bias, sums, result, height, width, frame, pad, slope,
    C: tl.constexpr, SIZE: tl.constexpr, OUT: tl.constexpr, PIXELS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Gradient of v, with a frame of zeros and zeros for channels that are none."""
    o = tl.program_id(0) * PIXELS + tl.arange(0, PIXELS)
    wide = width + 2 * frame
    exists = o < (height + 2 * frame) * wide
    i, j = o // wide - frame, o % wide - frame
    c = tl.arange(0, BLOCK)
    inside = (i >= 0) & (i < height) & (j >= 0) & (j < width)
    ok = (exists & inside)[:, None] & (c < C)[None, :]
    x = _value(v, i, j, height, width, frame, c, ok, SIZE, 0)
    x, y, factor = normalised(x, moments, weight, bias, c, C)
    g = _at(gradient, _place(i, j, width, pad), c, ok, OUT)
    g = tl.where(y > 0, g, g * slope)
    pixels = (height * width).to(tl.float32)
    mean = tl.load(sums + c, mask=c < C, other=0.0) / pixels
    along = tl.load(sums + C + c, mask=c < C, other=0.0) / pixels
    g = factor * (g - mean[None, :] - x * along[None, :])
    written = exists[:, None] & (c < SIZE)[None, :]
    tl.store(result + o[:, None] * SIZE + c[None, :], tl.where(ok, g, 0.0), mask=written)


@triton.jit(do_not_specialize=_SIZES)
def gradient_below(
    a, gradient, moments, weight, sums, result, height, width, pad,
    C: tl.constexpr, UP: tl.constexpr, OUT: tl.constexpr, PIXELS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Gradient of a, (H / 2, W / 2, C), from that of its normalised upsampled self.

    With U the upsampling, f = scale / std, and m, n the means of g and g x:

        f (U' g - 4 m - (U' U a - 4 mean(a)) n / std)
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
            g += _at(gradient, _place(2 * i + k // 2, 2 * j + k % 2, width, pad), c, ok, OUT)
        gram += 4 * _at(a, p, c, ok, C)
    else:
        for k in tl.static_range(16):
            r, s = 2 * i + k // 4 - 1, 2 * j + k % 4 - 1
            seen = ok & ((r >= 0) & (r < height) & (s >= 0) & (s < width))[:, None]
            weights = _tap(k // 4, i, h) * _tap(k % 4, j, w)
            g += weights[:, None] * _at(gradient, _place(r, s, width, pad), c, seen, OUT)
        for k in tl.static_range(9):
            r, s = i + k // 3 - 1, j + k % 3 - 1
            seen = ok & ((r >= 0) & (r < h) & (s >= 0) & (s < w))[:, None]
            weights = _gram(k // 3, i, h) * _gram(k % 3, j, w)
            gram += weights[:, None] * _at(a, r * w + s, c, seen, C)
    pixels = (height * width).to(tl.float32)
    mean = tl.load(moments + c, mask=inside, other=0.0)
    inverse = tl.load(moments + C + c, mask=inside, other=0.0)
    factor = tl.load(weight + c, mask=inside, other=0.0) * inverse
    level = tl.load(sums + c, mask=inside, other=0.0) / pixels
    along = tl.load(sums + C + c, mask=inside, other=0.0) / pixels * inverse
    g = g - 4 * level[None, :] - (gram - 4 * mean[None, :]) * along[None, :]
    tl.store(result + p[:, None] * C + c[None, :], factor[None, :] * g, mask=ok)


@triton.jit(do_not_specialize=[*_SIZES, "top", "bottom", "left", "right"])
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
    place = _place(i, j, width, pad)
    g = _at(gradient, place, c, ok, OUT)
    for k in tl.static_range(1, 9):
        r, s = _image(k // 3, i, height), _image(k % 3, j, width)
        seen = (r >= -pad) & (r < height + pad) & (s >= -pad) & (s < width + pad)
        g += _at(gradient, _place(r, s, width, pad), c, ok & seen[:, None], OUT)
    tl.store(gradient + place[:, None] * OUT + c[None, :], g, mask=ok)


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


@triton.jit
def _tap(k: tl.constexpr, i, size):
    # What pixel i gives to the k-th of the lines 2 i - 1 to 2 i + 2 of its upsampled self.
    if k == 0 or k == 3:
        return tl.full(i.shape, 0.25, tl.float32)
    edge = (i == 0) if k == 1 else (i == size - 1)
    return tl.where(edge, 1.0, 0.75)


@triton.jit
def _gram(k: tl.constexpr, i, size):
    # U' U along a line: 3/8, 5/4, 3/8; the edge repeats its outermost pixel.
    if k != 1:
        return tl.full(i.shape, 0.375, tl.float32)
    return 1.25 + 0.375 * (i == 0).to(tl.float32) + 0.375 * (i == size - 1).to(tl.float32)
