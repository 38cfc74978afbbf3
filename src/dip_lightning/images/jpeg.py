"""JPEG files: the quantised coefficients that they hold, and files made in memory."""

import tempfile
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image as PillowImage
from torch import Tensor

from dip_lightning.errors import UserError
from dip_lightning.images import exif
from dip_lightning.images.decoded import check_size
from dip_lightning.images.picture import to_pillow
from dip_lightning.images.reading import as_user_error, first_bytes, open_file
from dip_lightning.limits import QUALITIES, SUBSAMPLINGS
from dip_lightning.operators.jpeg import SIDE, Coefficients, steps

SIGNATURE = b"\xff\xd8\xff"
COLORS = {"JCS_GRAYSCALE": 1, "JCS_YCbCr": 3}
WHITE = 255
_MIDDLE = 128  # which a JPEG file takes from each sample


@dataclass(frozen=True)
class Compressed:
    """What a JPEG file says of an image.

    Attributes:
        pixels: as any viewer shows it, (1, C, H, W) in [0, 1].
        coefficients: what that was decoded from, of pixels in [0, 1].
    """

    pixels: Tensor
    coefficients: Coefficients


def read_jpeg(path: Path, key: str) -> Compressed:
    """Read a JPEG file.

    Args:
        path: the file.
        key: configuration key that named it, for messages.

    Raises:
        UserError: it cannot be read, see `read_coefficients`.
    """
    coefficients = read_coefficients(path, key)
    array = open_file(path, key).array
    pixels = torch.from_numpy(array.transpose(2, 0, 1).astype(np.float32))[None] / WHITE
    return Compressed(pixels, coefficients.ranged(0, WHITE))


def compress(x: Tensor, quality: int, subsampling: str) -> Compressed:
    """Encode an image as Pillow does, and decode it.

    Args:
        x: (1, C, H, W) in [0, 1], gray or RGB.
        quality: 1 to 100.
        subsampling: of Cb and Cr: "4:4:4", "4:2:2" or "4:2:0".

    Raises:
        UserError: x is neither gray nor RGB, or an argument is not allowed.
    """
    least, most = QUALITIES
    if not isinstance(quality, Integral) or not least <= quality <= most:
        raise UserError(f"quality={quality}: expected an integer, at least {least}, at most {most}")
    if subsampling not in SUBSAMPLINGS:
        raise UserError(f"subsampling={subsampling}: choose one of {', '.join(SUBSAMPLINGS)}")
    if x.shape[1] not in COLORS.values():
        raise UserError(f"x: has {x.shape[1]} channels, expected gray or RGB, as JPEG holds")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.jpg"
        to_pillow(x).save(path, quality=quality, subsampling=subsampling)
        return read_jpeg(path, "x")


def read_coefficients(path: Path, key: str, *, upright: bool = True) -> Coefficients:
    """Read the coefficients of a JPEG file.

    Args:
        path: the file.
        key: configuration key that named it, for messages.
        upright: apply EXIF rotation.

    Returns:
        In grey levels, as `JPEG` finds them in pixels from 0 to 255.

    Raises:
        UserError: it is no JPEG file, or none of gray or YCbCr.
    """
    if not first_bytes(path, f"{key}={path}").startswith(SIGNATURE):
        raise UserError(
            f"{key}={path}: is no JPEG file, expected one, whose own tables bound the result"
        )
    with as_user_error(path, key):
        # libjpeg ends the process at some damaged files, all of which Pillow refuses.
        with PillowImage.open(path, formats=["JPEG"]) as image:
            check_size(image.height, image.width)
            image.load()
            turn = exif.orientation(image) if upright else 1
        return _held(_library().read_dct(str(path))).turned(turn)


def coefficients_if_any(path: Path, key: str) -> Coefficients | None:
    """Read the coefficients of a file, None where it holds none that are understood.

    Args:
        path: image file of any format.
        key: configuration key that named it, for messages.
    """
    try:
        return read_coefficients(path, key)
    except UserError:
        return None


def _library() -> Any:
    try:
        import jpeglib  # noqa: PLC0415 - takes a third of a second
    except ModuleNotFoundError:
        raise UserError(
            "its coefficients are read by jpeglib, which is not there: pip install jpeglib"
        ) from None
    return jpeglib


def _held(file: Any) -> Coefficients:
    """Take what jpeglib has read."""
    colors = getattr(file.jpeg_color_space, "name", str(file.jpeg_color_space))
    if colors not in COLORS:
        raise UserError(f"has the colours {colors.removeprefix('JCS_')}, expected gray or YCbCr")
    factors = [(int(rows), int(columns)) for rows, columns in file.samp_factor]
    most = [max(axis) for axis in zip(*factors, strict=True)]
    if any(top % one for pair in factors for top, one in zip(most, pair, strict=True)):
        raise UserError(f"has the sampling factors {factors}, expected each to divide the largest")
    ratios = tuple((most[0] // rows, most[1] // columns) for rows, columns in factors)
    size = (int(file.height), int(file.width))
    # Not of the factors themselves: with the same ones for all, a file may hold more blocks.
    whole = [-(-side // step) * step for side, step in zip(size, steps(ratios), strict=True)]
    planes, known, tables = [], [], []
    for k, (values, ratio) in enumerate(zip((file.Y, file.Cb, file.Cr), ratios, strict=False)):
        table = np.asarray(file.get_component_qt(k), np.float32)
        found = torch.from_numpy((values * table).swapaxes(1, 2).astype(np.float32))
        found = found.reshape(SIDE * values.shape[0], SIDE * values.shape[1])
        plane = torch.zeros(whole[0] // ratio[0], whole[1] // ratio[1])
        found, held = found[: plane.shape[0], : plane.shape[1]], torch.zeros_like(plane)
        plane[: found.shape[0], : found.shape[1]] = found
        held[: found.shape[0], : found.shape[1]] = 1
        planes.append(plane)
        known.append(held)
        tables.append(torch.from_numpy(table))
    planes[0][::SIDE, ::SIDE] += SIDE * _MIDDLE
    return Coefficients(tuple(planes), tuple(known), tuple(tables), ratios, (0, 0), size)
