"""Small lossy copies of result images, as text for a page, each of them once."""

import base64
import hashlib
import io
import warnings
from functools import lru_cache
from pathlib import Path

from PIL import Image

# Photographs restored, observed and true, no two alike, take 1.4 MB of a page of 200 runs.
SIDES = {60: 192, 120: 128, 200: 96}  # pixels, up to so many runs
SMALLEST = 64
QUALITY = 70
CACHED = 8192  # images


class Pictures:
    """The images that a page carries; the same one of many runs is carried once.

    Args:
        runs: how many runs the page has: the more, the smaller they are.

    Attributes:
        side: pixels of the longer side, at most.
        found: data: addresses by key.
    """

    def __init__(self, runs: int) -> None:
        self.side = next((side for most, side in SIDES.items() if runs <= most), SMALLEST)
        self.found: dict[str, str] = {}

    def add(self, path: Path) -> str | None:
        """Take an image along.

        Returns:
            Its key; None where the file is missing or cannot be read.
        """
        address = preview(path, self.side)
        if address is None:
            return None
        # Of what it holds, so that an open page finds what it has in a newer one.
        key = hashlib.blake2b(address.encode(), digest_size=6).hexdigest()
        self.found[key] = address
        return key


def preview(path: Path, side: int) -> str | None:
    """Shrink an image to what a page can carry.

    Args:
        path: PNG or WebP file.
        side: pixels of its longer side, at most.

    Returns:
        A data: address of a WebP image; None where the file is missing or cannot be read.
    """
    try:
        if not path.is_file():  # a pipe would be waited for
            return None
        return _preview(path, path.stat().st_mtime_ns, side)
    except Exception:  # noqa: BLE001 - what a decoder raises for a damaged file is its own choice
        return None


@lru_cache(CACHED)
def _preview(path: Path, _stamp: int, side: int) -> str:
    with warnings.catch_warnings(action="ignore"), Image.open(path) as image:  # of large ones
        deep = image.mode.startswith("I") or image.mode == "F"
        shown = image.point(lambda level: level / 256).convert("L") if deep else image
        shown = shown.convert(
            "RGBA" if "A" in shown.getbands() or "transparency" in shown.info else "RGB"
        )
        shown.thumbnail((side, side))
        written = io.BytesIO()
        shown.save(written, "WEBP", quality=QUALITY, method=4)
    return f"data:image/webp;base64,{base64.b64encode(written.getvalue()).decode()}"
