"""Kernels of the last layer: normalise, bend, convolve by 1x1 in float32, sigmoid."""

import triton
import triton.language as tl

from dip_lightning.generators.fused.kernels import normalised

_SIZES = ["count"]
CHANNELS = tl.constexpr(16)  # at most; the least that a product of matrices can have


@triton.jit
def _rows(v, p, count, c, C: tl.constexpr):
    ok = (p < count)[:, None] & (c < C)[None, :]
    return tl.load(v + p[:, None] * C + c[None, :], mask=ok, other=0.0).to(tl.float32)


@triton.jit
def _weights(last, c, C: tl.constexpr, K: tl.constexpr):
    k = tl.arange(0, CHANNELS)
    ok = (k < K)[:, None] & (c < C)[None, :]
    return tl.load(last + k[:, None] * C + c[None, :], mask=ok, other=0.0)


@triton.jit
def _before(image, gradient, p, count, K: tl.constexpr):
    """Gradient before the sigmoid."""
    k = tl.arange(0, CHANNELS)
    ok = (p < count)[:, None] & (k < K)[None, :]
    place = p[:, None] * K + k[None, :]
    x = tl.load(image + place, mask=ok, other=0.0)
    return tl.load(gradient + place, mask=ok, other=0.0) * x * (1 - x)


@triton.jit(do_not_specialize=_SIZES)
def output(
    v, moments, weight, bias, last, last_bias, image, count, slope,
    C: tl.constexpr, K: tl.constexpr, PIXELS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """sigmoid(W a + b), a the normalised and bent v."""
    p = tl.program_id(0) * PIXELS + tl.arange(0, PIXELS)
    c, k = tl.arange(0, BLOCK), tl.arange(0, CHANNELS)
    _, a, _ = normalised(_rows(v, p, count, c, C), moments, weight, bias, c, C)
    a = tl.where(a > 0, a, a * slope)
    matrix = _weights(last, c, C, K)
    logits = tl.dot(a, tl.trans(matrix), input_precision="ieee")
    logits += tl.load(last_bias + k, mask=k < K, other=0.0)[None, :]
    ok = (p < count)[:, None] & (k < K)[None, :]
    tl.store(image + p[:, None] * K + k[None, :], 1 / (1 + tl.exp(-logits)), mask=ok)


@triton.jit(do_not_specialize=_SIZES)
def sum_output_gradients(
    v, moments, weight, bias, last, image, gradient, partial, count, slope,
    C: tl.constexpr, K: tl.constexpr, PIXELS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """What `sum_gradients` sums, then the gradients of W and b: (2 C + K C + K) values."""
    c, k = tl.arange(0, BLOCK), tl.arange(0, CHANNELS)
    matrix = _weights(last, c, C, K)
    first = tl.zeros((BLOCK,), tl.float32)
    second = tl.zeros((BLOCK,), tl.float32)
    along = tl.zeros((CHANNELS, BLOCK), tl.float32)
    level = tl.zeros((CHANNELS,), tl.float32)
    for start in range(tl.program_id(0) * PIXELS, count, tl.num_programs(0) * PIXELS):
        p = start + tl.arange(0, PIXELS)
        x, y, _ = normalised(_rows(v, p, count, c, C), moments, weight, bias, c, C)
        z = _before(image, gradient, p, count, K)
        g = tl.dot(z, matrix, input_precision="ieee")
        g = tl.where(y > 0, g, g * slope)
        first += tl.sum(g, 0)
        second += tl.sum(g * x, 0)
        a = tl.where(y > 0, y, y * slope)
        along += tl.dot(tl.trans(z), a, input_precision="ieee")
        level += tl.sum(z, 0)
    row = partial + tl.program_id(0) * (2 * C + K * C + K)
    tl.store(row + c, first, mask=c < C)
    tl.store(row + C + c, second, mask=c < C)
    ok = (k < K)[:, None] & (c < C)[None, :]
    tl.store(row + 2 * C + k[:, None] * C + c[None, :], along, mask=ok)
    tl.store(row + 2 * C + K * C + k, level, mask=k < K)


@triton.jit(do_not_specialize=_SIZES)
def output_gradient(
    v, moments, weight, bias, last, image, gradient, sums, result, count, slope,
    C: tl.constexpr, K: tl.constexpr, PIXELS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Gradient of v."""
    p = tl.program_id(0) * PIXELS + tl.arange(0, PIXELS)
    c = tl.arange(0, BLOCK)
    x, y, factor = normalised(_rows(v, p, count, c, C), moments, weight, bias, c, C)
    z = _before(image, gradient, p, count, K)
    g = tl.dot(z, _weights(last, c, C, K), input_precision="ieee")
    g = tl.where(y > 0, g, g * slope)
    pixels = count.to(tl.float32)
    mean = tl.load(sums + c, mask=c < C, other=0.0) / pixels
    along = tl.load(sums + C + c, mask=c < C, other=0.0) / pixels
    g = factor * (g - mean[None, :] - x * along[None, :])
    ok = (p < count)[:, None] & (c < C)[None, :]
    tl.store(result + p[:, None] * C + c[None, :], g, mask=ok)
