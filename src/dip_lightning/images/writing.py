"""Writing images as they were read, with what came with them."""

from dataclasses import replace
from pathlib import Path

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from dip_lightning.images import layout, png
from dip_lightning.images.metadata import Metadata
from dip_lightning.images.picture import Format, Picture, bounds, preview, quantise

DEPTHS = ("uint8", "uint16")  # of a PNG


def write_png(path: Path, picture: Picture) -> None:
    """Write a PNG with the picture's channels, depth, values and metadata.

    Floats, and integers of other sizes, take 16 bits from low to high.
    """
    pixels, form = preview(picture.pixels), picture.format
    channels = pixels.shape[1]
    if form.dtype not in DEPTHS:
        form = Format("uint16", high=(bounds("uint16")[1],))
    form = replace(form, low=form.low[:channels], high=form.high[:channels])
    array = _stored(replace(picture, pixels=pixels, format=form))
    encoded = imagecodecs.png_encode(array[..., 0] if array.shape[2] == 1 else array)
    chunks = _chunks(picture.metadata.fitted(picture.size), channels)
    path.write_bytes(png.inserted(bytes(encoded), chunks))


def _chunks(metadata: Metadata, channels: int) -> list[png.Chunk]:
    icc = metadata.profile(channels)
    chunks = [chunk for chunk in metadata.colors if not (icc and chunk[0] == b"sRGB")]
    if icc:
        chunks.append(png.profile(icc))
    if metadata.dpi:
        chunks.append(png.density(metadata.dpi))
    if metadata.exif:
        chunks.append((b"eXIf", metadata.exif))
    if metadata.xmp:
        chunks.append(png.text(png.XMP, metadata.xmp.decode(errors="replace")))
    return chunks + [png.text(keyword, content) for keyword, content in metadata.texts]


def write_tiff(path: Path, picture: Picture) -> None:
    """Write a TIFF with the picture's channels, dtype, range of values, layout and metadata."""
    with path.open("w+b") as file:
        has_alpha = picture.alpha is not None
        layout.write(file, _stored(picture), picture.metadata, alpha=has_alpha)


def _stored(picture: Picture) -> NDArray[np.generic]:
    """Return what the file is to hold, (H, W, C), opacity behind the colours."""
    array = quantise(picture.pixels, picture.format)
    if picture.alpha is None:
        return array
    opacity = replace(picture.format, low=(0.0,), high=(bounds(picture.format.dtype)[1],))
    return np.concatenate([array, quantise(picture.alpha, opacity)], axis=2)
