"""Reading TIFF: one image of any number of channels, and how the file lays it out."""

import io
import math
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import tifffile
from numpy.typing import NDArray

from dip_lightning.errors import UserError
from dip_lightning.images import layout, raw, tags
from dip_lightning.images.decoded import Decoded, check_size, turned
from dip_lightning.images.metadata import Metadata
from dip_lightning.images.picture import bounds

SIGNATURES = {b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"}
MAX_BYTES = 1 << 30  # decoded: four channels of the most pixels, 32 bits each
MAX_PAGES = 8  # that are taken as channels where the file does not say what they are
MAX_DIRECTORIES = 256  # of channels, overviews, masks
_ALPHA = {tifffile.EXTRASAMPLE.ASSOCALPHA, tifffile.EXTRASAMPLE.UNASSALPHA}
_COLORS = {
    tifffile.PHOTOMETRIC.MINISWHITE,
    tifffile.PHOTOMETRIC.MINISBLACK,
    tifffile.PHOTOMETRIC.RGB,
    tifffile.PHOTOMETRIC.PALETTE,
}
_GRAY = {tifffile.PHOTOMETRIC.MINISWHITE, tifffile.PHOTOMETRIC.MINISBLACK}
_BITS = {1, 8, 16, 32, 64}
_RGB = 3
Planes = Literal["contig", "separate", "pages"]
Source = tifffile.TiffPage | tifffile.TiffPageSeries


def read(path: Path) -> Decoded:
    """Decode a TIFF, or a camera's raw file that looks like one.

    Args:
        path: the file.

    Raises:
        UserError: readable, but not what can be restored; without the file's name.
        Exception: whatever tifffile raises on a damaged file.
    """
    # Channels in other files would be read from wherever this one says.
    with path.open("rb") as file, tifffile.TiffFile(file, _multifile=False) as tiff:
        if raw.is_raw_tiff(tiff):
            return raw.read(path)
        page, source = _full(tiff)
        check_size(page.imagelength, page.imagewidth)
        if source.nbytes > MAX_BYTES:
            raise UserError(
                f"is {source.nbytes:,} bytes when decoded, expected at most {MAX_BYTES:,}"
            )
        _check_values(page)
        array, planes = _channels(page, source)
        alpha = planes != "pages" and bool(page.extrasamples) and page.extrasamples[-1] in _ALPHA
        nodata = _nodata(array, page)
        array = _plain(array, page, alpha=alpha)
        colors = array.shape[2] - alpha
        is_rgb = page.photometric not in _GRAY and colors >= _RGB
        orientation = tags.orientation(page)
        metadata = tags.metadata(tiff, page, getattr(source, "kind", ""), file)
        storage = metadata.tiff and replace(metadata.tiff, planes=planes, is_rgb=is_rgb)
        if storage is not None and nodata is not None and nodata != tags.nodata(page):
            storage = tags.naming(storage, nodata)
        metadata = replace(metadata, tiff=storage).turned(orientation)
        _check_writing(array, metadata, alpha=alpha)
        return Decoded(
            turned(array, orientation),
            alpha=alpha,
            is_color=colors == 1 or (is_rgb and colors == _RGB),
            nodata=nodata,
            metadata=metadata,
            tiff=True,
        )


def _check_writing(array: NDArray[np.generic], metadata: Metadata, *, alpha: bool) -> None:
    """Write a few pixels now: damaged metadata must not fail when a fit has ended."""
    few = np.zeros((2, 2, array.shape[2]), np.uint8 if array.dtype == bool else array.dtype)
    layout.write(io.BytesIO(), few, metadata, alpha=alpha)


def _full(tiff: tifffile.TiffFile) -> tuple[tifffile.TiffPage, Source]:
    """Find the one image in full resolution, among overviews, thumbnails and masks."""
    first = tiff.pages[0]
    if not isinstance(first, tifffile.TiffPage):
        raise UserError("has no first page")
    check_size(first.imagelength, first.imagewidth)
    if len(tiff.pages) > MAX_DIRECTORIES:
        raise UserError(f"holds {len(tiff.pages)} pages, expected at most {MAX_DIRECTORIES}")
    whole = [series for series in tiff.series if _is_full(series.keyframe)]
    if len(whole) > 1:
        raise UserError(
            f"holds {len(whole)} images of different sizes or types, expected a single one: "
            "save the one as a file of its own"
        )
    if whole:
        is_ome = whole[0].kind == "ome"
        if first.is_ome != is_ome or any(page is None for page in whole[0].pages):
            raise UserError(
                "is described by OME-XML that names other files or pages than it holds, expected "
                "all planes in one file: save it as one"
            )
        return whole[0].keyframe, whole[0]
    inner = [
        page for page in first.pages or () if isinstance(page, tifffile.TiffPage) and _is_full(page)
    ]
    if len(inner) != 1:
        raise UserError(
            "holds only a picture of reduced resolution, expected the full one: export it as a "
            "TIFF of its own"
        )
    return inner[0], inner[0]


def _is_full(page: tifffile.TiffPage) -> bool:
    return not page.is_reduced and not page.is_mask


def _channels(page: tifffile.TiffPage, source: Source) -> tuple[NDArray[np.generic], Planes]:
    """Return the stored values as (H, W, C), and where the channels lie."""
    lengths = [
        (axis, length)
        for axis, length in zip(source.axes, source.shape, strict=True)
        if axis in "YX" or length > 1
    ]
    axes = "".join(axis for axis, _ in lengths)
    others = axes.replace("Y", "", 1).replace("X", "", 1)
    many = math.prod(length for axis, length in lengths if axis not in "YX")
    is_undeclared = others in {"I", "Q"} and many <= MAX_PAGES
    if others not in {"", "S", "C"} and not (is_undeclared and page.samplesperpixel == 1):
        raise UserError(
            f"holds {many // page.samplesperpixel} images (axes {source.axes}), expected a single "
            f"one, or up to {MAX_PAGES} gray pages, which are channels: save one as a file of its "
            "own (ImageJ: Image > Duplicate)"
        )
    array = np.asarray(source.asarray()).reshape([length for _, length in lengths])
    if not others:
        return array[..., np.newaxis], "contig"
    array = np.moveaxis(array, axes.index(others), -1)
    if page.samplesperpixel == 1:
        return array, "pages"
    is_separate = page.planarconfig == tifffile.PLANARCONFIG.SEPARATE
    return array, "separate" if is_separate else "contig"


def _check_values(page: tifffile.TiffPage) -> None:
    is_jpeg = page.compression == tifffile.COMPRESSION.JPEG
    is_ycbcr = page.photometric == tifffile.PHOTOMETRIC.YCBCR  # becomes RGB with JPEG's decoder
    if page.photometric not in _COLORS and not (is_jpeg and is_ycbcr):
        is_cmyk = page.photometric == tifffile.PHOTOMETRIC.SEPARATED
        name = "CMYK" if is_cmyk else tifffile.PHOTOMETRIC(page.photometric).name
        raise UserError(f"has the colours {name}, expected gray or RGB: convert it first")
    bits = page.bitspersample
    # Other numbers of bits are unpacked, but not scaled; a palette's are indices.
    if bits not in _BITS and page.photometric != tifffile.PHOTOMETRIC.PALETTE:
        raise UserError(
            f"stores {bits} bits per value, expected 1, 8 or 16 bits or floating point: "
            "convert it first"
        )


def _nodata(array: NDArray[np.generic], page: tifffile.TiffPage) -> float | None:
    """Return what the file's value for "no data" is from black to white; None: it has none."""
    value = tags.nodata(page)
    if value is None:
        return None
    if page.photometric == tifffile.PHOTOMETRIC.PALETTE and (array == value).any():
        raise UserError(
            f"has a palette, in which {value:g} means no data: convert it to gray or RGB first"
        )
    is_inverted = page.photometric == tifffile.PHOTOMETRIC.MINISWHITE and array.dtype.kind in "bu"
    return bounds(array.dtype.name)[1] - value if is_inverted else value


def _plain(
    array: NDArray[np.generic], page: tifffile.TiffPage, *, alpha: bool
) -> NDArray[np.generic]:
    """Turn (H, W, C) as stored into gray or RGB from black to white, and opacity beside it."""
    if page.photometric == tifffile.PHOTOMETRIC.PALETTE:
        if array.shape[2] > 1:
            raise UserError("has several channels of palette colours, expected gray: convert it")
        colors = np.asarray(page.colormap) >> 8  # 16 bits to the 8 that were meant
        array = np.moveaxis(colors.astype(np.uint8)[:, array[..., 0]], 0, -1)
    if alpha and page.extrasamples[-1] == tifffile.EXTRASAMPLE.ASSOCALPHA:
        array = _unassociated(array)
    if page.photometric == tifffile.PHOTOMETRIC.MINISWHITE:
        array = _inverted(array, channels=array.shape[2] - alpha)
    return array


def _unassociated(array: NDArray[np.generic]) -> NDArray[np.generic]:
    """Divide the colours of (H, W, C) by the opacity that they were multiplied by."""
    result = array.copy()
    alpha = array[..., -1].astype(np.float64)
    top = float(np.iinfo(array.dtype.name).max) if array.dtype.kind in "iu" else 1.0
    scale = np.divide(top, alpha, out=np.zeros_like(alpha), where=alpha != 0)
    for channel in range(array.shape[2] - 1):
        color = array[..., channel].astype(np.float64) * scale
        result[..., channel] = np.rint(color).clip(0, top) if array.dtype.kind in "iu" else color
    return result


def _inverted(array: NDArray[np.generic], channels: int) -> NDArray[np.generic]:
    colors: NDArray[np.generic] = array[..., :channels]
    if array.dtype.kind in "bu":
        colors = np.invert(colors)
    return np.concatenate([colors, array[..., channels:]], axis=2)
