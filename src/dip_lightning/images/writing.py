"""Writing images as they were read."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image as PillowImage

from dip_lightning.images.picture import RGB, Format, Picture, bounds, preview, quantise

RGBA = 4
DEPTHS = ("uint8", "uint16")  # of a PNG


def write_png(path: Path, picture: Picture) -> None:
    """Write a PNG with the picture's channels and depth; floats take 16 bits from low to high."""
    import kornia_rs.io  # noqa: PLC0415 - only needed for 16 bits

    shown = preview(picture.pixels)
    channels = shown.shape[1]
    form = picture.format
    if form.dtype not in DEPTHS:
        form = Format("uint16", low=(0.0,), high=(bounds("uint16")[1],))
    form = replace(form, low=form.low[:channels], high=form.high[:channels])
    array = _stored(replace(picture, pixels=shown, format=form))
    if form.dtype == "uint8":
        PillowImage.fromarray(array[..., 0] if array.shape[2] == 1 else array).save(path)
        return
    if array.shape[2] == 2:  # noqa: PLR2004 - gray with opacity, which the library does not write
        array = np.ascontiguousarray(array[..., [0, 0, 0, 1]])
    mode = {1: "mono", RGB: "rgb", RGBA: "rgba"}[array.shape[2]]
    kornia_rs.io.write_image_png_u16(str(path), array, mode)


def write_tiff(path: Path, picture: Picture) -> None:
    """Write a TIFF with the picture's channels, dtype and range of values."""
    array = _stored(picture)
    tifffile.imwrite(
        path,
        array[..., 0] if array.shape[2] == 1 else array,
        photometric="rgb" if picture.pixels.shape[1] == RGB else "minisblack",
        planarconfig="contig" if array.shape[2] > 1 else None,
        extrasamples=["unassalpha"] if picture.alpha is not None else None,
    )


def _stored(picture: Picture) -> NDArray[np.generic]:
    """Return what the file is to hold, (H, W, C), opacity behind the colours."""
    array = quantise(picture.pixels, picture.format)
    if picture.alpha is None:
        return array
    ends = bounds(picture.format.dtype)
    alpha = replace(picture.format, low=(0.0,), high=(ends[1],))
    return np.concatenate([array, quantise(picture.alpha, alpha)], axis=2)
