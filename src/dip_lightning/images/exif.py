"""EXIF of another size: what describes the old pixels is put right, all else keeps its bytes.

The block is edited in its place instead of being written anew, since a camera's own notes hold
offsets of places in it.
"""

import contextlib
import struct
from fractions import Fraction
from typing import BinaryIO

from PIL import Image as PillowImage
from PIL.Image import Image

HEADER = b"Exif\0\0"  # in front of it, in JPEG
_ORDERS = {b"II": "<", b"MM": ">"}
_ORIENTATION, _WIDTH, _HEIGHT = 0x0112, 0x0100, 0x0101
_TURNED = 8  # the last of the orientations
_RESOLUTIONS = (0x011A, 0x011B)  # x, y
_EXIF_IFD, _PIXEL_WIDTH, _PIXEL_HEIGHT = 0x8769, 0xA002, 0xA003
_THUMBNAIL, _THUMBNAIL_BYTES = 0x0201, 0x0202
_GPS_IFD, _INTEROPERABILITY_IFD = 0x8825, 0xA005
_OF_TIFF = (0x010F, 0x0110, 0x0131, 0x0132, 0x013B, 0x8298)  # make, model, software, date, ...
_SHORT, _LONG = 3, 4
_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_INLINE = 4  # bytes of a value that stands in its entry
_CLASSIC = 42  # not BigTIFF
_ENTRY = 12  # bytes
_MOST, _MOST_SHORT = 2**31, 2**16


def rational(value: Fraction) -> tuple[int, int]:
    """Return numerator and denominator of 32 bits, as exact as they can be."""
    most = max(1, int(_MOST / max(value, Fraction(1))))
    short = min(value, Fraction(_MOST)).limit_denominator(most)
    return short.numerator, short.denominator


def orientation(image: Image) -> int:
    """Return how the pixels of an open file are turned, 1 to 8; 1 where it does not say so.

    A photo that is whole is not refused for what stands beside its pixels.
    """
    try:
        value = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # noqa: BLE001 - of a damaged block, anything
        return 1
    value = value[0] if isinstance(value, bytes | tuple) and len(value) == 1 else value
    return value if isinstance(value, int) and 1 <= value <= _TURNED else 1


def rewritten(
    exif: bytes,
    size: tuple[int, int],
    scale: tuple[Fraction, Fraction] = (Fraction(1), Fraction(1)),
    *,
    is_transposed: bool = False,
) -> bytes:
    """Make EXIF say what is true of upright pixels of another size; the thumbnail is dropped.

    Args:
        exif: the block, from its byte order on.
        size: (H, W) of the new image, pixels.
        scale: pixels per pixel of the old image, x and y.
        is_transposed: whether the image was turned by 90 degrees.

    Returns:
        The block, or nothing if it is damaged.
    """
    data = bytearray(exif)
    order = _ORDERS.get(bytes(data[:2]))
    if order is None:
        return b""
    try:
        (first,) = struct.unpack_from(f"{order}I", data, 4)
        tags, after = _entries(data, order, first)
        inner: dict[int, int] = {}
        if _EXIF_IFD in tags:
            inner, _ = _entries(data, order, _value(data, order, tags[_EXIF_IFD]))
        _set_sizes(data, order, {**tags, **inner}, size)
        _scale_resolution(data, order, tags, scale[::-1] if is_transposed else scale, is_transposed)
        _drop_thumbnail(data, order, after)
    except struct.error:
        return b""
    return bytes(data)


def _entries(data: bytearray, order: str, at: int) -> tuple[dict[int, int], int]:
    """Return where the entry of each tag is, and where the offset of the next directory."""
    (count,) = struct.unpack_from(f"{order}H", data, at)
    places = [at + 2 + _ENTRY * number for number in range(count)]
    tags = {struct.unpack_from(f"{order}H", data, place)[0]: place for place in places}
    return tags, at + 2 + _ENTRY * count


def _value(data: bytearray, order: str, entry: int) -> int:
    (kind,) = struct.unpack_from(f"{order}H", data, entry + 2)
    return int(struct.unpack_from(order + ("H" if kind == _SHORT else "I"), data, entry + 8)[0])


def _set(data: bytearray, order: str, entry: int, value: int) -> None:
    (kind,) = struct.unpack_from(f"{order}H", data, entry + 2)
    kind = _SHORT if kind == _SHORT and value < _MOST_SHORT else _LONG
    content = struct.pack(order + ("H2x" if kind == _SHORT else "I"), value)
    struct.pack_into(f"{order}HI4s", data, entry + 2, kind, 1, content)


def _set_sizes(data: bytearray, order: str, tags: dict[int, int], size: tuple[int, int]) -> None:
    if _ORIENTATION in tags:
        _set(data, order, tags[_ORIENTATION], 1)
    for codes, length in (((_HEIGHT, _PIXEL_HEIGHT), size[0]), ((_WIDTH, _PIXEL_WIDTH), size[1])):
        for code in codes:
            if code in tags:
                _set(data, order, tags[code], length)


def _scale_resolution(
    data: bytearray,
    order: str,
    tags: dict[int, int],
    scale: tuple[Fraction, Fraction],
    is_transposed: bool,  # noqa: FBT001
) -> None:
    entries = [tags[code] for code in _RESOLUTIONS if code in tags]
    if len(entries) != len(_RESOLUTIONS):
        return
    places = [_value(data, order, entry) for entry in entries]
    old = [struct.unpack_from(f"{order}II", data, place) for place in places]
    new = [
        rational(Fraction(*pair) * factor) if pair[1] else pair
        for pair, factor in zip(old, scale, strict=True)
    ]
    for place, pair in zip(places, new[::-1] if is_transposed else new, strict=True):
        struct.pack_into(f"{order}II", data, place, *pair)


def _drop_thumbnail(data: bytearray, order: str, after: int) -> None:
    (second,) = struct.unpack_from(f"{order}I", data, after)
    if not second:
        return
    tags, _ = _entries(data, order, second)
    struct.pack_into(f"{order}I", data, after, 0)
    if _THUMBNAIL not in tags or _THUMBNAIL_BYTES not in tags:
        return
    start = _value(data, order, tags[_THUMBNAIL])
    stop = min(len(data), start + _value(data, order, tags[_THUMBNAIL_BYTES]))
    if stop == len(data):
        del data[start:]
    else:
        data[start:stop] = bytes(max(0, stop - start))


def of_tiff(file: BinaryIO) -> bytes:
    """Collect the EXIF of a TIFF, whose directories lie all over the file, in one block.

    Args:
        file: the TIFF.

    Returns:
        The block; nothing if there is no EXIF or it is damaged, or of a BigTIFF.
    """
    found, kept = PillowImage.Exif(), PillowImage.Exif()
    # What Pillow raises on a damaged directory.
    damaged = (struct.error, SyntaxError, TypeError, ValueError, KeyError, OSError, OverflowError)
    with contextlib.suppress(*damaged):
        file.seek(0)
        found.load_from_fp(file)
        kept.endian = found.endian
        for tag in _OF_TIFF:
            if tag in found:
                kept[tag] = found[tag]
        for tag in (_EXIF_IFD, _GPS_IFD):
            if tag in found and (inner := found.get_ifd(tag)):
                kept[tag] = dict(inner)
        return kept.tobytes().removeprefix(HEADER) if len(kept) else b""
    return b""


def attach(file: BinaryIO, exif: bytes) -> None:
    """Add the directories of camera and place to a TIFF of the same byte order.

    Its first page gets a new list of tags, behind all else; a BigTIFF stays as it is.

    Args:
        file: the TIFF, open for reading and writing.
        exif: a block that `rewritten` has returned.
    """
    order = _ORDERS[exif[:2]]
    block = bytearray(exif)
    (first,) = struct.unpack_from(f"{order}I", block, 4)
    tags, _ = _entries(block, order, first)
    file.seek(0)
    magic, page = struct.unpack(f"{order}2xHI", file.read(8))
    added = [tag for tag in (_EXIF_IFD, _GPS_IFD) if tag in tags]
    if magic != _CLASSIC or not added:
        return
    file.seek(page)
    (count,) = struct.unpack(f"{order}H", file.read(2))
    entries = [file.read(_ENTRY) for _ in range(count)]
    following = file.read(4)
    base = file.seek(0, 2)
    base += base % 2
    for tag in added:
        where = _value(block, order, tags[tag])
        _relocate(block, order, where, base)
        entries.append(struct.pack(f"{order}HHII", tag, _LONG, 1, base + where))
    entries.sort(key=lambda entry: int(struct.unpack_from(f"{order}H", entry)[0]))
    page = base + len(block) + len(block) % 2
    file.seek(base)
    file.write(block)
    file.seek(page)
    file.write(b"".join([struct.pack(f"{order}H", len(entries)), *entries, following]))
    file.seek(4)
    file.write(struct.pack(f"{order}I", page))


def _relocate(block: bytearray, order: str, at: int, base: int) -> None:
    """Make a directory's offsets those in a file that the block is in at `base`."""
    tags, _ = _entries(block, order, at)
    for tag, entry in tags.items():
        kind, count, value = struct.unpack_from(f"{order}HII", block, entry + 2)
        if tag == _INTEROPERABILITY_IFD:
            _relocate(block, order, value, base)
        elif _BYTES.get(kind, 0) * count <= _INLINE:
            continue
        struct.pack_into(f"{order}I", block, entry + 8, base + value)
