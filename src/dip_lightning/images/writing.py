"""Writing images as they were read, with what came with them."""

from dataclasses import replace
from pathlib import Path

import imagecodecs
import numpy as np
import torch

from dip_lightning.images import layout, png
from dip_lightning.images.metadata import Metadata
from dip_lightning.images.picture import LEVELS, Format, Picture, preview, quantise


def write_png(path: Path, picture: Picture) -> None:
    """Write a PNG with the picture's channels, depth and metadata.

    Floats, and integers of other sizes, take 16 bits from low to high.
    """
    dtype = picture.format.dtype if picture.format.dtype in LEVELS else "uint16"
    pixels = preview(picture.pixels)
    channels = pixels.shape[1]
    if picture.alpha is not None:
        pixels = torch.cat([pixels, picture.alpha.to(pixels.device)], dim=1)
    array = quantise(pixels, Format(dtype, high=(LEVELS[dtype],)))
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
    array = quantise(picture.pixels, picture.format)
    if picture.alpha is not None:
        top = LEVELS.get(picture.format.dtype, 1.0)
        alpha = quantise(picture.alpha, replace(picture.format, low=(0.0,), high=(top,)))
        array = np.concatenate([array, alpha], axis=2)
    with path.open("w+b") as file:
        layout.write(file, array, picture.metadata, alpha=picture.alpha is not None)
