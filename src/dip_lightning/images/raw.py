"""A camera's raw files, developed by the library that knows the cameras."""

from pathlib import Path

import tifffile

from dip_lightning.errors import UserError
from dip_lightning.images import exif
from dip_lightning.images.decoded import Decoded, check_size
from dip_lightning.images.metadata import Metadata

_SIGNATURES = (b"FUJIFILMCCD-RAW", b"IIRO", b"IIRS", b"MMOR", b"IIU\0")
_INNER_SIGNATURES = ((4, b"ftypcrx "), (6, b"HEAPCCDR"), (8, b"CR\2"))  # CR3, CRW, CR2
_DNG_VERSION = 50706
_PHOTOMETRIC = {32803, 34892}  # colour filter array, linear raw
_PAGES = 8  # among which a raw file's image is
_GAMMA, _SRGB = (2.4, 12.92), ((b"sRGB", b"\0"),)


def is_raw(head: bytes) -> bool:
    """Return whether a file that begins so is a raw file; most look like a TIFF, and may be."""
    return head.startswith(_SIGNATURES) or any(
        head.startswith(signature, at) for at, signature in _INNER_SIGNATURES
    )


def is_raw_tiff(tiff: tifffile.TiffFile) -> bool:
    """Return whether what looks like a TIFF is a raw file: DNG, NEF, ARW, ..."""
    for page, _ in zip(tiff.pages, range(_PAGES), strict=False):
        if not isinstance(page, tifffile.TiffPage):
            continue
        inner = page.pages or ()
        if _DNG_VERSION in page.tags or any(
            one.photometric in _PHOTOMETRIC
            for one in (page, *inner)
            if isinstance(one, tifffile.TiffPage)
        ):
            return True
    return False


def read(path: Path) -> Decoded:
    """Develop a raw file as its camera would, but for brightness and colours of its own taste.

    Args:
        path: the file.

    Returns:
        16 bits, sRGB, upright, with the camera's white balance.

    Raises:
        UserError: rawpy is not installed.
        Exception: whatever rawpy raises on a damaged file.
    """
    try:
        import rawpy  # noqa: PLC0415 - optional
    except ModuleNotFoundError:
        raise UserError(
            "is a camera's raw file: pip install 'dip-lightning[raw]', "
            "or export it as a 16-bit TIFF"
        ) from None
    with rawpy.imread(str(path)) as image:
        check_size(image.sizes.height, image.sizes.width)
        array = image.postprocess(
            use_camera_wb=True, no_auto_bright=True, output_bps=16, gamma=_GAMMA
        )
    with path.open("rb") as file:  # most are TIFFs at heart
        block = exif.of_tiff(file)
    size = (array.shape[0], array.shape[1])
    return Decoded(array, metadata=Metadata(size, colors=_SRGB, exif=block).turned(1))
