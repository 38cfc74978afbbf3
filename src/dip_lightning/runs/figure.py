"""comparison.png: labelled panels side by side, fit for a slide."""

import math
from dataclasses import dataclass
from pathlib import Path

from PIL import Image as PillowImage
from PIL import ImageDraw, ImageFont
from torch import Tensor

from dip_lightning.images import preview, to_pillow

LEAST, MOST = 320, 640  # height of a panel, pixels
GAP = 16
PAPER, INK, FAINT = "white", "#111111", "#666666"


@dataclass(frozen=True)
class Panel:
    """One image of a comparison.

    Attributes:
        title: first line above the image.
        note: second line, such as its PSNR.
        pixels: (1, C, h, w), in [0, 1], of any size; shown as large as the others.
    """

    title: str
    note: str
    pixels: Tensor

    @property
    def lines(self) -> tuple[str, str]:
        """Both lines of the label."""
        return self.title, self.note


def draw_comparison(path: Path, panels: list[Panel], size: tuple[int, int]) -> None:
    """Draw the panels in a row.

    Args:
        path: PNG file to write.
        panels: from left to right.
        size: (H, W) of the restored image, whose aspect all panels get.
    """
    height, width = _panel_size(size)
    title_size, note_size = max(15, height // 18), max(13, height // 22)
    fonts = ImageFont.load_default(title_size), ImageFont.load_default(note_size)
    label = title_size + note_size + GAP
    longest = max(f.getlength(t) for p in panels for f, t in zip(fonts, p.lines, strict=True))
    step = max(width, math.ceil(longest)) + GAP
    columns = len(panels) if width <= 2 * height else math.ceil(len(panels) / 2)
    rows = math.ceil(len(panels) / columns)
    whole = (columns * step + GAP, rows * (height + label + GAP) + GAP)
    canvas = PillowImage.new("RGB", whole, PAPER)
    draw = ImageDraw.Draw(canvas)
    for index, panel in enumerate(panels):
        left = GAP + index % columns * step
        top = GAP + index // columns * (height + label + GAP)
        draw.text((left, top), panel.title, fill=INK, font=fonts[0])
        draw.text((left, top + title_size + 4), panel.note, fill=FAINT, font=fonts[1])
        canvas.paste(_shown(panel.pixels, (width, height)), (left, top + label - 4))
    canvas.save(path)


def _panel_size(size: tuple[int, int]) -> tuple[int, int]:
    height, width = size
    if height < LEAST:
        scale: float = math.ceil(LEAST / height)
    else:
        scale = min(1.0, MOST / height)
    scale = min(scale, max(1.0, 4 * MOST / width)) if scale > 1 else min(scale, 2 * MOST / width)
    return max(1, round(height * scale)), max(1, round(width * scale))


def _shown(pixels: Tensor, size: tuple[int, int]) -> PillowImage.Image:
    image = to_pillow(preview(pixels))
    # Enlarged pixels stay visible as squares; shrinking averages.
    larger = size[0] >= image.width
    method = PillowImage.Resampling.NEAREST if larger else PillowImage.Resampling.LANCZOS
    return image.resize(size, method).convert("RGB")
