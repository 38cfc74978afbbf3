"""Decoding a file to an array of whatever it stores, by the library that loses nothing of it."""

import math
from dataclasses import replace
from pathlib import Path

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage
from PIL.ImageFile import ImageFile as PillowImageFile

from dip_lightning.errors import UserError
from dip_lightning.images import exif, png, raw, tiff
from dip_lightning.images.decoded import Decoded, check_size, turned
from dip_lightning.images.metadata import Metadata

FORMATS = ("PNG", "JPEG", "BMP", "WEBP", "GIF", "PPM", "TIFF")
_DEEP_BITS = 16
_SPREAD = {2: 85, 4: 17}  # from levels of so many bits to those of 8
_MAX_PPM = 255
_UNSUPPORTED = {
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1"), "HEIC"),
    **dict.fromkeys((b"avif", b"avis"), "AVIF"),
}
_RAW_EXIF = "Raw profile type exif"


def decode(path: Path, head: bytes) -> Decoded:
    """Decode an image file.

    Pillow turns 16-bit RGB into 8 bits without a word, so those files go elsewhere.

    Args:
        path: the file.
        head: its first 32 bytes.

    Raises:
        UserError: readable, but not what can be restored; without the file's name.
        Exception: whatever a library raises on a damaged file.
    """
    if raw.is_raw(head):
        return raw.read(path)
    if head[:4] in tiff.SIGNATURES:
        return tiff.read(path)
    if head[4:8] == b"ftyp" and head[8:12] in _UNSUPPORTED:
        raise UserError(
            f"is {_UNSUPPORTED[head[8:12]]}, expected PNG, JPEG or TIFF: export it as one of them"
        )
    return _read_pillow(path, bits=head[24] if head.startswith(png.SIGNATURE) else None)


def _read_pillow(path: Path, *, bits: int | None) -> Decoded:
    with path.open("rb") as file, PillowImage.open(file, formats=FORMATS) as image:
        check_size(image.height, image.width)
        # A phone's JPEG may carry previews behind the photo, which then counts as MPO.
        if getattr(image, "n_frames", 1) > 1 and image.format != "MPO":
            raise UserError("is animated, expected a single image")
        if image.mode in {"CMYK", "YCbCr", "LAB", "HSV"}:
            raise UserError(f"has the colours {image.mode}, expected gray or RGB: convert it first")
        _check_levels(image)
        image.load()  # reads the metadata behind the pixels, too
        orientation = exif.orientation(image)
        metadata = _metadata(image).turned(orientation)
        if bits == _DEEP_BITS:
            array = np.atleast_3d(imagecodecs.png_decode(png.bare(file)))
            alpha = array.shape[2] in {2, 4}
        else:
            if image.mode == "L" and "transparency" in image.info and bits in _SPREAD:
                image.info["transparency"] *= _SPREAD[bits]
            array, alpha = _pixels(image)
        if image.format == "PNG":
            metadata = replace(metadata, colors=png.colors(file))
        is_float = image.mode == "F"  # of a PFM, which no PNG holds
        return Decoded(turned(array, orientation), alpha, metadata=metadata, tiff=is_float)


def _pixels(image: PillowImageFile) -> tuple[NDArray[np.generic], bool]:
    """Return (H, W, C), gray or RGB, and whether the last channel is opacity."""
    plain: PillowImage.Image = image
    alpha = "transparency" in image.info or "A" in image.getbands() or "a" in image.getbands()
    if image.mode in {"P", "PA"}:
        plain = image.convert("RGBA" if alpha else "RGB")
    elif alpha and image.mode == "1":
        plain = image.convert("LA")
    elif image.mode in {"1", "La", "RGBa", "RGBX"}:
        plain = image.convert({"La": "LA", "RGBa": "RGBA", "RGBX": "RGB"}.get(image.mode, "L"))
    elif alpha and image.mode in {"L", "RGB"}:
        plain = image.convert("LA" if image.mode == "L" else "RGBA")
    array = np.asarray(plain)
    if image.format == "PPM" and plain.mode == "I":  # 16 bits, in 32
        array = array.astype(np.uint16)
    return np.atleast_3d(array), alpha


def _check_levels(image: PillowImageFile) -> None:
    # Pillow makes 16 bits of a PGM with more than 256 levels, but 8 of a PPM.
    args = image.tile[0].args if image.format == "PPM" and image.mode == "RGB" else None
    if isinstance(args, tuple) and int(args[1]) > _MAX_PPM:
        raise UserError(
            f"is a PPM of values up to {args[1]}, expected at most {_MAX_PPM}: convert it to a "
            "16-bit PNG or TIFF"
        )


def _metadata(image: PillowImageFile) -> Metadata:
    info = image.info
    texts = getattr(image, "text", {})
    block = info.get("exif", b"")
    if not block and _RAW_EXIF in info:  # as ImageMagick writes it
        block = bytes.fromhex("".join(info[_RAW_EXIF].split("\n")[3:]))
    return Metadata(
        size=(image.height, image.width),
        icc=info.get("icc_profile") or b"",
        exif=block.removeprefix(exif.HEADER),
        xmp=_xmp(info.get("xmp") or texts.get(png.XMP, "")),
        texts=tuple(
            (str(keyword), str(text))
            for keyword, text in texts.items()
            if keyword != png.XMP and not keyword.startswith("Raw profile type")
        ),
        dpi=_dpi(info.get("dpi")),
    )


def _xmp(content: bytes | str) -> bytes:
    return content.encode() if isinstance(content, str) else content


def _dpi(values: object) -> tuple[float, float] | None:
    if not isinstance(values, tuple) or len(values) != 2:  # noqa: PLR2004
        return None
    x, y = (float(value) for value in values)
    return (x, y) if 0 < x < math.inf and 0 < y < math.inf else None
