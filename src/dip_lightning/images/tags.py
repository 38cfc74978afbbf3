"""What a TIFF says of its image, in tags and descriptions."""

import contextlib
from dataclasses import replace
from fractions import Fraction
from typing import Any, BinaryIO

import tifffile

from dip_lightning.images import exif, georeference
from dip_lightning.images.metadata import INCH, Metadata, Tag, Tiff

_NODATA = 42113
CARRIED = (
    *(271, 272, 285, 305, 306, 315, 316, 33432),  # make, model, page, software, date, artist, ...
    *(318, 319),  # white point and primaries
    33723,  # IPTC
    *(33550, 33922, 34264, 34735, 34736, 34737),  # GeoTIFF
    *(42112, _NODATA, 50909),  # GDAL
)
_ORIENTATION, _XMP, _ICC, _X_RESOLUTION, _Y_RESOLUTION, _UNIT = 274, 700, 34675, 282, 283, 296
_DEFLATE = 8
_PREDICTED = {5, _DEFLATE, 32946, 34925, 50000}  # LZW, deflate, deflate of old, LZMA, Zstandard
_KEPT = {1, 32773, *_PREDICTED}  # none, PackBits
_ASCII, _BYTES = 2, {1, 7}
_IMAGEJ_TAGS = {"Info", "Labels", "Ranges", "LUTs", "ROI", "Overlays", "Plot", "Properties"}


def metadata(
    tiff: tifffile.TiffFile, page: tifffile.TiffPage, kind: str, file: BinaryIO
) -> Metadata:
    """Collect what came with the pixels of a page, as they are stored.

    Args:
        tiff: the TIFF.
        page: its image.
        kind: who arranged its pages: "ome", "imagej", or another of tifffile's names.
        file: the TIFF's bytes.
    """
    storage = _storage(tiff, page, kind)
    return Metadata(
        size=(page.imagelength, page.imagewidth),
        icc=_bytes(page, _ICC),
        exif=exif.of_tiff(file),
        xmp=_bytes(page, _XMP),
        dpi=storage.dpi,
        tiff=storage,
    )


def orientation(page: tifffile.TiffPage) -> int:
    """Return how the page is to be turned, EXIF's number."""
    tag = page.tags.get(_ORIENTATION)
    return int(tag.value) if tag else 1


def nodata(page: tifffile.TiffPage) -> float | None:
    """Return the value that GDAL calls "no data", if there is one."""
    tag = page.tags.get(_NODATA)
    with contextlib.suppress(ValueError):
        return float(tag.value) if tag and isinstance(tag.value, str) else None
    return None


def naming(storage: Tiff, value: float) -> Tiff:
    """Name another value for "no data" than the file does: its pixels are written otherwise."""
    told = f"{value:.17g}"
    named = (replace(tag, value=told) if tag.code == _NODATA else tag for tag in storage.tags)
    return replace(storage, tags=tuple(named))


def _storage(tiff: tifffile.TiffFile, page: tifffile.TiffPage, kind: str) -> Tiff:
    imagej = _imagej(tiff) if kind == "imagej" else None
    is_unread_json = page.description.startswith('{"shape":') and kind != "shaped"
    description = "" if imagej is not None or is_unread_json else page.description
    compression = int(page.compression)
    resolution = [_fraction(page, code) for code in (_X_RESOLUTION, _Y_RESOLUTION)]
    unit = page.tags.get(_UNIT)
    x, y = resolution
    return Tiff(
        # What cannot be written in its own way, such as the fax's, is not left to grow either.
        compression=compression if compression in _KEPT else _DEFLATE,
        is_predicted=page.predictor != 1 and compression in _PREDICTED,
        description=description,
        is_ome=kind == "ome",
        imagej=imagej,
        resolution=None if x is None or y is None else (x, y),
        unit=int(unit.value) if unit and unit.value in {1, 2, 3} else INCH,
        tags=tuple(tag for code in CARRIED if (tag := _tag(page, code)) is not None),
    )


def _tag(page: tifffile.TiffPage, code: int) -> Tag | None:
    """Return a tag if it holds what it may hold."""
    tag = page.tags.get(code)
    if tag is None:
        return None
    value, dtype = tag.value, int(tag.dtype)
    if isinstance(value, str):
        return Tag(code, _ASCII, value) if dtype == _ASCII else None
    if isinstance(value, bytes):
        return Tag(code, dtype, value) if dtype in _BYTES else None
    numbers = value if isinstance(value, tuple) else (value,)
    is_usable = code not in georeference.PLACES or georeference.places(code, numbers)
    if not is_usable or not all(isinstance(number, int | float) for number in numbers):
        return None
    return Tag(code, dtype, numbers)


def _imagej(tiff: tifffile.TiffFile) -> dict[str, Any]:
    found = tiff.imagej_metadata or {}
    return {
        key: _escaped(value) if isinstance(value, str) and key not in _IMAGEJ_TAGS else value
        for key, value in found.items()
        if key in _IMAGEJ_TAGS or isinstance(value, str | int | float)
    }


def _escaped(text: str) -> str:
    """Write what is not ASCII as ImageJ does."""
    return "".join(c if c.isascii() else f"\\u{ord(c):04X}" for c in text)


def _fraction(page: tifffile.TiffPage, code: int) -> Fraction | None:
    tag = page.tags.get(code)
    pair = tag.value if tag else None
    if not (isinstance(pair, tuple) and len(pair) == 2 and all(isinstance(n, int) for n in pair)):  # noqa: PLR2004
        return None
    return Fraction(*pair) if pair[0] > 0 and pair[1] > 0 else None


def _bytes(page: tifffile.TiffPage, code: int) -> bytes:
    tag = page.tags.get(code)
    value = tag.value if tag else b""
    return value if isinstance(value, bytes) else b""
