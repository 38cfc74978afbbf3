"""What came with the pixels of an image, and goes with the result."""

import re
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any, Literal

import numpy as np

from dip_lightning.images import exif as exif_block
from dip_lightning.images import georeference, ome

INCH, CENTIMETRE = 2, 3  # TIFF's units of resolution
_TRANSPOSED = frozenset({5, 6, 7, 8})
_ORIENTATION = re.compile(rb"(tiff:Orientation(?:=\"|=\'|>))[2-8]")
_SPACES = {b"GRAY": 1, b"RGB ": 3}
_INCHES = {INCH: 1.0, CENTIMETRE: 2.54}
_IN_PIXELS = ("ROI", "Overlays", "Plot")  # places in the image
_ORIGINS = ("xorigin", "yorigin")


@dataclass(frozen=True)
class Tag:
    """A tag of a TIFF.

    Attributes:
        dtype: TIFF's number of the type of the values.
        value: bytes, a text, or the numbers.
    """

    code: int
    dtype: int
    value: bytes | str | tuple[Any, ...]


@dataclass(frozen=True)
class Tiff:
    """How a TIFF stored its image, so that the result is stored alike.

    Attributes:
        planes: channels side by side, one after the other, or a page for each.
        is_rgb: the first three channels are red, green and blue.
        compression: TIFF's number of a lossless one, 1 for none.
        is_predicted: differences are compressed.
        description: ImageDescription, if it is not ImageJ's.
        is_ome: the description is OME-XML.
        imagej: ImageJ's metadata; None if ImageJ did not write the file.
        resolution: pixels per unit, x and y.
        unit: TIFF's number of the unit of resolution.
        tags: the others that go with the result.
    """

    planes: Literal["contig", "separate", "pages"] = "contig"
    is_rgb: bool = False
    compression: int = 1
    is_predicted: bool = False
    description: str = ""
    is_ome: bool = False
    imagej: dict[str, Any] | None = None
    resolution: tuple[Fraction, Fraction] | None = None
    unit: int = INCH
    tags: tuple[Tag, ...] = ()

    @property
    def dpi(self) -> tuple[float, float] | None:
        """Pixels per inch, x and y; None if the file does not say."""
        if self.resolution is None or self.unit not in _INCHES:
            return None
        x, y = (float(value) * _INCHES[self.unit] for value in self.resolution)
        return x, y

    def moved(self, to_old: georeference.Matrix) -> "Tiff":
        """Return what is true of another grid of pixels; see `georeference`."""
        values = {tag.code: tag.value for tag in self.tags if isinstance(tag.value, tuple)}
        placed = georeference.moved(values, to_old)
        kept = [tag for tag in self.tags if tag.code not in georeference.PLACES]
        tags = (*kept, *(Tag(code, 12, placed[code]) for code in placed))
        imagej = self.imagej and _imagej_moved(self.imagej, to_old)
        return replace(self, tags=tags, imagej=imagej)

    def enlarged(self, size: tuple[int, int], x: Fraction, y: Fraction) -> "Tiff":
        """Return what is true of an image of `size` with `x` and `y` times the pixels."""
        tiff = self if x == y == 1 else self.moved(georeference.enlarged(float(x), float(y)))
        if tiff.resolution is not None:
            tiff = replace(tiff, resolution=(tiff.resolution[0] * x, tiff.resolution[1] * y))
        if tiff.is_ome:
            tiff = replace(tiff, description=ome.rewritten(tiff.description, size, (x, y)))
        return tiff


def _imagej_moved(imagej: dict[str, Any], to_old: georeference.Matrix) -> dict[str, Any]:
    """Move the place of 0 in physical units; what was drawn into the old image is left out."""
    kept = {key: value for key, value in imagej.items() if key not in _IN_PIXELS}
    places = [kept.get(key, 0) for key in _ORIGINS]
    if kept.keys() & set(_ORIGINS) and all(isinstance(place, int | float) for place in places):
        x, y, *_ = (float(place) for place in np.linalg.solve(to_old, [*places, 0, 1]))
        kept |= dict(zip(_ORIGINS, (x, y), strict=True))
    return kept


@dataclass(frozen=True)
class Metadata:
    """What came with the pixels of an image; `Metadata()` is nothing.

    Attributes:
        size: (H, W) of the upright pixels that it describes.
        icc: ICC profile.
        colors: PNG's chunks gAMA, cHRM, sRGB and cICP, by their names.
        exif: from its byte order on.
        xmp: XML.
        texts: PNG's, by their keywords.
        dpi: resolution, pixels per inch, x and y.
        tiff: what only a TIFF holds.
    """

    size: tuple[int, int] = (0, 0)
    icc: bytes = field(default=b"", repr=False)
    colors: tuple[tuple[bytes, bytes], ...] = ()
    exif: bytes = field(default=b"", repr=False)
    xmp: bytes = field(default=b"", repr=False)
    texts: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    dpi: tuple[float, float] | None = None
    tiff: Tiff | None = None

    def profile(self, channels: int) -> bytes:
        """Return the ICC profile if it is one of gray (1 channel) or RGB (3), else nothing."""
        return self.icc if _SPACES.get(self.icc[16:20]) == channels else b""

    def turned(self, orientation: int) -> "Metadata":
        """Return what is true of the upright pixels.

        Args:
            orientation: EXIF's, 1 to 8, of pixels as stored, which `size` and `dpi` describe.
        """
        is_transposed = orientation in _TRANSPOSED
        size = self.size[::-1] if is_transposed else self.size
        tiff = self.tiff
        if tiff is not None and orientation != 1:
            tiff = tiff.moved(georeference.turned(orientation, self.size))
            if is_transposed and tiff.resolution is not None:
                tiff = replace(tiff, resolution=tiff.resolution[::-1])
        return replace(
            self,
            size=size,
            exif=exif_block.rewritten(self.exif, size, is_transposed=is_transposed),
            xmp=_ORIENTATION.sub(rb"\g<1>1", self.xmp),
            dpi=self.dpi[::-1] if self.dpi and is_transposed else self.dpi,
            tiff=tiff,
        )

    def colored(self) -> "Metadata":
        """Return what is true of an RGB image made of this one's gray values."""
        if self.tiff is None:
            return self
        tiff = replace(
            self.tiff, is_rgb=True, planes="contig", description="", is_ome=False, imagej=None
        )
        return replace(self, tiff=tiff)

    def cropped(self, top: int, left: int, size: tuple[int, int]) -> "Metadata":
        """Return what is true of a crop.

        Args:
            top: rows above it, pixels.
            left: columns left of it, pixels.
            size: (H, W) of the crop, pixels.
        """
        tiff = self.tiff and self.tiff.moved(georeference.shifted(left, top))
        return replace(self, size=size, tiff=tiff)

    def fitted(self, size: tuple[int, int]) -> "Metadata":
        """Return what is true of an image that shows the same in `size`, (H, W), pixels.

        The pixels become smaller or larger, the whole stays as large as it is.
        """
        y, x = (
            Fraction(new, old) if old else Fraction(1)
            for new, old in zip(size, self.size, strict=True)
        )
        return replace(
            self,
            size=size,
            exif=exif_block.rewritten(self.exif, size, (x, y)),
            dpi=self.dpi and (self.dpi[0] * float(x), self.dpi[1] * float(y)),
            tiff=self.tiff and self.tiff.enlarged(size, x, y),
        )
