"""Reading images and masks."""

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image as PillowImage
from PIL import UnidentifiedImageError
from torch import Tensor

from dip_lightning.errors import UserError, first_line
from dip_lightning.images.decoding import MAX_MEGAPIXELS, TIFF_SIGNATURES, decode
from dip_lightning.images.picture import LEVELS, Format, Picture

# What tifffile has to say of a damaged file is in the exception.
logging.getLogger("tifffile").setLevel(logging.CRITICAL)

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp"})
_LEAST = 1e-6  # a mask this dark is black


def read(path: Path, key: str) -> Picture:
    """Read an image file.

    Args:
        path: PNG, JPEG, TIFF or another format that Pillow reads; EXIF rotation is applied.
        key: configuration key that named the file, for messages.

    Returns:
        The image; 8 and 16 bits divided by their maximum, floats mapped to [0, 1] by their least
        and greatest value unless they lie in [0, 1] already.

    Raises:
        UserError: no such file, or one that cannot be restored faithfully; the sentence says why.
    """
    if not os.path.isfile(path):
        raise UserError(f"{key}={path}: {'not a file' if os.path.exists(path) else 'no such file'}")
    try:
        with path.open("rb") as file:
            head = file.read(32)
    except OSError as error:
        raise UserError(f"{key}={path}: cannot be read ({error.strerror})") from None
    if not head:
        raise UserError(f"{key}={path}: the file is empty")
    with _as_user_error(path, key):
        array, alpha = decode(path, head)
        return _from_array(array, alpha=alpha, tiff=head[:4] in TIFF_SIGNATURES)


def read_mask(path: Path, size: tuple[int, int]) -> Tensor:
    """Read a mask: white is known, black is missing.

    Args:
        path: image file; colours are averaged.
        size: (H, W) of the image that it belongs to.

    Returns:
        m, (1, 1, H, W), 0 or 1; transparent pixels are missing.

    Raises:
        UserError: unreadable, or of another size than the image.
    """
    picture = read(path, "mask")
    if picture.size != size:
        raise UserError(
            f"mask={path}: is {picture.size[1]} x {picture.size[0]} pixels, "
            f"expected the image's {size[1]} x {size[0]}"
        )
    brightness = picture.pixels.mean(1, keepdim=True)
    if picture.alpha is not None:
        brightness = brightness * picture.alpha
    # Half of the brightest value: a mask of 0 and 1 is as good as one of 0 and 255.
    return (brightness >= max(float(brightness.max()) / 2, _LEAST)).float()


@contextmanager
def _as_user_error(path: Path, key: str) -> Iterator[None]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about metadata; what cannot be read raises
            warnings.simplefilter("error", PillowImage.DecompressionBombWarning)
            yield
    except UserError as error:
        raise UserError(f"{key}={path}: {error}") from None
    except UnidentifiedImageError:
        kinds = "PNG, JPEG or TIFF"
        raise UserError(f"{key}={path}: not an image that can be read (use {kinds})") from None
    except (PillowImage.DecompressionBombWarning, PillowImage.DecompressionBombError):
        raise UserError(f"{key}={path}: larger than {MAX_MEGAPIXELS} megapixels") from None
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001
        # Decoders raise anything on a damaged file: struct.error, SyntaxError, zlib.error, ...
        reason = first_line(error)
        raise UserError(f"{key}={path}: truncated or damaged image ({reason})") from None


def _from_array(array: NDArray[np.generic], *, alpha: bool, tiff: bool) -> Picture:
    kind = array.dtype.name
    if kind == "bool":
        array, kind = array.astype(np.uint8) * 255, "uint8"
    if kind == "float16":
        array, kind = array.astype(np.float32), "float32"
    if kind not in {*LEVELS, "float32", "float64"}:
        raise UserError(f"stores {kind}, expected 8 or 16 bits or floating point")
    if kind not in LEVELS and not np.isfinite(array).all():
        raise UserError(
            f"holds {int((~np.isfinite(array)).sum())} values that are not numbers (NaN or "
            "infinity): replace them, and pass their places as mask="
        )
    top = LEVELS.get(kind, 1.0)
    colors = array[..., :-1] if alpha else array
    if not colors.shape[-1]:
        raise UserError("has no colours, only opacity")
    low, high = (0.0, top) if kind in LEVELS else _range(colors)
    opaque = _scaled(array[..., -1:], 0.0, top).clamp(0, 1) if alpha else None
    return Picture(_scaled(colors, low, high), opaque, Format(kind, tiff, low, high))


def _range(values: NDArray[np.generic]) -> tuple[float, float]:
    """Return the stored values of 0 and 1."""
    low, high = float(values.min()), float(values.max())
    if low >= 0 and high <= 1:
        return 0.0, 1.0
    if low == high:  # a constant: 1 where it is positive, else 0
        return (0.0, high) if high > 0 else (low, low + 1)
    if not high - low < np.inf:
        raise UserError(f"holds values from {low:g} to {high:g}, which are too far apart")
    return low, high


def _scaled(values: NDArray[np.generic], low: float, high: float) -> Tensor:
    # Channel by channel: an image of 64 megapixels must not need 8 bytes for all of them at once.
    height, width, channels = values.shape
    pixels = torch.empty(1, channels, height, width)
    for channel in range(channels):
        plane = values[..., channel].astype(np.float64)
        plane -= low
        plane /= high - low
        pixels[0, channel] = torch.from_numpy(plane)
    return pixels
