"""An image in memory: pixels, opacity, and how it was stored."""

from dataclasses import dataclass, field, replace

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image as PillowImage
from torch import Tensor

from dip_lightning.errors import UserError
from dip_lightning.images.metadata import Metadata

RGB = 3
ROUNDED = 1e-6  # of the range: what float32 may lose


@dataclass(frozen=True)
class Format:
    """How an image was stored, so that the result can be stored alike.

    Attributes:
        dtype: NumPy's name of it, such as "uint8", "uint16" or "float32".
        tiff: stored as TIFF.
        is_color: the channels are gray or RGB; else each is a measurement of its own.
        low: stored value of 0, one for all channels or one for each.
        high: stored value of 1, as many.
    """

    dtype: str = "uint8"
    tiff: bool = False
    is_color: bool = True
    low: tuple[float, ...] = (0.0,)
    high: tuple[float, ...] = (255.0,)

    @property
    def ranges(self) -> list[list[float]]:
        """The stored values of 0 and 1: of all channels, or of each."""
        return [list(ends) for ends in zip(self.low, self.high, strict=True)]

    @property
    def white(self) -> float:
        """The pixel value that is white: the greatest of the type, 1 of floats.

        1 where the image has a range of its own: less than half of the type's, more than twice, or
        one for each channel. In 8 bits a dark photograph is just that: white stays 255.
        """
        spans = [high - low for low, high in self.ranges]
        share = bounds(self.dtype)[1] / spans[0]
        is_the_types = self.dtype == "uint8" or 0.5 <= share <= 2  # noqa: PLR2004
        return share if len(spans) == 1 and is_the_types else 1.0

    @property
    def is_whole(self) -> bool:
        """Whether 0 and 1 stand for the ends of the type: 0 and 255, for instance."""
        floor, top = bounds(self.dtype)
        return set(self.low) == {floor} and set(self.high) == {top}


@dataclass(frozen=True)
class Picture:
    """An image as read.

    Attributes:
        pixels: (1, C, H, W), float32, in [0, 1]; 0 where nothing is known.
        alpha: opacity, (1, 1, H, W), float32, in [0, 1]; None if the file has none.
        format: how it was stored.
        known: pixels that have a value, (1, 1 or C, H, W), 0 or 1; None: all of them.
        beyond: how far stored values lie outside the range, (1, C, H, W), in units of the range:
            pixels + beyond is what the file holds; None: nowhere.
        metadata: what came with the pixels.
    """

    pixels: Tensor
    alpha: Tensor | None
    format: Format
    known: Tensor | None = None
    beyond: Tensor | None = None
    metadata: Metadata = field(default_factory=Metadata)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width, pixels."""
        return self.pixels.shape[-2], self.pixels.shape[-1]

    def from_zero(self) -> "Picture":
        """Return it with 0 for the stored value 0, and one range for all channels.

        Raises:
            UserError: stored values are negative.
        """
        if self.format.ranges == [[0.0, self.format.high[0]]]:
            return self
        low, high = (
            torch.tensor(ends, dtype=torch.float64).view(1, -1, 1, 1)
            for ends in (self.format.low, self.format.high)
        )
        pixels = self.pixels if self.beyond is None else self.pixels + self.beyond
        values, top = pixels * (high - low) + low, float(high.max())
        if values.min() < -ROUNDED * top:
            raise UserError("holds negative values, and noise=poisson is of counts")
        values = (values.clamp(min=0) / top).float()
        inside = values.clamp(0, 1)
        beyond = None if torch.equal(inside, values) else values - inside
        form = replace(self.format, low=(0.0,), high=(top,))
        return replace(self, pixels=inside, beyond=beyond, format=form)

    def middle(self, side: int) -> tuple[slice, slice]:
        """Return the rows and columns of the centre, at most `side` x `side` pixels."""
        starts = [max(0, length - side) // 2 for length in self.size]
        rows, columns = (
            slice(start, start + min(side, length))
            for start, length in zip(starts, self.size, strict=True)
        )
        return rows, columns

    def without(self, margins: tuple[int, int]) -> "Picture":
        """Cut off rows above and below, and columns on both sides, pixels."""
        rows, columns = (slice(m, n - m) for n, m in zip(self.size, margins, strict=True))
        return self.part(rows, columns)

    def part(self, rows: slice, columns: slice) -> "Picture":
        """Cut out some rows and columns."""

        def cut(image: Tensor | None) -> Tensor | None:
            return None if image is None else image[..., rows, columns].contiguous()

        size = rows.stop - rows.start, columns.stop - columns.start
        return replace(
            self,
            pixels=self.pixels[..., rows, columns].contiguous(),
            alpha=cut(self.alpha),
            known=cut(self.known),
            beyond=cut(self.beyond),
            metadata=self.metadata.cropped(rows.start, columns.start, size),
        )


def bounds(dtype: str) -> tuple[float, float]:
    """Return the least and the greatest value of an integer type; 0 and 1 for the others."""
    kind = np.dtype(dtype)
    if kind.kind not in "iu":
        return 0.0, 1.0
    return float(np.iinfo(kind).min), float(np.iinfo(kind).max)


def with_beyond(pixels: Tensor, beyond: Tensor | None) -> Tensor:
    """Add what an observed image holds outside the range that was fitted, enlarged with it.

    Args:
        pixels: (1, C, H, W), in [0, 1].
        beyond: see `Picture`.
    """
    if beyond is None:
        return pixels
    if beyond.shape[-2:] != pixels.shape[-2:]:
        beyond = F.interpolate(beyond, pixels.shape[-2:], mode="bilinear", align_corners=False)
    return pixels + beyond


def quantise(pixels: Tensor, picture_format: Format) -> NDArray[np.generic]:
    """Undo the scaling of `read`, rounding to the nearest stored level.

    Args:
        pixels: (1, C, H, W), in [0, 1]; beyond that where the stored values are to be.
        picture_format: how to store them.

    Returns:
        (H, W, C), of the format's dtype; integers end at those that it can hold.
    """
    low, high = (np.asarray(ends) for ends in (picture_format.low, picture_format.high))
    on_host = pixels[0].permute(1, 2, 0).cpu()  # not every device has float64
    values = on_host.double().numpy() * (high - low) + low
    dtype = np.dtype(picture_format.dtype)
    if dtype.kind in "iu":
        values = np.rint(values).clip(*bounds(picture_format.dtype))
    return np.ascontiguousarray(values.astype(dtype))


def to_pillow(pixels: Tensor, picture_format: Format | None = None) -> PillowImage.Image:
    """Make a PIL image of pixels, gray or RGB.

    Args:
        pixels: (1, 1 or 3, H, W), in [0, 1].
        picture_format: how to store them; None: in 8 bits.
    """
    array = quantise(pixels, picture_format or Format())
    return PillowImage.fromarray(array[..., 0] if array.shape[2] == 1 else array)


def describe_noise(std: float, stored: Format) -> str:
    """Write a standard deviation of noise as a user of such a file counts.

    Args:
        std: of pixels in [0, 1].
        stored: how the image is stored; grey levels of 255 where its integers take all values,
            else those of its own range, or of each channel's.
    """
    if stored.is_whole and np.dtype(stored.dtype).kind in "iu":
        return f"{255 * std:.1f} grey levels of 255"
    ranges = (
        f"{std * (high - low):.3g} in the range {low:g} to {high:g}" for low, high in stored.ranges
    )
    return ", ".join(ranges)


def preview(pixels: Tensor) -> Tensor:
    """Return what a screen can show of an image: gray, RGB, or its first one or three channels."""
    shown = RGB if pixels.shape[1] >= RGB else 1
    return pixels[:, :shown]
