"""What a job works from: the image, its mask and its z, read from the files that keys name."""

import sys
from dataclasses import replace
from pathlib import Path

from torch import Tensor

from dip_lightning.config import DEFAULT_IMAGE, DRAWN_MASKS, TASK_KEYS, Config, value_of
from dip_lightning.datasets import find_image, find_mask
from dip_lightning.images import (
    Decoded,
    Picture,
    centre,
    doubt,
    opaque,
    open_file,
    read,
    read_mask,
    scale,
    without_single,
)
from dip_lightning.tasks.given import Given


def load(config: Config) -> tuple[Picture, Given]:
    """Read the image and its mask.

    Returns:
        The picture as stored, and what the task is given of it.

    Raises:
        UserError: a file cannot be used.
    """
    picture, m, is_alpha = _load_damaged(config) if config.observed else _load_truth(config)
    z = None
    if config.input_image is not None:
        z = read(find_image(config.input_image, "input_image"), "input_image").pixels
    whole = picture.size
    if config.max_side is not None:
        enlarged = (config.factor or 1) if config.observed else 1
        side = max(1, config.max_side // enlarged)
        picture = picture.centre(side)
        m = None if m is None else centre(m, side)
        z = None if z is None else centre(z, side, enlarged)
    return picture, Given(
        x=None if config.observed else picture.pixels,
        y=picture.pixels if config.observed else None,
        m=m,
        z=z,
        m_is_alpha=is_alpha,
        is_cropped=picture.size != whole,
    )


def _load_truth(config: Config) -> tuple[Picture, Tensor | None, bool]:
    """Read the ground truth, and the mask if that is a file."""
    path = find_image(config.image or DEFAULT_IMAGE)
    # The result may show nothing of x that y did not: no hot pixel of it is given back.
    picture = replace(read(path, "image"), beyond=None)
    return picture, _read_mask(config, picture.size), False


def _load_damaged(config: Config) -> tuple[Picture, Tensor | None, bool]:
    """Read a real observation; what is known of it, and whether its opacity says so."""
    path = Path(value_of(config.observed))
    if config.task not in TASK_KEYS["mask"]:
        picture = read(path, "observed")
        return replace(picture, beyond=without_single(picture.beyond)), None, False
    stored = open_file(path, "observed")
    height, width = stored.array.shape[:2]
    m = _read_mask(config, (height, width), stored)
    is_alpha = m is None and stored.alpha and not opaque(stored).all()
    picture = scale(stored, path, "observed", opaque(stored) if is_alpha else m, config.nodata)
    return picture, m if picture.known is None else picture.known, is_alpha


def _read_mask(
    config: Config, size: tuple[int, int], damaged: Decoded | None = None
) -> Tensor | None:
    if config.mask is None or config.mask in DRAWN_MASKS:
        return None
    means = value_of(config.mask_means)
    file = find_mask(config.mask, config.observed or config.image or DEFAULT_IMAGE)
    mask = read_mask(file, size, means, value_of(config.mask_grow))
    image = None if damaged is None else damaged.array
    is_inpainting = config.task == "inpainting"
    reason = doubt(mask, config.mask, means, image, is_inpainting=is_inpainting)
    if reason is not None:
        print(reason, file=sys.stderr)
    return mask.m
