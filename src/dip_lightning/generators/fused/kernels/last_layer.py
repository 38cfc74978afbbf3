"""Kernels of the last layer: normalise, bend, convolve by 1x1, sigmoid; all of it in float32."""

import triton
import triton.language as tl

from dip_lightning.generators.fused.kernels.reading import bent, normalised

_SIZES = ["count"]


@triton.jit
def _rows(v, p, count, c, C: tl.constexpr):
    ok = (p < count)[:, None] & (c < C)[None, :]
    return tl.load(v + p[:, None] * C + c[None, :], mask=ok, other=0.0).to(tl.float32)


@triton.jit
def _weights(matrix, k, c, C: tl.constexpr):
    return tl.load(matrix + k * C + c, mask=c < C, other=0.0)[None, :]


@triton.jit
def _before(image, gradient, p, k, count, K: tl.constexpr):
    """Gradient of output k before the sigmoid, (PIXELS,)."""
    x = tl.load(image + p * K + k, mask=p < count, other=0.0)
    return tl.load(gradient + p * K + k, mask=p < count, other=0.0) * x * (1 - x)


@triton.jit(do_not_specialize=_SIZES)
def output(
    v, moments, weight, bias, matrix, level, image, count, slope,
    C: tl.constexpr, K: tl.constexpr, PIXELS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """sigmoid(W a + b), a the normalised and bent v."""
    p = tl.program_id(0) * PIXELS + tl.arange(0, PIXELS)
    c = tl.arange(0, BLOCK)
    _, a, _ = normalised(_rows(v, p, count, c, C), moments, weight, bias, c, C)
    a = bent(a, a, slope)
    for k in tl.static_range(K):
        logit = tl.sum(a * _weights(matrix, k, c, C), 1) + tl.load(level + k)
        tl.store(image + p * K + k, 1 / (1 + tl.exp(-logit)), mask=p < count)


@triton.jit(do_not_specialize=_SIZES)
def sum_output_gradients(
    v, moments, weight, bias, matrix, image, gradient, partial, count, slope,
    C: tl.constexpr, K: tl.constexpr, PIXELS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """What `sum_gradients` sums, then the gradients of W and b: (2 C + K C + K) values."""
    c = tl.arange(0, BLOCK)
    first = tl.zeros((PIXELS, BLOCK), tl.float32)
    along_0, along_1, along_2, along_3, second = first, first, first, first, first
    level_0 = tl.zeros((PIXELS,), tl.float32)
    level_1, level_2, level_3 = level_0, level_0, level_0
    for start in range(tl.program_id(0) * PIXELS, count, tl.num_programs(0) * PIXELS):
        p = start + tl.arange(0, PIXELS)
        x, y, _ = normalised(_rows(v, p, count, c, C), moments, weight, bias, c, C)
        a = bent(y, y, slope)
        z = _before(image, gradient, p, 0, count, K)
        along_0, level_0 = along_0 + z[:, None] * a, level_0 + z
        g = z[:, None] * _weights(matrix, 0, c, C)
        if K > 1:
            z = _before(image, gradient, p, 1, count, K)
            along_1, level_1 = along_1 + z[:, None] * a, level_1 + z
            g += z[:, None] * _weights(matrix, 1, c, C)
        if K > 2:
            z = _before(image, gradient, p, 2, count, K)
            along_2, level_2 = along_2 + z[:, None] * a, level_2 + z
            g += z[:, None] * _weights(matrix, 2, c, C)
        if K > 3:
            z = _before(image, gradient, p, 3, count, K)
            along_3, level_3 = along_3 + z[:, None] * a, level_3 + z
            g += z[:, None] * _weights(matrix, 3, c, C)
        g = bent(y, g, slope)
        first, second = first + g, second + g * x
    row = partial + tl.program_id(0) * (2 * C + K * C + K)
    tl.store(row + c, tl.sum(first, 0), mask=c < C)
    tl.store(row + C + c, tl.sum(second, 0), mask=c < C)
    _keep(row, c, 0, along_0, level_0, C, K)
    _keep(row, c, 1, along_1, level_1, C, K)
    _keep(row, c, 2, along_2, level_2, C, K)
    _keep(row, c, 3, along_3, level_3, C, K)


@triton.jit
def _keep(row, c, k: tl.constexpr, along, level, C: tl.constexpr, K: tl.constexpr):
    if k < K:
        tl.store(row + (2 + k) * C + c, tl.sum(along, 0), mask=c < C)
        tl.store(row + (2 + K) * C + k, tl.sum(level, 0))


@triton.jit(do_not_specialize=_SIZES)
def output_gradient(
    v, moments, weight, bias, matrix, image, gradient, sums, result, count, slope,
    C: tl.constexpr, K: tl.constexpr, PIXELS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Gradient of v."""
    p = tl.program_id(0) * PIXELS + tl.arange(0, PIXELS)
    c = tl.arange(0, BLOCK)
    x, y, factor = normalised(_rows(v, p, count, c, C), moments, weight, bias, c, C)
    g = tl.zeros((PIXELS, BLOCK), tl.float32)
    for k in tl.static_range(K):
        g += _before(image, gradient, p, k, count, K)[:, None] * _weights(matrix, k, c, C)
    g = bent(y, g, slope)
    pixels = count.to(tl.float32)
    mean = tl.load(sums + c, mask=c < C, other=0.0) / pixels
    along = tl.load(sums + C + c, mask=c < C, other=0.0) / pixels
    g = factor * (g - mean[None, :] - x * along[None, :])
    ok = (p < count)[:, None] & (c < C)[None, :]
    tl.store(result + p[:, None] * C + c[None, :], g, mask=ok)
