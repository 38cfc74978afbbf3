"""Which kernels compute what, on how many programs."""

from dataclasses import dataclass
from functools import cache

import torch
import triton
from torch import Tensor

from dip_lightning.generators.fused import arranging, folding, gradients, normalising

# As measured on an H100, see docs/benchmarks.md.
TILE, SUM_TILE = 2048, 4096  # values that a program holds at once
PROGRAMS = 2  # on each multiprocessor, that share a sum
ROWS, COLUMNS = 256, 8  # of a program that adds up what others have summed
SMALL = 32 * 32  # pixels up to which a program sees all of them, of a few channels
SMALL_TILE = {"PIXELS": 1024, "BLOCK": 8, "num_warps": 8}
UPSAMPLINGS = {"nearest": 1, "bilinear": 2}
Affine = tuple[Tensor, Tensor]


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
        return min(triton.cdiv(self.pixels, self.tile(SUM_TILE)["PIXELS"]), _most_programs(device))


@cache
def _most_programs(device: torch.device) -> int:
    if device.type != "cuda":
        return PROGRAMS
    return PROGRAMS * torch.cuda.get_device_properties(device).multi_processor_count


def last(x: Tensor) -> Tensor:
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


def moments_of(v: Tensor, shape: Map, epsilon: float) -> Tensor:
    """Return mean and 1 / std of each channel, (2 C,)."""
    programs, c = shape.programs(v.device), shape.channels
    partial, result = floats(v, programs, 2 * c), floats(v, 2 * c)
    normalising.sum_squares[(programs,)](v, partial, *shape.place, **shape.reads, **shape.tile(SUM_TILE))
    normalising.moments[(triton.cdiv(c, COLUMNS),)](
        v, partial, result, programs, *shape.place, epsilon,
        **shape.reads, ROWS=ROWS, BLOCK=COLUMNS,
    )  # fmt: skip
    return result


def write_normalised(
    v: Tensor, into: Tensor, shape: Map, moments: Tensor, affine: Affine, *,
    border: Border, slope: float, size: int, written: int,
) -> None:  # fmt: skip
    """Normalise v by its moments, bend and pad it, into channels 0 to `written` of `size`."""
    tile = shape.tile(TILE, written)
    height, width = border.around(shape.height, shape.width)
    normalising.normalise[(triton.cdiv(height * width, tile["PIXELS"]),)](
        v, into, moments, *affine, *shape.place, border.pad, slope,
        **shape.reads, MIRRORED=border.mirrored, OUT=size, WRITTEN=written, **tile,
    )  # fmt: skip


def normalise(
    v: Tensor, into: Tensor, shape: Map, affine: Affine, epsilon: float, *,
    border: Border, slope: float, size: int, written: int,
) -> Tensor:  # fmt: skip
    """Do the same by the moments that it has; return them, see `moments_of`."""
    if not shape.is_small:
        moments = moments_of(v, shape, epsilon)
        write_normalised(
            v, into, shape, moments, affine, border=border, slope=slope, size=size, written=written
        )
        return moments
    moments = floats(v, 2 * shape.channels)
    normalising.normalise_small[(triton.cdiv(written, SMALL_TILE["BLOCK"]),)](
        v, into, moments, *affine, *shape.place, border.pad, slope, epsilon,
        **shape.reads, MIRRORED=border.mirrored, OUT=size, WRITTEN=written, **SMALL_TILE,
    )  # fmt: skip
    return moments


def total(partial: Tensor) -> Tensor:
    """Add up the rows of (N, M)."""
    programs, columns = partial.shape
    result = floats(partial, columns)
    gradients.total[(triton.cdiv(columns, COLUMNS),)](
        partial, result, programs, COLUMNS=columns, ROWS=ROWS, BLOCK=COLUMNS
    )
    return result


def gradient_sums(
    v: Tensor, gradient: Tensor, shape: Map, moments: Tensor, affine: Affine, *,
    pad: int, slope: float, size: int,
) -> Tensor:  # fmt: skip
    """Return the gradients of shift and scale, (2 C,)."""
    programs = shape.programs(v.device)
    partial = floats(v, programs, 2 * shape.channels)
    gradients.sum_gradients[(programs,)](
        v, gradient, moments, *affine, partial, *shape.place, pad, slope,
        **shape.reads, OUT=size, **shape.tile(SUM_TILE),
    )  # fmt: skip
    return total(partial)


def gradient_of(
    v: Tensor, gradient: Tensor, shape: Map, moments: Tensor, affine: Affine, *,
    pad: int, slope: float, size: int,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Return the gradient of v, which is not upsampled, and those of shift and scale, (2 C,)."""
    result = torch.empty_like(v)
    given = v, gradient, moments, *affine
    sizes = {"C": shape.channels, "SIZE": shape.size, "OUT": size}
    if shape.is_small:
        sums = floats(v, 2 * shape.channels)
        gradients.gradient_of_small[(triton.cdiv(shape.size, SMALL_TILE["BLOCK"]),)](
            *given, sums, result, *shape.place, pad, slope, **sizes, **SMALL_TILE
        )
        return result, sums
    sums = gradient_sums(v, gradient, shape, moments, affine, pad=pad, slope=slope, size=size)
    tile = shape.tile(TILE, shape.size)
    gradients.gradient_of[(triton.cdiv(v.shape[2] * v.shape[3], tile["PIXELS"]),)](
        *given, sums, result, *shape.place, pad, slope, **sizes, **tile
    )
    return result, sums


def gradient_below(
    a: Tensor, gradient: Tensor, shape: Map, moments: Tensor, affine: Affine, *, pad: int, size: int
) -> tuple[Tensor, Tensor]:
    """Return the gradient of a, which is upsampled, and those of shift and scale, (2 C,)."""
    sums = gradient_sums(a, gradient, shape, moments, affine, pad=pad, slope=1.0, size=size)
    result, tile = torch.empty_like(a), shape.tile(TILE)
    gradients.gradient_below[(triton.cdiv(a.shape[2] * a.shape[3], tile["PIXELS"]),)](
        a, gradient, moments, affine[0], sums, result, shape.height, shape.width, pad,
        C=shape.channels, UP=shape.up, OUT=size, **tile,
    )  # fmt: skip
    return result, sums


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


def arrange(
    weight: Tensor, arranged: Tensor, own: int, inputs: int, columns: int, *, back: bool
) -> None:
    """Copy weights into the order of `Joined`'s channels, or back; both as they lie in memory."""
    count, block = arranged.numel(), TILE // 2
    arranging.arrange[(triton.cdiv(count, block),)](
        weight, arranged, count, own, inputs, columns, BACK=back, BLOCK=block
    )
