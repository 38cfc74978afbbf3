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

KERNEL = 3  # side of the kernels that this is written for; others are computed as written
LEAST_BLURRED = 32  # side of x from which the border costs less than the inside saves, pixels
# Outer and middle weight of three.
BLUR = (0.25, 0.5)
GRAM = (0.375, 1.25)  # U' U of bilinear upsampling along a line


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
    # Reflecting N x repeats its outermost pixel, as the blur expects it.
    zeros = padding == "zeros" and not blurred
    wider = F.pad(x, (1, 1, 1, 1)) if zeros else _continued(x)
    nearest = _nearest_conv(wider, weight, bias)
    if not blurred:
        return nearest[..., 1:-1, 1:-1]
    lines = (_border(x, weight, bias, padding, side) for side in ("top", "bottom", "left", "right"))
    pasted: Tensor = _Paste.apply(_stencil(nearest, BLUR), *lines)  # type: ignore[no-untyped-call]
    return pasted


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
    precise = x if x.dtype == torch.float64 else x.float()
    centred = precise - precise.mean((0, 2, 3), keepdim=True)
    variance: Tensor = _UpsampledVariance.apply(centred)  # type: ignore[no-untyped-call]
    factor = scale * torch.rsqrt(variance + norm.eps)
    return torch.addcmul(shift.view(1, -1, 1, 1), centred, factor.view(1, -1, 1, 1)).to(x.dtype)


def _nearest_conv(wider: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    # (B, C, H + 2, W + 2), the border continued, to (B, O, 2 H + 2, 2 W + 2).
    fold = _fold(weight)
    phases = torch.einsum("atr,bsq,ocrq->oabcts", fold, fold, weight).flatten(0, 2)
    repeated = None if bias is None else bias.repeat_interleave(4).to(wider.dtype)
    return F.pixel_shuffle(F.conv2d(wider, phases.to(wider.dtype), repeated), 2)


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


def _border(x: Tensor, weight: Tensor, bias: Tensor | None, padding: str, side: str) -> Tensor:
    # Two lines of U x at one side of the image, and the outermost line of their convolution.
    dim = -2 if side in {"top", "bottom"} else -1
    first = side in {"top", "left"}
    lines = upsampled(x.narrow(dim, 0 if first else x.shape[dim] - 2, 2), "bilinear")
    edge = lines.narrow(dim, 0 if first else 2, 2)
    return same_conv(edge, weight, bias, padding).narrow(dim, 0 if first else 1, 1)


def _stencil(x: Tensor, line: tuple[float, float]) -> Tensor:
    # Depthwise and separable; (B, C, H, W) to (B, C, H - 2, W - 2).
    outer, middle = line
    taps = x.new_full((3,), outer)
    taps[1:2].fill_(middle)
    kernel = torch.outer(taps, taps).expand(x.shape[1], 1, 3, 3)
    return F.conv2d(x, kernel, groups=x.shape[1])


class _Paste(torch.autograd.Function):
    """Replace the outermost rows and columns of an image, in place."""

    @staticmethod
    def forward(ctx: Any, inside: Tensor, *border: Tensor) -> Tensor:
        for line, value in zip(_lines(inside), border, strict=True):
            line.copy_(value)
        ctx.mark_dirty(inside)
        return inside

    @staticmethod
    def backward(_ctx: Any, *gradients: Tensor) -> tuple[Tensor, ...]:
        (gradient,) = gradients
        inside = gradient.clone()
        for line in _lines(inside):
            line.zero_()
        # A corner belongs to the columns, which are pasted last.
        top, bottom, left, right = _lines(gradient)
        rows = [F.pad(row[..., 1:-1], (1, 1)) for row in (top, bottom)]
        return (inside, *rows, left, right)


def _lines(image: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    return image[..., :1, :], image[..., -1:, :], image[..., :1], image[..., -1:]


class _UpsampledVariance(torch.autograd.Function):
    """Variance of U x, (C,), of x with mean 0, (B, C, H, W), U bilinear: mean(x U'U x) / 4."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        product = _stencil(_continued(x), GRAM)
        ctx.save_for_backward(product)
        return (x * product).mean((0, 2, 3)) / 4

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (product,) = ctx.saved_tensors
        pixels = product.numel() // product.shape[1]
        share = gradients[0] / (2 * pixels)
        result: Tensor = product * share.view(1, -1, 1, 1)
        return result
