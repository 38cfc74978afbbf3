"""Damaged, hostile and merely odd image files."""

import io
import struct
import zlib

import numpy as np
import tifffile
from hypothesis import strategies as st
from PIL import Image

from tests.images.profiles import DISPLAY_P3

SIZES = [0, 1, 2, 7, 8, 255, 4000, 8000, 8001, 16384, 65535, 65536, 2**20, 2**31 - 1, 2**32 - 1]
COUNTS = st.sampled_from(
    [0, 1, 2, 3, 4, 5, 7, 8, 16, 32, 254, 255, 256, 65535, 2**31 - 1, 2**32 - 1]
)


def _pillow(mode: str, form: str, **settings: object) -> bytes:
    rng = np.random.default_rng(0)
    image = Image.fromarray(rng.integers(0, 255, (11, 14, 3), dtype=np.uint8)).convert(mode)
    file = io.BytesIO()
    image.save(file, form, **settings)
    return file.getvalue()


def _exif() -> bytes:
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "Maker", 6
    exif[0x011A], exif[0x011B] = 300.0, 150.0
    exif[0x8769], exif[0x8825] = {0xA002: 14, 0xA003: 11, 0x927C: b"notes"}, {1: "N"}
    return exif.tobytes()


def _tiff(dtype: str, channels: int, **settings: object) -> bytes:
    rng = np.random.default_rng(0)
    array = (rng.random((16, 16, channels)) * 200).astype(dtype)
    file = io.BytesIO()
    tifffile.imwrite(file, array[..., 0] if channels == 1 else array, **settings)
    return file.getvalue()


def png(width: int, height: int, depth: int, color: int, pixels: bytes, *more: bytes) -> bytes:
    """A PNG that says what it is told to say, its checksums right."""
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
    chunks = [b"IHDR" + header, *more, b"IDAT" + zlib.compress(pixels, 1), b"IEND"]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
        for chunk in chunks
    )


def _stack(**settings: object) -> bytes:
    """Two channels, a page for each."""
    file = io.BytesIO()
    array = np.arange(2 * 11 * 14, dtype=np.uint16).reshape(2, 11, 14)
    tifffile.imwrite(file, array, photometric="minisblack", **settings)
    return file.getvalue()


def _behind_a_thumbnail(photometric: str, *tags: tuple) -> bytes:
    """The image in a SubIFD, as a DNG has it."""
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as tiff:
        about = {"photometric": "rgb", "metadata": None, "extratags": tags}
        tiff.write(np.zeros((8, 8, 3), np.uint8), subfiletype=1, subifds=1, **about)
        array = np.arange(16 * 16, dtype=np.uint16).reshape(16, 16)
        tiff.write(array, subfiletype=0, photometric=photometric, metadata=None)
    return file.getvalue()


_DNG = [(50706, "B", 4, (1, 4, 0, 0), True), (50708, "s", 0, "Test Camera", True)]
_GEO = [
    (33550, "d", 3, (2.0, 2.0, 0.0), True),
    (33922, "d", 6, (0.0, 0.0, 0.0, 10.0, 20.0, 0.0), True),
    (34735, "H", 8, (1, 1, 0, 1, 1025, 0, 1, 2), True),
    (42113, "s", 0, "-9999", True),
]
_IMAGEJ = {"axes": "CYX", "unit": "um", "Ranges": (0.0, 1.0, 0.0, 9.0), "Labels": ["a", "b"]}
_DEEP_CHUNKS = [
    b"gAMA" + struct.pack(">I", 45455),
    b"iCCPname\0\0" + zlib.compress(DISPLAY_P3),
    b"eXIf" + _exif()[6:],
    b"pHYs" + struct.pack(">IIB", 11811, 5906, 1),
    b"iTXtTitle\0\0\0\0\0a title",
]

SEEDS = [
    *(_pillow(mode, "PNG") for mode in ("L", "RGB", "RGBA", "P", "1", "LA")),
    *(_pillow(mode, "JPEG", exif=_exif()) for mode in ("L", "RGB", "CMYK")),
    _pillow("RGB", "JPEG", progressive=True),
    *(_pillow("RGB", form) for form in ("BMP", "GIF", "WEBP", "PPM", "TIFF")),
    png(14, 11, 16, 2, bytes(11 * (1 + 14 * 6))),
    png(14, 11, 16, 0, bytes(11 * (1 + 14 * 2))),
    png(14, 11, 16, 6, bytes(11 * (1 + 14 * 8))),
    *(_tiff(dtype, 3, photometric="rgb") for dtype in ("uint8", "uint16", "float32", "float64")),
    *(_tiff("uint8", 1, compression=name) for name in ("lzw", "deflate", "zstd", "packbits")),
    _tiff("uint8", 3, photometric="rgb", compression="jpeg"),
    _tiff("uint16", 3, photometric="rgb", tile=(16, 16), predictor=True, compression="lzw"),
    _tiff("float32", 5, photometric="minisblack", planarconfig="contig"),
    _tiff("uint8", 1, photometric="miniswhite"),
    _tiff("uint8", 4, photometric="rgb", extrasamples=["unassalpha"]),
    _tiff("uint16", 1, bigtiff=True),
    *(_pillow("RGB", form, icc_profile=DISPLAY_P3, exif=_exif()) for form in ("PNG", "WEBP")),
    _pillow("RGB", "JPEG", icc_profile=DISPLAY_P3, exif=_exif(), dpi=(300, 150)),
    _pillow("RGB", "TIFF", icc_profile=DISPLAY_P3, exif=_exif(), dpi=(300, 150)),
    png(14, 11, 16, 2, bytes(11 * (1 + 14 * 6)), *_DEEP_CHUNKS),
    png(14, 11, 16, 4, bytes(11 * (1 + 14 * 4)), *_DEEP_CHUNKS),
    _tiff("float32", 1, photometric="minisblack", metadata=None, extratags=_GEO),
    _stack(ome=True, metadata={"axes": "CYX", "PhysicalSizeX": 0.5}),
    _stack(imagej=True, metadata=_IMAGEJ, resolution=((4, 1), (4, 1))),
    _stack(metadata=None),
    _stack(metadata={"axes": "CYX", "exposure": 7}),
    _behind_a_thumbnail("minisblack"),
    _behind_a_thumbnail("cfa", *_DNG),
]


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A file of `SEEDS` after some accidents."""
    data = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(0, 5))):
        at = draw(st.integers(0, max(0, len(data) - 1)))
        match draw(st.sampled_from(["byte", "short", "long", "cut", "drop", "insert", "repeat"])):
            case "byte":
                data[at : at + 1] = bytes([draw(st.integers(0, 255))])
            case "short":
                order = draw(st.sampled_from("<>"))
                data[at : at + 2] = struct.pack(f"{order}H", draw(COUNTS) & 0xFFFF)
            case "long":
                data[at : at + 4] = struct.pack(draw(st.sampled_from(["<I", ">I"])), draw(COUNTS))
            case "cut":
                del data[at:]
            case "drop":
                del data[at : at + draw(st.integers(1, 40))]
            case "insert":
                data[at:at] = draw(st.binary(max_size=20))
            case "repeat":
                data[at:at] = data[at : at + draw(st.integers(1, 200))]
    return bytes(data)


@st.composite
def declared_png(draw: st.DrawFn) -> bytes:
    """A PNG of any size, depth and colour, from nothing to a bomb; its pixels are zeros."""
    width, height = draw(st.sampled_from(SIZES)), draw(st.sampled_from(SIZES))
    depth, color = draw(st.sampled_from([1, 2, 4, 8, 16, 17])), draw(st.sampled_from(range(8)))
    channels = {2: 3, 4: 2, 6: 4}.get(color, 1)
    whole = height * (1 + (width * channels * depth + 7) // 8)
    pixels = bytes(min(whole, draw(st.sampled_from([0, 1000, 600_000_000]))))
    more = [b"PLTE" + bytes(6)] if draw(st.booleans()) else []
    if draw(st.booleans()):
        more.append(b"zTXtkey\0\0" + zlib.compress(bytes(draw(st.sampled_from([10, 10**8]))), 1))
    return png(width, height, depth, color, pixels, *more)


@st.composite
def declared_tiff(draw: st.DrawFn) -> bytes:
    """A TIFF whose first page says any size, depth and number of channels."""
    number = st.sampled_from(SIZES)
    tags = [
        (256, 4, draw(number)),
        (257, 4, draw(number)),
        (258, 3, draw(st.sampled_from([0, 1, 7, 8, 16, 32, 64, 128]))),
        (259, 3, draw(st.sampled_from([1, 5, 7, 8, 32773, 50000, 34712, 34887, 9]))),
        (262, 3, draw(st.integers(0, 9))),
        (273, 4, 8),
        (277, 3, draw(st.sampled_from([0, 1, 3, 4, 5, 100, 10_000, 65535]))),
        (278, 4, draw(number)),
        (279, 4, draw(st.sampled_from([0, 1, 100, 2**32 - 1]))),
        (339, 3, draw(st.integers(0, 6))),
    ]
    body = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
    return b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", len(tags)) + body + bytes(200)
