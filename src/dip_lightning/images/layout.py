"""Laying an image out in a TIFF as the one that it came from."""

import json
from typing import Any, BinaryIO

import numpy as np
import tifffile
from numpy.typing import NDArray

from dip_lightning.images import exif, ome
from dip_lightning.images.metadata import Metadata, Tag, Tiff

_ASCII, _BYTE, _XMP = 2, 1, 700
_IMAGEJ = {"uint8", "uint16", "float32"}
_RGB = 3


def write(file: BinaryIO, array: NDArray[np.generic], metadata: Metadata, *, alpha: bool) -> None:
    """Write a TIFF.

    Args:
        file: open for writing and reading, empty.
        array: (H, W, C), of the dtype that is to be stored.
        metadata: what came with the pixels, of whatever size.
        alpha: the last channel is opacity.
    """
    metadata = metadata.fitted((array.shape[0], array.shape[1]))
    channels = array.shape[2] - alpha
    tiff = metadata.tiff or Tiff(is_rgb=channels == _RGB)
    extras = ["unspecified"] * (channels - (_RGB if tiff.is_rgb else 1)) + ["unassalpha"] * alpha
    is_single = array.shape[2] == 1
    if tiff.planes != "contig" and not is_single:
        array = np.moveaxis(array, -1, 0)
    array = np.ascontiguousarray(array[..., 0] if is_single else array)
    has_samples = tiff.planes != "pages" and not is_single
    tifffile.imwrite(
        file,
        array,
        byteorder=">" if metadata.exif.startswith(b"MM") else "<",
        photometric="rgb" if tiff.is_rgb else "minisblack",
        planarconfig=tiff.planes if has_samples else None,
        extrasamples=extras if has_samples and extras else None,
        compression=tiff.compression,
        predictor=tiff.is_predicted,
        iccprofile=metadata.profile(_RGB if tiff.is_rgb else 1) or None,
        **_described(tiff, array, can_be_imagej=not alpha),
        **_tagged(tiff, metadata.xmp),
    )
    if metadata.exif:
        exif.attach(file, metadata.exif)


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
        about = {**json.loads(text), "shape": array.shape}
        if len(about.get("axes", "")) != array.ndim:
            about.pop("axes", None)
        text = json.dumps(about)
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
