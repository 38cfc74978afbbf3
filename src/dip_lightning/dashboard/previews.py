"""Small lossy copies of result images, as text for a page."""

import base64
import io
from functools import lru_cache
from pathlib import Path

from PIL import Image, UnidentifiedImageError

SIDE = 192  # pixels
QUALITY = 70
CACHED = 8192  # images


def preview(path: Path) -> str | None:
    """Shrink an image to what a page can carry.

    Args:
        path: PNG or WebP file.

    Returns:
        A data: address of a WebP image, its longer side at most `SIDE` pixels; None where the file
        is missing or cannot be read.
    """
    try:
        return _preview(path, path.stat().st_mtime_ns)
    except (OSError, UnidentifiedImageError, ValueError):
        return None


@lru_cache(CACHED)
def _preview(path: Path, _stamp: int) -> str:
    with Image.open(path) as image:
        deep = image.mode.startswith("I") or image.mode == "F"
        shown = image.point(lambda level: level / 256).convert("L") if deep else image
        shown = shown.convert(
            "RGBA" if "A" in shown.getbands() or "transparency" in shown.info else "RGB"
        )
        shown.thumbnail((SIDE, SIDE))
        written = io.BytesIO()
        shown.save(written, "WEBP", quality=QUALITY, method=4)
    return f"data:image/webp;base64,{base64.b64encode(written.getvalue()).decode()}"
