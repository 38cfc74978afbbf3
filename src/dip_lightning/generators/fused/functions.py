"""The kernels as differentiable functions of PyTorch."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
import triton
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from dip_lightning.generators.fused import kernels, output_kernels

TILE = 4096  # values that a program holds at once
PROGRAMS = 4  # on each multiprocessor, that share a sum
ROWS, COLUMNS = 64, 32  # of a program that adds up what others have summed
UPSAMPLINGS = {None: 0, "nearest": 1, "bilinear": 2}
MULTIPLE = 8  # of channels that tensor cores take


@dataclass(frozen=True)
class Border:
    """What a convolution finds around an image.

    Attributes:
        pad: lines on each side.
        mirrored: whether they are a reflection; else zeros.
    """

    pad: int = 0
    mirrored: bool = True


@dataclass(frozen=True)
class _Map:
    """How pixels are read from a tensor, (1, `size`, H, W), channels last."""

    channels: int
    size: int
    height: int
    width: int
    frame: int = 0
    up: int = 0

    @property
    def pixels(self) -> int:
        return self.height * self.width

    @property
    def place(self) -> tuple[int, int, int]:
        return self.height, self.width, self.frame

    def tile(self, written: int = 0) -> dict[str, int]:
        block = max(16, triton.next_power_of_2(max(self.channels, written)))
        return {"PIXELS": max(16, TILE // block), "BLOCK": block}

    @property
    def reads(self) -> dict[str, int]:
        return {"C": self.channels, "SIZE": self.size, "UP": self.up}


@cache
def _most_programs(device: torch.device) -> int:
    if device.type != "cuda":
        return PROGRAMS
    return PROGRAMS * torch.cuda.get_device_properties(device).multi_processor_count


def _sharing(shape: _Map, device: torch.device) -> int:
    return min(triton.cdiv(shape.pixels, shape.tile()["PIXELS"]), _most_programs(device))


def _last(x: Tensor) -> Tensor:
    return x.contiguous(memory_format=torch.channels_last)


def _empty(like: Tensor, channels: int, height: int, width: int) -> Tensor:
    shape = (1, channels, height, width)
    return torch.empty(
        shape, dtype=like.dtype, device=like.device, memory_format=torch.channels_last
    )


def _floats(like: Tensor, *shape: int) -> Tensor:
    return torch.empty(shape, dtype=torch.float32, device=like.device)


def _moments(v: Tensor, shape: _Map, epsilon: float) -> Tensor:
    programs, c = _sharing(shape, v.device), shape.channels
    partial, moments = _floats(v, programs, 2 * c), _floats(v, 2 * c)
    kernels.sum_squares[(programs,)](v, partial, *shape.place, **shape.reads, **shape.tile())
    kernels.moments_of[(triton.cdiv(c, COLUMNS),)](
        v, partial, moments, programs, *shape.place, epsilon, **shape.reads, ROWS=ROWS, BLOCK=COLUMNS
    )
    return moments


def _total(partial: Tensor) -> Tensor:
    programs, columns = partial.shape
    result = _floats(partial, columns)
    kernels.total[(triton.cdiv(columns, COLUMNS),)](
        partial, result, programs, COLUMNS=columns, ROWS=ROWS, BLOCK=COLUMNS
    )
    return result


def _normalise(
    v: Tensor, into: Tensor, shape: _Map, moments: Tensor, affine: tuple[Tensor, Tensor],
    border: Border, slope: float, size: int, written: int,
) -> None:  # fmt: skip
    tile, around = shape.tile(written), 2 * border.pad
    pixels = (shape.height + around) * (shape.width + around)
    kernels.normalise[(triton.cdiv(pixels, tile["PIXELS"]),)](
        v, into, moments, *affine, *shape.place, border.pad, slope,
        **shape.reads, MIRRORED=border.mirrored, OUT=size, WRITTEN=written, **tile,
    )  # fmt: skip


def _gradient_sums(
    v: Tensor, gradient: Tensor, shape: _Map, moments: Tensor, affine: tuple[Tensor, Tensor],
    pad: int, slope: float, size: int,
) -> Tensor:  # fmt: skip
    programs = _sharing(shape, v.device)
    partial = _floats(v, programs, 2 * shape.channels)
    kernels.sum_gradients[(programs,)](
        v, gradient, moments, *affine, partial, *shape.place, pad, slope,
        **shape.reads, OUT=size, **shape.tile(),
    )  # fmt: skip
    return _total(partial)


def _gradient_of(
    v: Tensor, gradient: Tensor, shape: _Map, moments: Tensor, affine: tuple[Tensor, Tensor],
    sums: Tensor, pad: int, slope: float, size: int,
) -> Tensor:  # fmt: skip
    result, tile = torch.empty_like(v), shape.tile(shape.size)
    kernels.gradient_of[(triton.cdiv(v.shape[2] * v.shape[3], tile["PIXELS"]),)](
        v, gradient, moments, *affine, sums, result, *shape.place, pad, slope,
        C=shape.channels, SIZE=shape.size, OUT=size, **tile,
    )  # fmt: skip
    return result


def _fold(gradient: Tensor, shape: _Map, border: Border, channels: int) -> None:
    """Bring a gradient's border home, in place: nobody else reads it."""
    pad = border.pad
    if not pad or not border.mirrored:
        return
    top, bottom = _mirrored_lines(shape.height, pad)
    left, right = _mirrored_lines(shape.width, pad)
    rows = top + bottom
    count = rows * shape.width + (shape.height - rows) * (left + right)
    block = max(16, triton.next_power_of_2(channels))
    tile = {"PIXELS": max(16, TILE // 4 // block), "BLOCK": block}
    kernels.fold[(triton.cdiv(count, tile["PIXELS"]),)](
        gradient, shape.height, shape.width, pad, top, bottom, left, right,
        C=channels, OUT=gradient.shape[1], **tile,
    )  # fmt: skip


def _mirrored_lines(size: int, pad: int) -> tuple[int, int]:
    return (size, 0) if size <= 2 * pad + 2 else (pad, pad)


def padded(z: Tensor, border: Border) -> Tensor:
    """Pad z, (1, C, H, W), which takes no gradient: (1, C, H + 2 pad, W + 2 pad)."""
    z = _last(z)
    _, c, height, width = z.shape
    around = 2 * border.pad
    result = _empty(z, c, height + around, width + around)
    zeros, ones = torch.zeros(c, device=z.device), torch.ones(c, device=z.device)
    shape, moments = _Map(c, c, height, width), torch.cat([zeros, ones])
    _normalise(z, result, shape, moments, (ones, zeros), border, 1.0, c, c)
    return result


class Normalised(Function):
    """bend(norm(v)), padded for the convolution that follows.

    v, (1, S, H + 2 frame, W + 2 frame), of which the first channels, as many as weight has, and
    what is inside the frame count; the result is (1, C, H + 2 pad, W + 2 pad).
    """

    @staticmethod
    def forward(
        ctx: Any, v: Tensor, weight: Tensor, bias: Tensor, epsilon: float, slope: float,
        frame: int, border: Border,
    ) -> Tensor:  # fmt: skip
        v = _last(v)
        height, width = (side - 2 * frame for side in v.shape[2:])
        shape = _Map(len(weight), v.shape[1], height, width, frame)
        moments = _moments(v, shape, epsilon)
        around = 2 * border.pad
        result = _empty(v, shape.channels, height + around, width + around)
        affine = weight.detach(), bias.detach()
        c = shape.channels
        _normalise(v, result, shape, moments, affine, border, slope, c, c)
        ctx.save_for_backward(v, moments, weight, bias)
        ctx.of = shape, slope, border
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        v, moments, *affine = ctx.saved_tensors
        shape, slope, border = ctx.of
        gradient, c = _last(gradients[0]), shape.channels
        _fold(gradient, shape, border, c)
        sums = _gradient_sums(v, gradient, shape, moments, affine, border.pad, slope, c)
        below = _gradient_of(v, gradient, shape, moments, affine, sums, border.pad, slope, c)
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
        a, s = _last(a), None if s is None else _last(s)
        own, deep = 0 if s is None else s.shape[1], a.shape[1]
        height, width = 2 * a.shape[2], 2 * a.shape[3]
        shape = _Map(deep, deep, height, width, 0, UPSAMPLINGS[mode])
        size = channels_joined(own, deep)
        result = _empty(a, size, height + 2 * border.pad, width + 2 * border.pad)
        affine = weight.detach()[own:], bias.detach()[own:]
        moments = _moments(a, shape, epsilon)
        written = deep if own else size
        _normalise(a, result, shape, moments, affine, border, 1.0, size, written)
        others, moments_s = None, None
        if s is not None:
            others = _Map(own, own, height, width)
            moments_s = _moments(s, others, epsilon)
            affine = weight.detach()[:own], bias.detach()[:own]
            into, rest = result[:, deep:], size - deep
            _normalise(s, into, others, moments_s, affine, border, 1.0, size, rest)
        ctx.save_for_backward(a, s, moments, moments_s, weight, bias)
        ctx.of = shape, others, border, size
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        a, s, moments, moments_s, weight, bias = ctx.saved_tensors
        shape, others, border, size = ctx.of
        gradient, deep, pad = _last(gradients[0]), shape.channels, border.pad
        own = len(weight) - deep
        _fold(gradient, shape, border, deep + own)
        affine = weight[own:], bias[own:]
        sums = _gradient_sums(a, gradient, shape, moments, affine, pad, 1.0, size)
        below, tile = torch.empty_like(a), shape.tile()
        pixels = max(16, tile["PIXELS"] // 2)
        kernels.gradient_below[(triton.cdiv(a.shape[2] * a.shape[3], pixels),)](
            a, gradient, moments, affine[0], sums, below, shape.height, shape.width, pad,
            C=deep, UP=shape.up, OUT=size, PIXELS=pixels, BLOCK=tile["BLOCK"],
        )  # fmt: skip
        if s is None:
            return None, below, sums[deep:], sums[:deep], None, None, None
        beside = gradient[:, deep:]
        affine = weight[:own], bias[:own]
        own_sums = _gradient_sums(s, beside, others, moments_s, affine, pad, 1.0, size)
        aside = _gradient_of(s, beside, others, moments_s, affine, own_sums, pad, 1.0, size)
        scales = torch.cat([own_sums[own:], sums[deep:]])
        shifts = torch.cat([own_sums[:own], sums[:deep]])
        return aside, below, scales, shifts, None, None, None


class Output(Function):
    """sigmoid(W bend(norm(v)) + b), float32: (1, K, H, W), K up to 16; W, (K, C, 1, 1)."""

    @staticmethod
    def forward(
        ctx: Any, v: Tensor, weight: Tensor, bias: Tensor, epsilon: float, slope: float,
        last: Tensor, last_bias: Tensor,
    ) -> Tensor:  # fmt: skip
        v = _last(v)
        _, c, height, width = v.shape
        shape = _Map(c, c, height, width)
        moments, tile = _moments(v, shape, epsilon), shape.tile()
        image = _empty(last, len(last), height, width)
        output_kernels.output[(triton.cdiv(shape.pixels, tile["PIXELS"]),)](
            v, moments, weight, bias, last, last_bias, image, shape.pixels, slope,
            C=c, K=len(last), **tile,
        )  # fmt: skip
        ctx.save_for_backward(v, moments, weight, bias, last, image)
        ctx.of = shape, slope
        return image

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        v, moments, weight, bias, last, image = ctx.saved_tensors
        shape, slope = ctx.of
        gradient, result, tile = _last(gradients[0]), torch.empty_like(v), shape.tile()
        c, k, programs = shape.channels, len(last), _sharing(shape, v.device)
        partial = _floats(v, programs, 2 * c + k * c + k)
        given = v, moments, weight, bias, last, image, gradient
        sizes = {"C": c, "K": k, **tile}
        output_kernels.sum_output_gradients[(programs,)](*given, partial, shape.pixels, slope, **sizes)
        sums = _total(partial)
        output_kernels.output_gradient[(triton.cdiv(shape.pixels, tile["PIXELS"]),)](
            *given, sums, result, shape.pixels, slope, **sizes
        )
        shift, scale, matrix, level = sums.split([c, c, k * c, k])
        return result, scale, shift, None, None, matrix.view(last.shape), level


def channels_joined(own: int, deep: int) -> int:
    """How many channels `Joined` returns."""
    return triton.cdiv(own + deep, MULTIPLE) * MULTIPLE
