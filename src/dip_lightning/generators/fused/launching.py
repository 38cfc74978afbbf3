"""Which kernels compute what, on how many programs."""

from dataclasses import dataclass
from functools import cache

import torch
import triton
from torch import Tensor

from dip_lightning.generators.fused.kernels import arranging, folding, gradients, normalising

# As measured on an H100, see docs/benchmarks.md.
TILE, SUM_TILE = 2048, 4096  # values that a program holds at once
PROGRAMS = 2  # on each multiprocessor, that share a sum
ROWS, COLUMNS = 256, 8  # of a program that adds up what others have summed
SMALL = 32 * 32  # pixels up to which a program sees all of them, of a few channels
SMALL_TILE = {"PIXELS": 1024, "BLOCK": 8, "num_warps": 8}
UPSAMPLINGS = {"nearest": 1, "bilinear": 2}


@dataclass(frozen=True)
class Border:
    """What a convolution finds around an image.

    Attributes:
        pad: lines on each side.
        mirrored: whether they are a reflection; else zeros.
    """

    pad: int = 0
    mirrored: bool = True

    def around(self, height: int, width: int) -> tuple[int, int]:
        """Return height and width with the border."""
        return height + 2 * self.pad, width + 2 * self.pad


@dataclass(frozen=True)
class Map:
    """How an image's activations are read from a tensor, (1, `size`, ., .), channels last.

    Attributes:
        channels: that count; the first ones.
        size: all of them.
        height: of the image, upsampled, pixels.
        width: likewise.
        frame: lines around it, that do not count.
        up: 0: as it is; 1: by nearest, 2: by bilinear upsampling.
    """

    channels: int
    size: int
    height: int
    width: int
    frame: int = 0
    up: int = 0

    @property
    def pixels(self) -> int:
        """Return how many pixels count."""
        return self.height * self.width

    @property
    def is_small(self) -> bool:
        """Whether one program sees all pixels."""
        return self.pixels <= SMALL

    @property
    def place(self) -> tuple[int, int, int]:
        """Return the kernels' arguments of these names."""
        return self.height, self.width, self.frame

    @property
    def reads(self) -> dict[str, int]:
        """Return the kernels' arguments of these names."""
        return {"C": self.channels, "SIZE": self.size, "UP": self.up}

    def tile(self, values: int, written: int = 0) -> dict[str, int]:
        """Return pixels and channels of a program for so many values; at least those written."""
        block = max(16, triton.next_power_of_2(max(self.channels, written)))
        return {"PIXELS": max(16, values // block), "BLOCK": block}

    def programs(self, device: torch.device) -> int:
        """Return how many programs share a sum."""
        return min(-(-self.pixels // self.tile(SUM_TILE)["PIXELS"]), _most(device))


@cache
def _most(device: torch.device) -> int:
    if device.type != "cuda":
        return PROGRAMS
    multiprocessors: int = torch.cuda.get_device_properties(device).multi_processor_count
    return PROGRAMS * multiprocessors


def channels_last(x: Tensor) -> Tensor:
    """Lay x out with the channels last, as kernels read it."""
    return x.contiguous(memory_format=torch.channels_last)


def empty(like: Tensor, channels: int, height: int, width: int) -> Tensor:
    """Return memory for a result, (1, C, H, W), channels last."""
    shape = (1, channels, height, width)
    return torch.empty(
        shape, dtype=like.dtype, device=like.device, memory_format=torch.channels_last
    )


def floats(like: Tensor, *shape: int) -> Tensor:
    """Return memory for sums."""
    return torch.empty(shape, dtype=torch.float32, device=like.device)


@dataclass(frozen=True)
class Normalisation:
    """bend(s (v - mean) / std + t), of v as it is or upsampled.

    Attributes:
        v: what is normalised, channels last.
        shape: how it is read.
        weight: s, (C,).
        bias: t, (C,).
        slope: of the bend below 0.
        moments: mean and 1 / std, (2 C,); `apply` and `measure` write them.
    """

    v: Tensor
    shape: Map
    weight: Tensor
    bias: Tensor
    slope: float
    moments: Tensor

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """Return the kernels' arguments, in their order."""
        return self.moments, self.weight, self.bias

    def measure(self, epsilon: float) -> None:
        """Compute the moments."""
        shape, programs, c = self.shape, self.shape.programs(self.v.device), self.shape.channels
        partial = floats(self.v, programs, 2 * c)
        normalising.sum_squares[(programs,)](
            self.v, partial, *shape.place, **shape.reads, **shape.tile(SUM_TILE)
        )
        normalising.moments[(triton.cdiv(c, COLUMNS),)](
            self.v, partial, self.moments, programs, *shape.place, epsilon,
            **shape.reads, ROWS=ROWS, BLOCK=COLUMNS,
        )  # fmt: skip

    def write(self, into: Tensor, border: Border, size: int, written: int) -> None:
        """Write the result, padded, by the moments that there are.

        Args:
            into: the first of `size` channels, of which `written` are written.
            border: around the result.
            size: channels of the tensor that holds it.
            written: those that v has not become 0.
        """
        shape, tile = self.shape, self.shape.tile(TILE, written)
        height, width = border.around(shape.height, shape.width)
        normalising.normalise[(triton.cdiv(height * width, tile["PIXELS"]),)](
            self.v, into, *self.tensors, *shape.place, border.pad, self.slope,
            **shape.reads, MIRRORED=border.mirrored, OUT=size, WRITTEN=written, **tile,
        )  # fmt: skip

    def apply(self, into: Tensor, border: Border, size: int, written: int, epsilon: float) -> None:
        """Measure and write."""
        if not self.shape.is_small:
            self.measure(epsilon)
            self.write(into, border, size, written)
            return
        normalising.normalise_small[(triton.cdiv(written, SMALL_TILE["BLOCK"]),)](
            self.v, into, *self.tensors, *self.shape.place, border.pad, self.slope, epsilon,
            **self.shape.reads, MIRRORED=border.mirrored, OUT=size, WRITTEN=written, **SMALL_TILE,
        )  # fmt: skip

    def gradient_sums(self, gradient: Tensor, pad: int, size: int) -> Tensor:
        """Return the gradients of t and s, (2 C,), from that of the result, `fold`ed."""
        shape, programs = self.shape, self.shape.programs(self.v.device)
        partial = floats(self.v, programs, 2 * shape.channels)
        gradients.sum_gradients[(programs,)](
            self.v, gradient, *self.tensors, partial, *shape.place, pad, self.slope,
            **shape.reads, OUT=size, **shape.tile(SUM_TILE),
        )  # fmt: skip
        return total(partial)

    def gradient(self, gradient: Tensor, pad: int, size: int) -> tuple[Tensor, Tensor]:
        """Return the gradient of v, which is not upsampled, and those of t and s, (2 C,)."""
        shape, result = self.shape, torch.empty_like(self.v)
        sizes = {"C": shape.channels, "SIZE": shape.size, "OUT": size}
        if shape.is_small:
            sums = floats(self.v, 2 * shape.channels)
            gradients.gradient_of_small[(triton.cdiv(shape.size, SMALL_TILE["BLOCK"]),)](
                self.v, gradient, *self.tensors, sums, result, *shape.place, pad, self.slope,
                **sizes, **SMALL_TILE,
            )  # fmt: skip
            return result, sums
        sums, tile = self.gradient_sums(gradient, pad, size), shape.tile(TILE, shape.size)
        pixels = self.v.shape[2] * self.v.shape[3]
        gradients.gradient_of[(triton.cdiv(pixels, tile["PIXELS"]),)](
            self.v, gradient, *self.tensors, sums, result, *shape.place, pad, self.slope,
            **sizes, **tile,
        )  # fmt: skip
        return result, sums

    def gradient_below(self, gradient: Tensor, pad: int, size: int) -> tuple[Tensor, Tensor]:
        """Return the same of v that is upsampled, and not bent."""
        shape, sums = self.shape, self.gradient_sums(gradient, pad, size)
        result, tile = torch.empty_like(self.v), shape.tile(TILE)
        pixels = self.v.shape[2] * self.v.shape[3]
        gradients.gradient_below[(triton.cdiv(pixels, tile["PIXELS"]),)](
            self.v, gradient, self.moments, self.weight, sums, result,
            shape.height, shape.width, pad, C=shape.channels, UP=shape.up, OUT=size, **tile,
        )  # fmt: skip
        return result, sums


def total(partial: Tensor) -> Tensor:
    """Add up the rows of (N, M)."""
    programs, columns = partial.shape
    result = floats(partial, columns)
    gradients.total[(triton.cdiv(columns, COLUMNS),)](
        partial, result, programs, COLUMNS=columns, ROWS=ROWS, BLOCK=COLUMNS
    )
    return result


def fold(gradient: Tensor, shape: Map, border: Border, channels: int) -> None:
    """Bring a gradient's border home, in place: nobody else reads it."""
    pad = border.pad
    if not pad or not border.mirrored:
        return
    top, bottom = _mirrored_lines(shape.height, pad)
    left, right = _mirrored_lines(shape.width, pad)
    rows = top + bottom
    count = rows * shape.width + (shape.height - rows) * (left + right)
    block = max(16, triton.next_power_of_2(channels))
    tile = {"PIXELS": max(16, TILE // 2 // block), "BLOCK": block}
    folding.fold[(triton.cdiv(count, tile["PIXELS"]),)](
        gradient, shape.height, shape.width, pad, top, bottom, left, right,
        C=channels, OUT=gradient.shape[1], **tile,
    )  # fmt: skip


def _mirrored_lines(size: int, pad: int) -> tuple[int, int]:
    return (size, 0) if size <= 2 * pad + 2 else (pad, pad)


def arrange(weight: Tensor, arranged: Tensor, own: int, *, back: bool) -> None:
    """Copy weights, (O, C, k, k), into the order of `Joined`'s channels, or back."""
    count, block = arranged.numel(), TILE // 2
    arranging.arrange[(triton.cdiv(count, block),)](
        weight, arranged, count, own, weight.shape[1], arranged.shape[1], BACK=back, BLOCK=block
    )
