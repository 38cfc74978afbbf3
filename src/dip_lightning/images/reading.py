"""Reading images: from what a file stores to pixels in [0, 1], and back by its `Format`."""

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
from dip_lightning.images.decoded import MAX_MEGAPIXELS, Decoded
from dip_lightning.images.decoding import decode
from dip_lightning.images.picture import Format, Picture, bounds
from dip_lightning.images.ranges import value_range

# What tifffile has to say of a damaged file is in the exception.
logging.getLogger("tifffile").setLevel(logging.CRITICAL)

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp"})


def read(path: Path, key: str) -> Picture:
    """Read an image whose pixels are all known.

    Args:
        path: PNG, JPEG, TIFF or another format that Pillow reads; EXIF rotation is applied.
        key: configuration key that named the file, for messages.

    Raises:
        UserError: no such file, or one that cannot be restored faithfully; the sentence says why.
    """
    return scale_known(open_file(path, key), path, key)


def scale_known(stored: Decoded, path: Path, key: str, advice: str | None = None) -> Picture:
    """Map stored values to [0, 1], see `scale`, where all of them have to be known.

    Args:
        stored: values of a file.
        path: of the file, for messages.
        key: configuration key that named it.
        advice: where some are not known; None: to restore them first.

    Raises:
        UserError: some are not, or they are of a kind that cannot be restored faithfully.
    """
    picture = scale(stored, path, key)
    if picture.known is not None:
        count = int((1 - picture.known).sum())
        what = "value that is not a number" if count == 1 else "values that are not numbers"
        advice = advice or f"task=restoration observed={path} fills them"
        raise UserError(
            f"{key}={path}: holds {count} {what} (NaN or infinity) or that the file itself "
            f"declares as no data; {advice}"
        )
    return picture


def opaque(stored: Decoded) -> Tensor:
    """Return where an image with opacity is fully opaque, (1, 1, H, W), 0 or 1."""
    top = bounds(stored.array.dtype.name)[1]
    return torch.from_numpy((stored.array[..., -1] == top).astype(np.float32))[None, None]


def open_file(path: Path, key: str) -> Decoded:
    """Decode an image file.

    Args:
        path: as for `read`.
        key: configuration key that named the file, for messages.

    Raises:
        UserError: no such file, or it cannot be decoded.
    """
    head = first_bytes(path, f"{key}={path}")
    with as_user_error(path, key):
        return decode(path, head)


def first_bytes(path: Path, given: str) -> bytes:
    """Read the first 32 bytes of a file.

    Args:
        path: the file.
        given: the argument that named it, for messages.

    Raises:
        UserError: no such file, or it is empty or may not be read.
    """
    if not os.path.isfile(path):
        what = "is a folder, expected a file" if os.path.isdir(path) else "no such file"
        raise UserError(f"{given}: {what}")
    try:
        with path.open("rb") as file:
            head = file.read(32)
    except OSError as error:
        raise UserError(f"{given}: cannot be read ({error.strerror})") from None
    if not head:
        raise UserError(f"{given}: the file is empty")
    return head


def scale(
    stored: Decoded, path: Path, key: str, m: Tensor | None = None, nodata: float | None = None
) -> Picture:
    """Map the stored values to [0, 1], by the range of those that are known.

    Args:
        stored: what the file holds.
        path: the file, for messages.
        key: configuration key that named it.
        m: known pixels, (1, 1, H, W), 0 or 1; None: all of them.
        nodata: a stored value that means that there is none, besides the one that the file
            names; NaN and infinity always do.

    Returns:
        The picture; `known` is m without the pixels that have no value.

    Raises:
        UserError: the values are of a kind that cannot be restored faithfully.
    """
    with as_user_error(path, key):
        absent = [value for value in (stored.nodata, nodata) if value is not None]
        return _from_decoded(stored, m, absent)


@contextmanager
def as_user_error(path: Path, key: str) -> Iterator[None]:
    """Say in one sentence, as a UserError, what a decoder raises inside.

    Args:
        path: the file.
        key: configuration key that named it.
    """
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


def _from_decoded(stored: Decoded, m: Tensor | None, nodata: list[float]) -> Picture:
    array = stored.array
    if array.dtype.kind == "b":
        array = array.astype(np.uint8) * 255
    if array.dtype.kind not in "iuf":
        raise UserError(f"stores {array.dtype.name}, expected integers or floating point")
    colors = array[..., :-1] if stored.alpha else array
    if not colors.shape[-1]:
        raise UserError("has no colours, only opacity")
    known = _known(colors, m, nodata, is_color=stored.is_color)
    low, high = _ranges(colors, known, is_color=stored.is_color)
    form = Format(array.dtype.name, stored.tiff, stored.is_color, low, high)
    pixels = _scaled(colors, known, low, high)
    inside = pixels.clamp(0, 1)
    beyond = None if torch.equal(inside, pixels) else pixels - inside
    opaque = None
    if stored.alpha:
        top = bounds(array.dtype.name)[1]
        opaque = _scaled(array[..., -1:], None, (0.0,), (top,)).nan_to_num().clamp(0, 1)
    return Picture(inside, opaque, form, _mask(known), beyond, stored.metadata)


def _known(
    colors: NDArray[np.generic], m: Tensor | None, nodata: list[float], *, is_color: bool
) -> NDArray[np.bool_] | None:
    """Return which values are known, (H, W, 1 or C); None: all of them."""
    known = np.ones((1, 1, 1), bool) if m is None else m[0].permute(1, 2, 0).numpy() > 0
    if colors.dtype.kind == "f":
        known = known & np.isfinite(colors)
    for value in nodata:
        absent = colors == value
        # A colour is one value: black is not the lack of red.
        known = known & ~(absent.all(-1, keepdims=True) if is_color else absent)
    if known.all():
        return None
    alike = known.shape[-1] > 1 and (known == known[..., :1]).all()
    return np.ascontiguousarray(known[..., :1]) if alike else known


def _ranges(
    colors: NDArray[np.generic], known: NDArray[np.bool_] | None, *, is_color: bool
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    channels = range(colors.shape[-1])

    def values(channel: int) -> NDArray[np.generic]:
        plane: NDArray[np.generic] = colors[..., channel]
        if known is None:
            return plane
        found: NDArray[np.generic] = plane[known[..., min(channel, known.shape[-1] - 1)]]
        return found

    if is_color:
        everything = colors if known is None else np.concatenate([values(c) for c in channels])
        groups = [everything]
    else:
        groups = [values(c) for c in channels]
    found = [value_range(group) if group.size else bounds(colors.dtype.name) for group in groups]
    return tuple(low for low, _ in found), tuple(high for _, high in found)


def _scaled(
    values: NDArray[np.generic],
    known: NDArray[np.bool_] | None,
    low: tuple[float, ...],
    high: tuple[float, ...],
) -> Tensor:
    # Channel by channel: an image of 64 megapixels must not need 8 bytes for all of them at once.
    height, width, channels = values.shape
    pixels = torch.empty(1, channels, height, width)
    for channel in range(channels):
        start, stop = low[min(channel, len(low) - 1)], high[min(channel, len(high) - 1)]
        plane = values[..., channel].astype(np.float64)
        if known is not None:
            plane[~known[..., min(channel, known.shape[-1] - 1)]] = start
        plane -= start
        plane /= stop - start
        pixels[0, channel] = torch.from_numpy(plane)
    return pixels


def _mask(known: NDArray[np.bool_] | None) -> Tensor | None:
    if known is None:
        return None
    return torch.from_numpy(np.moveaxis(known, -1, 0).astype(np.float32, order="C")).unsqueeze(0)
