"""Decoding a file to an array of whatever it stores, by the library that loses nothing of it."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image as PillowImage
from PIL import ImageOps
from PIL.ImageFile import ImageFile as PillowImageFile

from dip_lightning.errors import UserError
from dip_lightning.images.metadata import Metadata

MEGAPIXEL = 1_000_000
MAX_MEGAPIXELS = 64
MAX_BYTES = 1 << 30  # decoded: four channels of so many pixels, 32 bits each
ORIENTATION = 0x0112  # the tag, in EXIF and in TIFF
FORMATS = ("PNG", "JPEG", "BMP", "WEBP", "GIF", "PPM", "TIFF")
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
TIFF_SIGNATURES = {b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"}
_PNG_COLORS = {0: "mono", 2: "rgb", 6: "rgba"}
_DEEP_BITS = 16
_MAX_PPM = 255
_TIFF_ALPHA = {tifffile.EXTRASAMPLE.ASSOCALPHA, tifffile.EXTRASAMPLE.UNASSALPHA}
_TIFF_COLORS = {
    tifffile.PHOTOMETRIC.MINISWHITE,
    tifffile.PHOTOMETRIC.MINISBLACK,
    tifffile.PHOTOMETRIC.RGB,
    tifffile.PHOTOMETRIC.PALETTE,
}
_TIFF_BITS = {1, 8, 16, 32, 64}
_PLANES = 3  # dimensions of a TIFF that stores its channels one after the other


@dataclass(frozen=True)
class Decoded:
    """What a file stores.

    Attributes:
        array: (H, W, C), upright, as stored.
        alpha: the last channel is opacity.
        is_color: the channels are gray or RGB; else each is a measurement of its own.
        nodata: the value that the file itself declares as no data.
        metadata: what came with the pixels.
        tiff: stored as TIFF.
    """

    array: NDArray[np.generic]
    alpha: bool
    is_color: bool = True
    nodata: float | None = None
    metadata: Metadata = field(default_factory=Metadata)
    tiff: bool = False


def decode(path: Path, head: bytes) -> Decoded:
    if head[:4] in TIFF_SIGNATURES:
        array, alpha = _decode(path, head)
        return Decoded(array, alpha, array.shape[2] - alpha in {1, 3}, tiff=True)
    return Decoded(*_decode(path, head))


def _decode(path: Path, head: bytes) -> tuple[NDArray[np.generic], bool]:
    """Decode an image file.

    Pillow turns 16-bit RGB into 8 bits without a word, so those files go elsewhere.

    Args:
        path: the file.
        head: its first 32 bytes.

    Returns:
        The stored values, (H, W, C), and whether the last channel is opacity.

    Raises:
        UserError: readable, but not what can be restored; without the file's name.
        Exception: whatever a library raises on a damaged file.
    """
    if head[:4] in TIFF_SIGNATURES:
        return _read_tiff(path)
    if head.startswith(PNG_SIGNATURE) and head[24] == _DEEP_BITS:
        return _read_deep_png(path, head)
    return _read_pillow(path)


def _check_size(height: int, width: int) -> None:
    if not height or not width:
        raise UserError("has no pixels")
    if height * width > MAX_MEGAPIXELS * MEGAPIXEL:
        raise UserError(
            f"is {width} x {height} pixels, expected at most {MAX_MEGAPIXELS} megapixels"
        )


def _read_pillow(path: Path) -> tuple[NDArray[np.generic], bool]:
    with PillowImage.open(path, formats=FORMATS) as image:
        _check_size(image.height, image.width)
        # A phone's JPEG may carry previews behind the photo, which then counts as MPO.
        if getattr(image, "n_frames", 1) > 1 and image.format != "MPO":
            raise UserError("is animated, expected a single image")
        if image.mode in {"CMYK", "YCbCr", "LAB", "HSV"}:
            raise UserError(f"has the colours {image.mode}, expected gray or RGB: convert it first")
        _check_levels(image)
        upright = ImageOps.exif_transpose(image)
        transparent = "transparency" in image.info or "A" in upright.getbands()
        if upright.mode in {"P", "PA"}:
            upright = upright.convert("RGBA" if transparent else "RGB")
        elif transparent and upright.mode == "1":
            upright = upright.convert("LA")
        elif upright.mode in {"1", "La", "RGBa", "RGBX"}:
            plain = {"La": "LA", "RGBa": "RGBA", "RGBX": "RGB"}
            upright = upright.convert(plain.get(upright.mode, "L"))
        elif transparent and upright.mode in {"L", "RGB"}:
            upright = upright.convert("LA" if upright.mode == "L" else "RGBA")
        array = np.asarray(upright)
        if image.format == "PPM" and upright.mode == "I":  # 16 bits, in 32
            array = array.astype(np.uint16)
        return np.atleast_3d(array), transparent


def _check_levels(image: PillowImageFile) -> None:
    # Pillow makes 16 bits of a PGM with more than 256 levels, but 8 of a PPM.
    args = image.tile[0].args if image.format == "PPM" and image.mode == "RGB" else None
    if isinstance(args, tuple) and int(args[1]) > _MAX_PPM:
        raise UserError(
            f"is a PPM of values up to {args[1]}, expected at most {_MAX_PPM}: convert it to a "
            "16-bit PNG or TIFF"
        )


def _read_deep_png(path: Path, head: bytes) -> tuple[NDArray[np.generic], bool]:
    import kornia_rs.io  # noqa: PLC0415 - only needed for 16 bits

    width, height = (int.from_bytes(head[i : i + 4], "big") for i in (16, 20))
    _check_size(height, width)
    mode = _PNG_COLORS.get(head[25])
    if mode is None:
        raise UserError("is 16-bit gray with alpha, expected 16-bit gray, RGB or RGBA")
    with PillowImage.open(path, formats=FORMATS) as image:
        image.load()  # reads the metadata behind the pixels, too
        if "transparency" in image.info:
            raise UserError("has a transparent colour in 16 bits, expected an alpha channel")
        orientation = image.getexif().get(ORIENTATION, 1)
    array = kornia_rs.io.read_image_png_u16(str(path), mode)
    return _turned(array, orientation), mode == "rgba"


def _read_tiff(path: Path) -> tuple[NDArray[np.generic], bool]:
    with tifffile.TiffFile(path) as tiff:
        page = tiff.pages[0]
        if not isinstance(page, tifffile.TiffPage):
            raise UserError("has no first page")
        _check_size(page.imagelength, page.imagewidth)
        if len(tiff.pages) > 1 or page.imagedepth > 1:
            raise UserError(f"holds {len(tiff.pages)} images, expected a single one")
        if page.nbytes > MAX_BYTES:
            raise UserError(
                f"is {page.nbytes:,} bytes when decoded, expected at most {MAX_BYTES:,}"
            )
        _check_tiff_values(page)
        array = page.asarray()
        alpha = bool(page.extrasamples) and page.extrasamples[-1] in _TIFF_ALPHA
        if page.photometric == tifffile.PHOTOMETRIC.PALETTE:
            colors = np.asarray(page.colormap) >> 8  # 16 bits to the 8 that were meant
            array = np.moveaxis(colors.astype(np.uint8)[:, array], 0, -1)
        elif page.planarconfig == tifffile.PLANARCONFIG.SEPARATE and array.ndim == _PLANES:
            array = np.moveaxis(array, 0, -1)
        array = np.atleast_3d(array)
        if alpha and page.extrasamples[-1] == tifffile.EXTRASAMPLE.ASSOCALPHA:
            array = _unassociated(array)
        if page.photometric == tifffile.PHOTOMETRIC.MINISWHITE:
            array = _inverted(array, channels=array.shape[2] - alpha)
        tag = page.tags.get(ORIENTATION)
        return _turned(array, tag.value if tag else 1), alpha


def _check_tiff_values(page: tifffile.TiffPage) -> None:
    is_jpeg = page.compression == tifffile.COMPRESSION.JPEG
    is_ycbcr = page.photometric == tifffile.PHOTOMETRIC.YCBCR  # becomes RGB with JPEG's decoder
    if page.photometric not in _TIFF_COLORS and not (is_jpeg and is_ycbcr):
        is_cmyk = page.photometric == tifffile.PHOTOMETRIC.SEPARATED
        name = "CMYK" if is_cmyk else tifffile.PHOTOMETRIC(page.photometric).name
        raise UserError(f"has the colours {name}, expected gray or RGB: convert it first")
    bits = page.bitspersample
    # Other numbers of bits are unpacked, but not scaled; a palette's are indices.
    if bits not in _TIFF_BITS and page.photometric != tifffile.PHOTOMETRIC.PALETTE:
        raise UserError(
            f"stores {bits} bits per value, expected 1, 8 or 16 bits or floating point: "
            "convert it first"
        )


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


def _turned(array: NDArray[np.generic], orientation: int) -> NDArray[np.generic]:
    """Turn (H, W, C) upright: EXIF's orientations 5 to 8 are transposed, 2 to 4 mirrored."""
    if orientation in {5, 6, 7, 8}:
        array = array.swapaxes(0, 1)
    if orientation in {3, 4, 7, 8}:
        array = array[::-1]
    if orientation in {2, 3, 6, 7}:
        array = array[:, ::-1]
    return np.ascontiguousarray(array)
