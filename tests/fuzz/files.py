"""Damaged, hostile and merely odd image files."""

import io
import struct
import zlib

import numpy as np
import tifffile
from hypothesis import strategies as st
from PIL import Image

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
    exif[0x0112] = 6
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
