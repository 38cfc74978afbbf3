"""PNG's chunks of metadata, read and written as they are: libraries read them, few write them."""

import struct
import zlib
from collections.abc import Iterable
from typing import BinaryIO

SIGNATURE = b"\x89PNG\r\n\x1a\n"
COLORS = frozenset({b"gAMA", b"cHRM", b"sRGB", b"cICP"})
XMP = "XML:com.adobe.xmp"
_HEADER_END = 33  # signature and IHDR
_LONGEST = 64  # bytes, of a chunk of `COLORS`
_KEYWORD = 79  # characters
METRE = 39.37007874015748  # inches
Chunk = tuple[bytes, bytes]  # kind, content


def colors(file: BinaryIO) -> tuple[Chunk, ...]:
    """Return the chunks that say what the values mean, apart from an ICC profile.

    Args:
        file: a PNG.
    """
    file.seek(len(SIGNATURE))
    found: dict[bytes, bytes] = {}
    while len(head := file.read(8)) == 8:  # noqa: PLR2004
        length, kind = struct.unpack(">I4s", head)
        if kind in {b"IDAT", b"IEND"}:
            break
        if kind in COLORS and length <= _LONGEST:
            found[kind] = file.read(length)
            file.seek(4, 1)
        else:
            file.seek(length + 4, 1)
    return tuple(found.items())


def inserted(png: bytes, chunks: Iterable[Chunk]) -> bytes:
    """Insert chunks behind the header of a PNG."""
    written = [
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in chunks
    ]
    return b"".join([png[:_HEADER_END], *written, png[_HEADER_END:]])


def profile(icc: bytes) -> Chunk:
    """Return the chunk of an ICC profile."""
    return b"iCCP", b"ICC profile\0\0" + zlib.compress(icc)


def density(dpi: tuple[float, float]) -> Chunk:
    """Return the chunk of a resolution, x and y, dots per inch."""
    x, y = (min(round(value * METRE), 2**31 - 1) for value in dpi)
    return b"pHYs", struct.pack(">IIB", x, y, 1)


def text(keyword: str, content: str) -> Chunk:
    """Return the chunk of a text."""
    name = keyword.encode("latin-1", "replace")[:_KEYWORD]
    return b"iTXt", name + b"\0\1\0\0\0" + zlib.compress(content.encode())
