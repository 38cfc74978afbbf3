"""The kernels as differentiable functions of PyTorch; all tensors are of one image."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
import triton
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from dip_lightning.generators.fused.kernels import last_layer
from dip_lightning.generators.fused.launching import (
    TILE,
    UPSAMPLINGS,
    Border,
    Map,
    Normalisation,
    channels_last,
    empty,
    floats,
    fold,
    total,
)

MULTIPLE = 8  # of channels that tensor cores take
ASIDE = 256 * 256  # pixels up to which gradients of weights are computed beside all else
MANY = 128  # channels, from which up convolutions want more even numbers of them, see below


class Padded:
    """Pad z, (1, C, H, W), which takes no gradient: (1, C, H + 2 pad, W + 2 pad).

    Args:
        channels: C.
        device: of z.
        border: what is padded.
    """

    def __init__(self, channels: int, device: torch.device, border: Border) -> None:
        self.zeros, self.ones = (f(channels, device=device) for f in (torch.zeros, torch.ones))
        self.moments, self.border = torch.cat([self.zeros, self.ones]), border

    def __call__(self, z: Tensor) -> Tensor:
        """Pad z."""
        z = channels_last(z)
        _, c, height, width = z.shape
        result = empty(z, c, *self.border.around(height, width))
        shape = Map(c, c, height, width)
        unchanged = Normalisation(z, shape, self.ones, self.zeros, 1.0, self.moments)
        unchanged.write(result, self.border, c, c)
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
        v, c = channels_last(v), len(weight)
        height, width = (side - 2 * frame for side in v.shape[2:])
        shape, moments = Map(c, v.shape[1], height, width, frame), floats(v, 2 * c)
        result = empty(v, c, *border.around(height, width))
        norm = Normalisation(v, shape, weight.detach(), bias.detach(), slope, moments)
        norm.apply(result, border, c, c, epsilon)
        ctx.save_for_backward(v, weight, bias, moments)
        ctx.of = shape, slope, border
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        v, weight, bias, moments = ctx.saved_tensors
        shape, slope, border = ctx.of
        gradient, c = channels_last(gradients[0]), shape.channels
        fold(gradient, shape, border, c)
        norm = Normalisation(v, shape, weight, bias, slope, moments)
        below, sums = norm.gradient(gradient, border.pad, c)
        return below, sums[c:], sums[:c], None, None, None, None


class Joined(Function):
    """norm of s and of a upsampled, padded: (1, A + S, H + 2 pad, W + 2 pad), a's channels first.

    s, (1, S, H, W), or None; a, (1, A, H / 2, W / 2); weight and bias are s's first, then a's. Of
    zeros are as many more channels as `channels_joined` says.
    """

    @staticmethod
    def forward(
        ctx: Any, s: Tensor | None, a: Tensor, weight: Tensor, bias: Tensor, epsilon: float,
        mode: str, border: Border,
    ) -> Tensor:  # fmt: skip
        a, s = channels_last(a), None if s is None else channels_last(s)
        own, deep = 0 if s is None else s.shape[1], a.shape[1]
        height, width = 2 * a.shape[2], 2 * a.shape[3]
        size = channels_joined(own, deep)
        result = empty(a, size, *border.around(height, width))
        parts = _parts(weight.detach(), bias.detach(), own)
        shape, moments = Map(deep, deep, height, width, 0, UPSAMPLINGS[mode]), floats(a, 2 * deep)
        upsampled = Normalisation(a, shape, *parts[1], 1.0, moments)
        upsampled.apply(result, border, size, deep if own else size, epsilon)
        beside, moments_s = Map(own, own, height, width), floats(a, 2 * own)
        if s is not None:
            norm = Normalisation(s, beside, *parts[0], 1.0, moments_s)
            norm.apply(result[:, deep:], border, size, size - deep, epsilon)
        ctx.save_for_backward(a, s, weight, bias, moments, moments_s)
        ctx.of = shape, beside, border, size
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        a, s, weight, bias, moments, moments_s = ctx.saved_tensors
        shape, beside, border, size = ctx.of
        gradient, deep, own = channels_last(gradients[0]), shape.channels, beside.channels
        fold(gradient, shape, border, deep + own)
        parts = _parts(weight, bias, own)
        upsampled = Normalisation(a, shape, *parts[1], 1.0, moments)
        below, sums = upsampled.gradient_below(gradient, border.pad, size)
        if s is None:
            return None, below, sums[deep:], sums[:deep], None, None, None
        norm = Normalisation(s, beside, *parts[0], 1.0, moments_s)
        aside, own_sums = norm.gradient(gradient[:, deep:], border.pad, size)
        scales = torch.cat([own_sums[own:], sums[deep:]])
        shifts = torch.cat([own_sums[:own], sums[:deep]])
        return aside, below, scales, shifts, None, None, None


def _parts(weight: Tensor, bias: Tensor, own: int) -> tuple[tuple[Tensor, Tensor], ...]:
    return (weight[:own], bias[:own]), (weight[own:], bias[own:])


class Output(Function):
    """sigmoid(W bend(norm(v)) + b), float32: (1, K, H, W), K up to 4; W, (K, C, 1, 1)."""

    @staticmethod
    def forward(
        ctx: Any, v: Tensor, weight: Tensor, bias: Tensor, epsilon: float, slope: float,
        matrix: Tensor, level: Tensor,
    ) -> Tensor:  # fmt: skip
        v = channels_last(v)
        _, c, height, width = v.shape
        shape, moments = Map(c, c, height, width), floats(v, 2 * c)
        norm = Normalisation(v, shape, weight.detach(), bias.detach(), slope, moments)
        norm.measure(epsilon)
        image, tile = empty(matrix, len(matrix), height, width), shape.tile(TILE)
        last_layer.output[(triton.cdiv(shape.pixels, tile["PIXELS"]),)](
            v, *norm.tensors, matrix, level, image, shape.pixels, slope,
            C=c, K=len(matrix), **tile,
        )  # fmt: skip
        ctx.save_for_backward(v, weight, bias, moments, matrix, image)
        ctx.of = shape, slope
        return image

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        v, weight, bias, moments, matrix, image = ctx.saved_tensors
        (shape, slope), gradient, k = ctx.of, channels_last(gradients[0]), len(matrix)
        result, tile, c = torch.empty_like(v), shape.tile(TILE), shape.channels
        programs = 2 * shape.programs(v.device)  # of half the pixels, as they sum more
        partial = floats(v, programs, 2 * c + k * c + k)
        given = v, moments, weight, bias, matrix, image, gradient
        sizes = {"C": c, "K": k, **tile}
        last_layer.sum_output_gradients[(programs,)](*given, partial, shape.pixels, slope, **sizes)
        sums = total(partial)
        last_layer.output_gradient[(triton.cdiv(shape.pixels, tile["PIXELS"]),)](
            *given, sums, result, shape.pixels, slope, **sizes
        )
        shift, scale, weights, levels = torch.split(sums, [c, c, k * c, k])
        return result, scale, shift, None, None, weights.view(matrix.shape), levels


class Aside:
    """A stream beside the one of the fit, from an iteration's `fork` to its `join`.

    Args:
        device: on which both are.
    """

    def __init__(self, device: torch.device) -> None:
        self.stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._used: list[Tensor] = []

    def fork(self) -> None:
        """Lead it off the current stream: a graph holds no stream that nothing leads to."""
        self._used.clear()
        self.stream.wait_stream(torch.cuda.current_stream())

    @contextmanager
    def beside(self, *used: Tensor) -> Iterator[None]:
        """Compute on it, from what the current stream has computed so far.

        Args:
            used: what is read, whose memory is not to be another's before the join.
        """
        self._used.extend(used)
        self.stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self.stream):
            yield

    def join(self) -> None:
        """Have the current stream wait for it."""
        torch.cuda.current_stream().wait_stream(self.stream)
        self._used.clear()


class Convolved(Function):
    """w * x, (1, O, h, w), for w, (O, C, k, k); x is padded.

    The gradient of w, which nothing waits for until `aside` is joined, is computed beside all
    else where the image is too small to keep the device busy.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, w: Tensor, stride: int, aside: Aside | None) -> Tensor:
        y = F.conv2d(x, w, stride=stride)
        ctx.save_for_backward(x, w)
        small = y.shape[2] * y.shape[3] <= ASIDE
        ctx.of = stride, aside if small and ctx.needs_input_grad[0] else None
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (stride, aside), (x, w), gradient = ctx.of, ctx.saved_tensors, channels_last(gradients[0])
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
        with aside.beside(gradient, x):
            of_w = computed(of_x=False, of_w=True)[1]
        return computed(of_x=True, of_w=False)[0], of_w, None, None


def _of_weight(gradient: Tensor, x: Tensor, w: Tensor, stride: int) -> Tensor:
    # A product of matrices: cuDNN's own takes half as long again for z's few channels (H100: 119
    # against 78 us at 512 x 512).
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
