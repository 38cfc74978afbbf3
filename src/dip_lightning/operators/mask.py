"""Masks: 1 where a pixel is known, 0 where it is missing."""

import torch
from PIL import Image as PillowImage
from PIL import ImageDraw, ImageFont
from torch import Tensor, nn

TEXT = "deep image prior "


class Mask(nn.Module):
    """Hide the missing pixels: A(x) = m * x.

    Args:
        m: known pixels, (1, 1, H, W) or (1, C, H, W), 0 or 1.

    Example:
        >>> import torch
        >>> from dip_lightning.operators import Mask
        >>> m = torch.tensor([1.0, 0.0]).view(1, 1, 1, 2)
        >>> Mask(m)(torch.full((1, 3, 1, 2), 0.5))[0, 0]
        tensor([[0.5000, 0.0000]])
    """

    m: Tensor

    def __init__(self, m: Tensor) -> None:
        super().__init__()
        self.register_buffer("m", m)

    def forward(self, x: Tensor) -> Tensor:
        """Hide the missing pixels of x.

        Args:
            x: image, (1, C, H, W), any range.

        Returns:
            m * x, same shape and range.
        """
        return self.m * x


def random_mask(
    shape: tuple[int, int, int], known: float, *, per_channel: bool, generator: torch.Generator
) -> Tensor:
    """Keep a random fraction of the pixels, each independently of the others.

    Args:
        shape: (C, H, W) of the image.
        known: probability that a pixel is kept, 0 to 1.
        per_channel: draw each channel of a pixel separately.
        generator: source of randomness, on the CPU.

    Returns:
        m, (1, C, H, W) where `per_channel`, else (1, 1, H, W); 0 or 1.

    Raises:
        ValueError: `known` is not a probability.

    Example:
        >>> import torch
        >>> from dip_lightning.operators import random_mask
        >>> draw = torch.Generator().manual_seed(0)
        >>> random_mask((3, 20, 24), 0.5, per_channel=False, generator=draw).shape
        torch.Size([1, 1, 20, 24])
    """
    if not 0 <= known <= 1:
        raise ValueError(f"known={known}: expected a probability, 0 to 1")
    channels, height, width = shape
    drawn = torch.rand(1, channels if per_channel else 1, height, width, generator=generator)
    return (drawn < known).float()


def hole_mask(height: int, width: int) -> Tensor:
    """Cut one rectangular hole, a third of each side, out of the middle.

    Returns:
        m, (1, 1, H, W), 0 or 1.

    Example:
        >>> from dip_lightning.operators import hole_mask
        >>> hole_mask(3, 5)[0, 0].int().tolist()
        [[1, 1, 1, 1, 1], [1, 0, 0, 0, 1], [1, 1, 1, 1, 1]]
    """
    m = torch.ones(1, 1, height, width)
    top, left = height // 3, width // 3
    m[..., top : height - top, left : width - left] = 0
    return m


def drawn_mask(kind: str, height: int, width: int) -> Tensor:
    """Draw a "hole" or a "text"; see `hole_mask` and `text_mask`.

    Raises:
        ValueError: `kind` is neither.

    Example:
        >>> from dip_lightning.operators import drawn_mask
        >>> drawn_mask("hole", 20, 24).shape
        torch.Size([1, 1, 20, 24])
    """
    kinds = {"hole": hole_mask, "text": text_mask}
    if kind not in kinds:
        raise ValueError(f"kind={kind}: choose one of {', '.join(kinds)}")
    return kinds[kind](height, width)


def text_mask(height: int, width: int) -> Tensor:
    """Write lines of text over the whole image, letters missing.

    The height of a letter is a fourteenth of the shorter side, at least 8 pixels.

    Returns:
        m, (1, 1, H, W), 0 or 1.

    Example:
        >>> from dip_lightning.operators import text_mask
        >>> m = text_mask(40, 48)
        >>> 0.5 < float(m.mean()) < 1
        True
    """
    size = max(8, min(height, width) // 14)
    canvas = PillowImage.new("L", (width, height), 255)
    draw = ImageDraw.Draw(canvas)
    font = ImageFont.load_default(size)
    repeats = width // max(1, int(draw.textlength(TEXT, font=font))) + 3
    for row, top in enumerate(range(size // 2, height, int(1.7 * size))):
        draw.text((-row * 2.5 * size % -width, top), TEXT * repeats, fill=0, font=font)
    pixels = torch.frombuffer(bytearray(canvas.tobytes()), dtype=torch.uint8)
    return (pixels.view(1, 1, height, width) >= 128).float()  # noqa: PLR2004 - half of 8 bits
