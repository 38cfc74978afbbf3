"""Writing images as they were read."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import tifffile
import torch
from PIL import Image as PillowImage
from torch import Tensor

from dip_lightning.images.picture import LEVELS, RGB, Format, Picture, preview, quantise

RGBA = 4


def write_png(path: Path, picture: Picture) -> None:
    """Write a PNG with the picture's channels and depth; floats take 16 bits from low to high."""
    import kornia_rs.io  # noqa: PLC0415 - only needed for 16 bits

    stored = picture.format
    if stored.dtype not in LEVELS:
        stored = Format("uint16", high=LEVELS["uint16"])
    elif stored.high != LEVELS[stored.dtype]:
        stored = replace(stored, low=0.0, high=LEVELS[stored.dtype])
    pixels = preview(picture.pixels)
    array = quantise(_with_alpha(pixels, picture.alpha, rgba=stored.dtype == "uint16"), stored)
    if stored.dtype == "uint8":
        PillowImage.fromarray(array[..., 0] if array.shape[2] == 1 else array).save(path)
        return
    mode = {1: "mono", RGB: "rgb", RGBA: "rgba"}[array.shape[2]]
    kornia_rs.io.write_image_png_u16(str(path), array, mode)


def write_tiff(path: Path, picture: Picture) -> None:
    """Write a TIFF with the picture's channels, dtype and range of values."""
    array = quantise(picture.pixels, picture.format)
    channels = array.shape[2]
    if picture.alpha is not None:
        top = LEVELS.get(picture.format.dtype, 1.0)
        alpha = quantise(picture.alpha, replace(picture.format, low=0.0, high=top))
        array = np.concatenate([array, alpha], axis=2)
    tifffile.imwrite(
        path,
        array[..., 0] if array.shape[2] == 1 else array,
        photometric="rgb" if channels == RGB else "minisblack",
        planarconfig="contig" if array.shape[2] > 1 else None,
        extrasamples=["unassalpha"] if picture.alpha is not None else None,
    )


def _with_alpha(pixels: Tensor, alpha: Tensor | None, *, rgba: bool) -> Tensor:
    if alpha is None:
        return pixels
    colors = pixels.expand(-1, RGB, -1, -1) if rgba else pixels
    return torch.cat([colors, alpha.to(pixels.device)], dim=1)
