"""An image in memory: pixels, opacity, and how it was stored."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

RGB = 3
LEVELS = {"uint8": 255.0, "uint16": 65535.0}


@dataclass(frozen=True)
class Format:
    """How an image was stored, so that the result can be stored alike.

    Attributes:
        dtype: "uint8", "uint16", "float32" or "float64".
        tiff: stored as TIFF.
        low: stored value of 0.
        high: stored value of 1.
    """

    dtype: str = "uint8"
    tiff: bool = False
    low: float = 0.0
    high: float = 255.0


@dataclass(frozen=True)
class Picture:
    """An image as read.

    Attributes:
        pixels: (1, C, H, W), float32, in [0, 1].
        alpha: opacity, (1, 1, H, W), float32, in [0, 1]; None if the file has none.
        format: how it was stored.
    """

    pixels: Tensor
    alpha: Tensor | None
    format: Format

    @property
    def size(self) -> tuple[int, int]:
        """Height and width, pixels."""
        return self.pixels.shape[-2], self.pixels.shape[-1]

    def centre(self, side: int) -> "Picture":
        """Cut the picture to its centre, at most `side` x `side` pixels."""
        alpha = None if self.alpha is None else centre(self.alpha, side)
        return replace(self, pixels=centre(self.pixels, side), alpha=alpha)


def centre(image: Tensor, side: int, block: int = 1) -> Tensor:
    """Cut an image to its centre, at most `side` x `side` blocks.

    Args:
        image: (1, C, H, W).
        side: longest side of the result, blocks.
        block: side of a block, pixels, such as those that belong to a pixel of a smaller image.
    """
    height, width = (length // block for length in image.shape[-2:])
    rows, columns = (
        slice(block * start, block * (start + side))
        for start in (max(0, height - side) // 2, max(0, width - side) // 2)
    )
    return image[..., rows, columns].contiguous()


def quantise(pixels: Tensor, picture_format: Format) -> NDArray[np.generic]:
    """Undo the scaling of `read`, rounding to the nearest stored level.

    Args:
        pixels: (1, C, H, W), in [0, 1].
        picture_format: how to store them.

    Returns:
        (H, W, C), of the format's dtype.
    """
    low, high = picture_format.low, picture_format.high
    on_host = pixels[0].permute(1, 2, 0).cpu()  # not every device has float64
    values = on_host.double().clamp(0, 1).numpy() * (high - low) + low
    dtype = np.dtype(picture_format.dtype)
    return np.ascontiguousarray((np.rint(values) if dtype.kind == "u" else values).astype(dtype))


def describe_noise(std: float, stored: Format) -> str:
    """Write a standard deviation of noise as a user of such a file counts.

    Args:
        std: of pixels in [0, 1].
        stored: how the image is stored; grey levels of 255 where its integers take all values.
    """
    if stored.dtype in LEVELS and (stored.low, stored.high) == (0.0, LEVELS[stored.dtype]):
        return f"{255 * std:.1f} grey levels of 255"
    size = std * (stored.high - stored.low)
    return f"{size:.3g} in the range {stored.low:g} to {stored.high:g}"


def preview(pixels: Tensor) -> Tensor:
    """Return what a screen can show of an image: gray, RGB, or its first one or three channels."""
    shown = RGB if pixels.shape[1] >= RGB else 1
    return pixels[:, :shown]
