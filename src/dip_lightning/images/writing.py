"""Writing images as they were read, with what came with them."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import tifffile
import torch
from numpy.typing import NDArray

from dip_lightning.images import exif, ome, png
from dip_lightning.images.metadata import Metadata, Tag, Tiff
from dip_lightning.images.picture import LEVELS, RGB, Format, Picture, preview, quantise

_ASCII, _BYTE, _XMP = 2, 1, 700
_IMAGEJ = {"uint8", "uint16", "float32"}


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
    channels = array.shape[2]
    metadata = picture.metadata.fitted(picture.size)
    tiff = metadata.tiff or Tiff(is_rgb=channels == RGB)
    if picture.alpha is not None:
        top = LEVELS.get(picture.format.dtype, 1.0)
        alpha = quantise(picture.alpha, replace(picture.format, low=(0.0,), high=(top,)))
        array = np.concatenate([array, alpha], axis=2)
    extras = ["unspecified"] * (channels - (RGB if tiff.is_rgb else 1))
    extras += ["unassalpha"] * (picture.alpha is not None)
    is_single = array.shape[2] == 1
    if tiff.planes != "contig" and not is_single:
        array = np.moveaxis(array, -1, 0)
    array = np.ascontiguousarray(array[..., 0] if is_single else array)
    has_samples = tiff.planes != "pages" and not is_single
    tifffile.imwrite(
        path,
        array,
        byteorder=">" if metadata.exif.startswith(b"MM") else "<",
        photometric="rgb" if tiff.is_rgb else "minisblack",
        planarconfig=tiff.planes if has_samples else None,
        extrasamples=extras if has_samples and extras else None,
        compression=tiff.compression,
        predictor=tiff.is_predicted,
        iccprofile=metadata.profile(channels) or None,
        **_described(tiff, array, can_be_imagej=picture.alpha is None),
        **_tagged(tiff, metadata.xmp),
    )
    if metadata.exif:
        exif.attach(path, metadata.exif)


def _described(tiff: Tiff, array: NDArray[np.generic], *, can_be_imagej: bool) -> dict[str, Any]:
    """Return what describes the image, in the format of the program that wrote it."""
    if tiff.imagej is not None and can_be_imagej and array.dtype.name in _IMAGEJ:
        axes = {2: "YX", 3: "CYX" if tiff.planes == "pages" else "YXS"}[array.ndim]
        about = {**tiff.imagej, "axes": axes}
        return {"imagej": True, "metadata": about, "software": False}
    text = tiff.description
    if tiff.is_ome:
        text = ome.typed(text, array.dtype.name)
    elif text.startswith('{"shape":'):  # tifffile's own
        text = json.dumps({**json.loads(text), "shape": array.shape})
    return {"metadata": None, "description": text.encode() or None, "software": False}


def _tagged(tiff: Tiff, xmp: bytes) -> dict[str, Any]:
    tags = [*tiff.tags, *([Tag(_XMP, _BYTE, xmp)] if xmp else [])]
    written: dict[str, Any] = {"extratags": [_written(tag) for tag in tags]}
    if tiff.resolution is not None:
        x, y = tiff.resolution
        written |= {"resolution": (exif.rational(x), exif.rational(y)), "resolutionunit": tiff.unit}
    return written


def _written(tag: Tag) -> tuple[int, int, int, Any, bool]:
    if isinstance(tag.value, str):
        return tag.code, _ASCII, 0, tag.value.encode(), True
    return tag.code, tag.dtype, len(tag.value), tag.value, True
