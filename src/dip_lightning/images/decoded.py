"""What a file stores, and what every way to decode one shares."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dip_lightning.errors import UserError
from dip_lightning.images.metadata import Metadata

MEGAPIXEL = 1_000_000
MAX_MEGAPIXELS = 64


@dataclass(frozen=True)
class Decoded:
    """What a file stores.

    Attributes:
        array: (H, W, C), upright, of the dtype that is stored.
        alpha: the last channel is opacity.
        is_color: the channels are gray or RGB; otherwise each is a measurement of its own.
        nodata: the stored value that means "no data", if the file names one.
        metadata: what came with the pixels.
        tiff: stored as TIFF.
    """

    array: NDArray[np.generic]
    alpha: bool = False
    is_color: bool = True
    nodata: float | None = None
    metadata: Metadata = field(default_factory=Metadata)
    tiff: bool = False


def check_size(height: int, width: int) -> None:
    """Refuse an image without pixels and one that is too large.

    Raises:
        UserError: says so, without the file's name.
    """
    if not height or not width:
        raise UserError("has no pixels")
    if height * width > MAX_MEGAPIXELS * MEGAPIXEL:
        raise UserError(
            f"is {width} x {height} pixels, expected at most {MAX_MEGAPIXELS} megapixels"
        )


def turned(array: NDArray[np.generic], orientation: int) -> NDArray[np.generic]:
    """Turn (H, W, C) upright: EXIF's orientations 5 to 8 are transposed, 2 to 4 mirrored."""
    if orientation in {5, 6, 7, 8}:
        array = array.swapaxes(0, 1)
    if orientation in {3, 4, 7, 8}:
        array = array[::-1]
    if orientation in {2, 3, 6, 7}:
        array = array[:, ::-1]
    return np.ascontiguousarray(array)
