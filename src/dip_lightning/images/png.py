"""PNG's chunks of metadata, read and written as they are: libraries read them, few write them."""

import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import BinaryIO

SIGNATURE = b"\x89PNG\r\n\x1a\n"
COLORS = frozenset({b"gAMA", b"cHRM", b"sRGB", b"cICP"})
XMP = "XML:com.adobe.xmp"
_PIXELS = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})
_MOST = 1 << 30  # bytes
_CHECKSUM = 4  # bytes
_HEAD = 8  # bytes: length and kind of a chunk
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
    found: dict[bytes, bytes] = {}
    for kind, length in _walk(file):
        if kind == b"IDAT":
            break
        if kind in COLORS and length <= _LONGEST:
            found[kind] = file.read(length)
    return tuple(found.items())


def bare(file: BinaryIO) -> bytes:
    """Return a PNG of the pixels alone, so that libpng has nothing to say of the rest.

    Args:
        file: a PNG.

    Raises:
        ValueError: more bytes of pixels than the largest image has.
    """
    kept = [SIGNATURE]
    left = _MOST
    for kind, length in _walk(file):
        if kind in _PIXELS:
            left -= length
            if left < 0:
                raise ValueError("too many bytes")
            kept.append(struct.pack(">I", length) + kind + file.read(length + _CHECKSUM))
    return b"".join(kept)


def _walk(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Yield kind and length of each chunk, the file being where its content begins."""
    at = len(SIGNATURE)
    kind = b""
    while kind != b"IEND":
        file.seek(at)
        head = file.read(_HEAD)
        if len(head) < _HEAD:
            return
        length, kind = struct.unpack(">I4s", head)
        yield kind, length
        at += _HEAD + length + _CHECKSUM


def inserted(png: bytes, chunks: Iterable[Chunk]) -> bytes:
    """Insert chunks behind the header of a PNG."""
    written = [_packed(*chunk) for chunk in chunks]
    return b"".join([png[:_HEADER_END], *written, png[_HEADER_END:]])


def _packed(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(content, zlib.crc32(kind))
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)


def profile(icc: bytes) -> Chunk:
    """Return the chunk of an ICC profile."""
    return b"iCCP", b"ICC profile\0\0" + zlib.compress(icc)


def density(dpi: tuple[float, float]) -> Chunk:
    """Return the chunk of a resolution, x and y, dots per inch."""
    x, y = (max(1, min(round(value * METRE), 2**31 - 1)) for value in dpi)
    return b"pHYs", struct.pack(">IIB", x, y, 1)


def text(keyword: str, content: str) -> Chunk:
    """Return the chunk of a text."""
    name = keyword.encode("latin-1", "replace")[:_KEYWORD]
    return b"iTXt", name + b"\0\1\0\0\0" + zlib.compress(content.encode())
