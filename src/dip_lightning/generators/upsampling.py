"""Normalise, upsample by two and convolve, computed from the pixels before upsampling.

With U the upsampling, N nearest and B the blur [1 2 1]/4 along both axes:

    norm(U x) = U norm'(x)      U keeps constants, so only the variance must be that of U x
    k * N x                     each of the four phases of the result is a 2x2 convolution of x
    k * U x = B (k * N x)       for bilinear U = B N, as convolutions commute

The second line needs 4/9 of the multiplications, and nothing of U x's size is ever padded,
normalised or kept. All three are exact but for rounding; where the blur would meet the border,
the result's outermost pixels are computed as they are written, from two lines of U x.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

KERNEL = 3  # side of the kernels that this is written for; others are computed as written
LEAST_BLURRED = 32  # side of x from which the border costs less than the inside saves, pixels
# Outer and middle weight of three.
BLUR = (0.25, 0.5)
GRAM = (0.375, 1.25)  # U' U of bilinear upsampling along a line
SIDES = ("top", "bottom", "left", "right")


def upsampled(x: Tensor, mode: str) -> Tensor:
    """Double height and width of x, (B, C, H, W), by U, "nearest" or "bilinear"."""
    align = None if mode == "nearest" else False
    return F.interpolate(x, scale_factor=2, mode=mode, align_corners=align)


def same_conv(
    x: Tensor, weight: Tensor, bias: Tensor | None, padding: str, stride: int = 1
) -> Tensor:
    """Convolve with a border of half the kernel.

    Args:
        x: (B, C, H, W).
        weight: (O, C, k, k), k odd; rounded to the number format of x.
        bias: (O,), or None.
        padding: "reflect" or "zeros".
        stride: distance of the samples.

    Returns:
        (B, O, ceil(H / stride), ceil(W / stride)).
    """
    reach = weight.shape[-1] // 2
    if reach and padding == "reflect":
        x, reach = F.pad(x, (reach,) * 4, mode="reflect"), 0
    rounded = None if bias is None else bias.to(x.dtype)
    return F.conv2d(x, weight.to(x.dtype), rounded, stride, reach)


def upsampled_conv(
    x: Tensor, weight: Tensor, bias: Tensor | None, *, mode: str, padding: str
) -> Tensor:
    """Double height and width, then convolve: k * U x + b.

    Args:
        x: (B, C, H, W).
        weight: k, (O, C, k, k), k odd.
        bias: b, (O,), or None.
        mode: U, "nearest" or "bilinear" (pixel areas aligned).
        padding: of U x, "reflect" or "zeros".

    Returns:
        (B, O, 2 H, 2 W).
    """
    blurred = mode == "bilinear"
    if weight.shape[-1] != KERNEL or (blurred and min(x.shape[-2:]) < LEAST_BLURRED):
        return same_conv(upsampled(x, mode), weight, bias, padding)
    if not blurred:
        # Reflecting N x repeats its outermost pixel, as the blur expects it.
        wider = F.pad(x, (1, 1, 1, 1)) if padding == "zeros" else _continued(x)
        # Cropped by padding, whose gradient keeps the layout; that of a slice does not.
        return F.pad(_nearest_conv(wider, weight, bias), (-1, -1, -1, -1))
    wider, *strips = _Border.apply(x)  # type: ignore[no-untyped-call]
    lines = [
        _outermost(strip, weight, bias, padding, side)
        for strip, side in zip(strips, SIDES, strict=True)
    ]
    result: Tensor = _BlurInside.apply(_nearest_conv(wider, weight, bias), *lines)  # type: ignore[no-untyped-call]
    return result


def norm_upsampled(x: Tensor, norm: nn.BatchNorm2d, part: slice, mode: str) -> Tensor:
    """Normalise x by the statistics of its upsampled self: U of the result is norm(U x).

    Args:
        x: (B, C, H, W).
        norm: over more channels, without running statistics.
        part: which of them x is.
        mode: U, "nearest" or "bilinear".

    Returns:
        (B, C, H, W).
    """
    scale, shift = norm.weight[part], norm.bias[part]
    if mode == "nearest":
        return F.batch_norm(x, None, None, scale, shift, training=True, eps=norm.eps)
    result: Tensor = _NormUpsampled.apply(x, scale, shift, norm.eps)  # type: ignore[no-untyped-call]
    return result


def _nearest_conv(wider: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    # (B, C, H + 2, W + 2), the border continued, to (B, O, 2 H + 2, 2 W + 2).
    fold = _fold(weight)
    phases = torch.einsum("atr,bsq,ocrq->abocts", fold, fold, weight).flatten(0, 2)
    repeated = None if bias is None else bias.repeat(4).to(wider.dtype)
    return _interleaved(F.conv2d(wider, phases.to(wider.dtype), repeated))


def _interleaved(phases: Tensor) -> Tensor:
    # (B, 4 O, H, W), the four phases one after the other, to (B, O, 2 H, 2 W). One copy of long
    # runs, which pixel_shuffle, whose phases alternate, is not.
    batch, channels, height, width = phases.shape
    outputs = channels // 4
    shape = (batch, outputs, 2 * height, 2 * width)
    if phases.is_contiguous(memory_format=torch.channels_last):
        split = phases.permute(0, 2, 3, 1).reshape(batch, height, width, 2, 2, outputs)
        lines = split.permute(0, 1, 3, 2, 4, 5).reshape(batch, *shape[2:], outputs)
        return lines.permute(0, 3, 1, 2)
    split = phases.reshape(batch, 2, 2, outputs, height, width)
    return split.permute(0, 3, 4, 1, 5, 2).reshape(shape)


def _continued(x: Tensor) -> Tensor:
    if torch.compiler.is_compiling():
        # PyTorch's compiler expects the padding's gradient in another layout than it has.
        x = torch.cat([x[..., :1, :], x, x[..., -1:, :]], dim=-2)
        return torch.cat([x[..., :1], x, x[..., -1:]], dim=-1)
    return F.pad(x, (1, 1, 1, 1), mode="replicate")


def _fold(weight: Tensor) -> Tensor:
    # Row r of the kernel falls on tap t = (r + p) // 2 of phase p: 1 at [p, t, r], else 0. It is
    # computed where it is used: a CUDA graph holds no copies from the host.
    row, pair = (torch.arange(size, device=weight.device) for size in (KERNEL, 2))
    tap = (row + pair.view(2, 1, 1)) // 2
    return (tap == pair.view(1, 2, 1)).to(weight.dtype)


def _outermost(
    strip: Tensor, weight: Tensor, bias: Tensor | None, padding: str, side: str
) -> Tensor:
    # The outermost line of k * U x at one side, from the two outermost lines of x there.
    dim = -2 if side in {"top", "bottom"} else -1
    first = side in {"top", "left"}
    edge = upsampled(strip, "bilinear").narrow(dim, 0 if first else 2, 2)
    before, middle, after = weight.unbind(dim)
    # What lies beyond the border is the line next to it once more, or nothing.
    inner = before + after if padding == "reflect" else after if first else before
    kernel = torch.stack([middle, inner] if first else [inner, middle], dim)
    around = (1, 1, 0, 0) if dim == -2 else (0, 0, 1, 1)  # noqa: PLR2004 - the rows
    wider = F.pad(edge, around, mode="reflect" if padding == "reflect" else "constant")
    rounded = None if bias is None else bias.to(strip.dtype)
    return F.conv2d(wider, kernel.to(strip.dtype), rounded)


def _stencil(x: Tensor, line: tuple[float, float], padding: int = 0) -> Tensor:
    # Depthwise and separable; (B, C, H, W) to (B, C, H - 2, W - 2) without padding.
    outer, middle = line
    taps = x.new_full((3,), outer)
    taps[1:2].fill_(middle)
    kernel = torch.outer(taps, taps).expand(x.shape[1], 1, 3, 3)
    return F.conv2d(x, kernel, padding=padding, groups=x.shape[1])


def _lines(image: Tensor, count: int = 1) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    # The outermost ones, in the order of SIDES.
    return (
        image[..., :count, :],
        image[..., -count:, :],
        image[..., :count],
        image[..., -count:],
    )


class _Border(torch.autograd.Function):
    """x with its border repeated around it, and the two outermost lines of each side.

    One gradient for all five: five slices of x would each have one of x's size.
    """

    @staticmethod
    def forward(_ctx: Any, x: Tensor) -> tuple[Tensor, ...]:
        return F.pad(x, (1, 1, 1, 1), mode="replicate"), *(s.clone() for s in _lines(x, 2))

    @staticmethod
    def backward(_ctx: Any, *gradients: Tensor) -> Tensor:
        wider, *strips = gradients
        result = wider[..., 1:-1, 1:-1].clone()
        top, bottom, left, right = _lines(wider)
        rows = [_corners_folded(line) for line in (top, bottom)]
        columns = [line[..., 1:-1, :] for line in (left, right)]
        for line, value in zip(_lines(result), (*rows, *columns), strict=True):
            line.add_(value)
        for line, value in zip(_lines(result, 2), strips, strict=True):
            line.add_(value)
        return result


def _corners_folded(row: Tensor) -> Tensor:
    # A corner repeats the pixel of x that the row's next one does.
    folded = row[..., 1:-1].clone()
    folded[..., :1].add_(row[..., :1])
    folded[..., -1:].add_(row[..., -1:])
    return folded


class _BlurInside(torch.autograd.Function):
    """B x, (B, C, H - 2, W - 2), but for its outermost lines, which are given."""

    @staticmethod
    def forward(_ctx: Any, x: Tensor, *border: Tensor) -> Tensor:
        blurred = _stencil(x, BLUR)
        for line, value in zip(_lines(blurred), border, strict=True):
            line.copy_(value)
        return blurred

    @staticmethod
    def backward(_ctx: Any, *gradients: Tensor) -> tuple[Tensor, ...]:
        (gradient,) = gradients
        # B is symmetric, and a convolution is several times as fast as PyTorch's transposed one.
        inside = _stencil(gradient[..., 1:-1, 1:-1], BLUR, padding=3)
        # A corner belongs to the columns, which are pasted last.
        top, bottom, left, right = _lines(gradient)
        rows = [F.pad(row[..., 1:-1], (1, 1)) for row in (top, bottom)]
        return (inside, *rows, left, right)


class _NormUpsampled(torch.autograd.Function):
    """s (x - mean(x)) / sqrt(var(U x) + eps) + t, U bilinear; var(U x) = mean(c U'U c) / 4.

    c is x - mean(x). With N pixels, f = s / sqrt(var + eps) and h = d loss / d var,
    d loss / d x = f g + h U'U c / (2 N) - mean(f g), g being the gradient of the result.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, scale: Tensor, shift: Tensor, eps: float) -> Tensor:
        precise = x if x.dtype == torch.float64 else x.float()
        centred = precise - precise.mean((0, 2, 3), keepdim=True)
        product = _stencil(F.pad(centred, (1, 1, 1, 1), mode="replicate"), GRAM)
        inverse = torch.rsqrt((centred * product).mean((0, 2, 3)) / 4 + eps)
        ctx.save_for_backward(centred, product, inverse, scale)
        factor = _per_channel(scale * inverse)
        return torch.addcmul(_per_channel(shift), centred, factor).to(x.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        centred, product, inverse, scale = ctx.saved_tensors
        (gradient,) = gradients
        precise = gradient.to(centred.dtype)
        pixels = precise.numel() // precise.shape[1]
        total, along = precise.sum((0, 2, 3)), (precise * centred).sum((0, 2, 3))
        factor = scale * inverse
        curved = -along * factor * inverse.square() / (4 * pixels)
        mean = _per_channel(-factor * total / pixels)
        result = torch.addcmul(mean, product, _per_channel(curved))
        result = result.addcmul_(precise, _per_channel(factor)).to(gradient.dtype)
        return result, along * inverse, total, None


def _per_channel(values: Tensor) -> Tensor:
    return values.view(1, -1, 1, 1)
