"""The kernels as differentiable functions of PyTorch; all tensors are of one image."""

from typing import Any

import torch
import torch.nn.functional as F
import triton
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from dip_lightning.generators.fused import last_layer
from dip_lightning.generators.fused.launching import (
    SUM_TILE,
    TILE,
    UPSAMPLINGS,
    Border,
    Map,
    empty,
    floats,
    fold,
    gradient_below,
    gradient_of,
    last,
    moments_of,
    normalise,
    total,
    write_normalised,
)

MULTIPLE = 8  # of channels that tensor cores take
ASIDE = 128 * 128  # pixels up to which gradients of weights are computed beside all else
MANY = 128  # channels, from which up convolutions want more even numbers of them, see below


def padded(z: Tensor, border: Border) -> Tensor:
    """Pad z, (1, C, H, W), which takes no gradient: (1, C, H + 2 pad, W + 2 pad)."""
    z = last(z)
    _, c, height, width = z.shape
    result = empty(z, c, *border.around(height, width))
    zeros, ones = torch.zeros(c, device=z.device), torch.ones(c, device=z.device)
    shape, moments = Map(c, c, height, width), torch.cat([zeros, ones])
    write_normalised(
        z, result, shape, moments, (ones, zeros), border=border, slope=1.0, size=c, written=c
    )
    return result


class Normalised(Function):
    """bend(norm(v)), padded for the convolution that follows: (1, C, H + 2 pad, W + 2 pad).

    v, (1, S, H + 2 frame, W + 2 frame), of which the first channels, as many as weight has, and
    what is inside the frame count.
    """

    @staticmethod
    def forward(
        ctx: Any, v: Tensor, weight: Tensor, bias: Tensor, epsilon: float, slope: float,
        frame: int, border: Border,
    ) -> Tensor:  # fmt: skip
        v, c = last(v), len(weight)
        height, width = (side - 2 * frame for side in v.shape[2:])
        shape = Map(c, v.shape[1], height, width, frame)
        result = empty(v, c, *border.around(height, width))
        affine = weight.detach(), bias.detach()
        moments = normalise(
            v, result, shape, affine, epsilon, border=border, slope=slope, size=c, written=c
        )
        ctx.save_for_backward(v, moments, weight, bias)
        ctx.of = shape, slope, border
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        v, moments, weight, bias = ctx.saved_tensors
        shape, slope, border = ctx.of
        gradient, c = last(gradients[0]), shape.channels
        fold(gradient, shape, border, c)
        below, sums = gradient_of(
            v, gradient, shape, moments, (weight, bias), pad=border.pad, slope=slope, size=c
        )
        return below, sums[c:], sums[:c], None, None, None, None


class Joined(Function):
    """norm of s and of a upsampled, padded: (1, A + S, H + 2 pad, W + 2 pad), a's channels first.

    s, (1, S, H, W), or None; a, (1, A, H / 2, W / 2); weight and bias are s's first, then a's. Of
    zeros are as many more channels as make a multiple of 8.
    """

    @staticmethod
    def forward(
        ctx: Any, s: Tensor | None, a: Tensor, weight: Tensor, bias: Tensor, epsilon: float,
        mode: str, border: Border,
    ) -> Tensor:  # fmt: skip
        a, s = last(a), None if s is None else last(s)
        own, deep = 0 if s is None else s.shape[1], a.shape[1]
        height, width = 2 * a.shape[2], 2 * a.shape[3]
        shape = Map(deep, deep, height, width, 0, UPSAMPLINGS[mode])
        size = channels_joined(own, deep)
        result = empty(a, size, *border.around(height, width))
        how: dict[str, Any] = {"border": border, "slope": 1.0, "size": size}
        affine = weight.detach()[own:], bias.detach()[own:]
        written = deep if own else size
        moments = normalise(a, result, shape, affine, epsilon, written=written, **how)
        beside, moments_s = Map(own, own, height, width), None
        if s is not None:
            affine, into = (weight.detach()[:own], bias.detach()[:own]), result[:, deep:]
            moments_s = normalise(s, into, beside, affine, epsilon, written=size - deep, **how)
        ctx.save_for_backward(a, s, moments, moments_s, weight, bias)
        ctx.of = shape, beside, border, size
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        a, s, moments, moments_s, weight, bias = ctx.saved_tensors
        shape, beside, border, size = ctx.of
        gradient, deep, own = last(gradients[0]), shape.channels, beside.channels
        fold(gradient, shape, border, deep + own)
        how = {"pad": border.pad, "size": size}
        affine = weight[own:], bias[own:]
        below, sums = gradient_below(a, gradient, shape, moments, affine, **how)
        if s is None:
            return None, below, sums[deep:], sums[:deep], None, None, None
        affine = weight[:own], bias[:own]
        aside, own_sums = gradient_of(
            s, gradient[:, deep:], beside, moments_s, affine, slope=1.0, **how
        )
        scales = torch.cat([own_sums[own:], sums[deep:]])
        shifts = torch.cat([own_sums[:own], sums[:deep]])
        return aside, below, scales, shifts, None, None, None


class Output(Function):
    """sigmoid(W bend(norm(v)) + b), float32: (1, K, H, W), K up to 4; W, (K, C, 1, 1)."""

    @staticmethod
    def forward(
        ctx: Any, v: Tensor, weight: Tensor, bias: Tensor, epsilon: float, slope: float,
        matrix: Tensor, level: Tensor,
    ) -> Tensor:  # fmt: skip
        v = last(v)
        _, c, height, width = v.shape
        shape = Map(c, c, height, width)
        moments, tile = moments_of(v, shape, epsilon), shape.tile(TILE)
        image = empty(matrix, len(matrix), height, width)
        last_layer.output[(triton.cdiv(shape.pixels, tile["PIXELS"]),)](
            v, moments, weight, bias, matrix, level, image, shape.pixels, slope,
            C=c, K=len(matrix), **tile,
        )  # fmt: skip
        ctx.save_for_backward(v, moments, weight, bias, matrix, image)
        ctx.of = shape, slope
        return image

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        v, moments, weight, bias, matrix, image = ctx.saved_tensors
        shape, slope = ctx.of
        gradient, result, tile = last(gradients[0]), torch.empty_like(v), shape.tile(TILE)
        c, k, programs = shape.channels, len(matrix), 2 * shape.programs(v.device)
        partial = floats(v, programs, 2 * c + k * c + k)
        given = v, moments, weight, bias, matrix, image, gradient
        sizes = {"C": c, "K": k, **tile}
        last_layer.sum_output_gradients[(programs,)](
            *given, partial, shape.pixels, slope, **sizes
        )
        sums = total(partial)
        last_layer.output_gradient[(triton.cdiv(shape.pixels, tile["PIXELS"]),)](
            *given, sums, result, shape.pixels, slope, **sizes
        )
        shift, scale, weights, levels = torch.split(sums, [c, c, k * c, k])
        return result, scale, shift, None, None, weights.view(matrix.shape), levels


class Convolved(Function):
    """w * x, (1, O, h, w), for w, (O, C, k, k); x is padded.

    The gradient of w, which nothing waits for until `aside` is joined, is computed beside all
    else where the image is too small to keep the device busy.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, w: Tensor, stride: int, aside: torch.cuda.Stream | None
    ) -> Tensor:
        y = F.conv2d(x, w, stride=stride)
        ctx.save_for_backward(x, w)
        small = y.shape[2] * y.shape[3] <= ASIDE
        ctx.of = stride, aside if small and ctx.needs_input_grad[0] else None
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (stride, aside), (x, w), gradient = ctx.of, ctx.saved_tensors, last(gradients[0])
        if not ctx.needs_input_grad[0]:
            return None, _of_weight(gradient, x, w, stride), None, None

        def computed(*, of_x: bool, of_w: bool) -> tuple[Tensor, ...]:
            sides = [stride, stride], [0, 0], [1, 1], False, [0, 0], 1
            found: tuple[Tensor, ...] = torch.ops.aten.convolution_backward(
                gradient, x, w, None, *sides, [of_x, of_w, False]
            )
            return found

        if aside is None:
            below, of_w, _ = computed(of_x=True, of_w=True)
            return below, of_w, None, None
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            of_w = computed(of_x=False, of_w=True)[1]
        for used in (gradient, x):  # their memory is not to be another's before that
            used.record_stream(aside)
        return computed(of_x=True, of_w=False)[0], of_w, None, None


def _of_weight(gradient: Tensor, x: Tensor, w: Tensor, stride: int) -> Tensor:
    # A product of matrices: cuDNN's own takes three times as long for z's few channels.
    outputs, channels, kernel, _ = w.shape
    patches = x[0].unfold(1, kernel, stride).unfold(2, kernel, stride).permute(1, 2, 3, 4, 0)
    columns = patches.reshape(-1, kernel * kernel * channels)
    of_w = gradient[0].permute(1, 2, 0).reshape(-1, outputs).t() @ columns
    return of_w.view(outputs, kernel, kernel, channels).permute(0, 3, 1, 2)


def channels_joined(own: int, deep: int) -> int:
    """Return how many channels `Joined` has: those that cuDNN convolves fastest.

    A convolution to 128 channels at 512 x 512 takes, forward and back, 742 us from 136, 595 from
    144, 561 from 160 and 569 from 192 channels; one to 64 takes 353 us from 72, 463 from 96 and
    232 from 128 (H100).
    """
    needed = own + deep
    if needed > MANY:
        return multiple(needed, 32)
    return MANY if needed > MANY // 2 else multiple(needed, MULTIPLE)


def multiple(count: int, of: int) -> int:
    """Return the next multiple."""
    return -(-count // of) * of
