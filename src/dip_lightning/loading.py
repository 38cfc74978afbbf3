"""What a job works from: the image, its mask and its z, read from the files that keys name."""

import hashlib
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dip_lightning.config import DEFAULT_IMAGE, DRAWN, PATH_KEYS, TASK_KEYS, Config, value_of
from dip_lightning.errors import UserError
from dip_lightning.images import (
    Decoded,
    Picture,
    doubt,
    draw_black,
    opaque,
    open_file,
    read,
    read_kernel,
    read_mask,
    read_measured,
    scale,
    scale_known,
    without_single,
)
from dip_lightning.images.collections import MASKED, SAMPLES, find_image, find_mask
from dip_lightning.images.jpeg import coefficients_if_any, read_coefficients
from dip_lightning.operators import Mosaic, bayer_mask
from dip_lightning.operators.jpeg import Coefficients
from dip_lightning.operators.named import source
from dip_lightning.tasks.given import OF_ROUNDED, Given


def load(config: Config) -> tuple[Picture, Given]:
    """Read the image and its mask.

    Returns:
        The picture as stored, and what the task is given of it.

    Raises:
        UserError: a file cannot be used.
    """
    z = None
    if config.input_image is not None:
        z = read(find_image(config.input_image, "input_image"), "input_image").pixels
    if config.task == "operator" and config.observed:
        y, known, form, metadata = read_measured(Path(config.observed), "observed")
        picture = Picture(torch.zeros(1, 1, 1, 1), None, form, metadata=metadata)
        return picture, Given(y=y, m=known, z=z)
    picture, m, is_alpha = _load_damaged(config) if config.observed else _load_truth(config)
    coefficients = _read_coefficients(config, picture)
    whole = picture.size
    if config.max_side is not None:
        enlarged = (config.factor or 1) if config.observed else 1
        side = max(1, config.max_side // enlarged)
        rows, columns = picture.middle(side)
        if coefficients is not None:
            if config.task == "jpeg":  # nothing is known of blocks that are cut through
                rows, columns = coefficients.whole(rows, columns)
            coefficients = coefficients.cut(rows, columns)
        picture = picture.part(rows, columns)
        m = None if m is None else m[..., rows, columns].contiguous()
        z = None if z is None else _middle_of(z, enlarged, rows, columns)
    return picture, Given(
        x=None if config.observed else picture.pixels,
        y=picture.pixels if config.observed else None,
        m=m,
        kernel=_read_kernel(config),
        coefficients=coefficients,
        z=z,
        m_is_alpha=is_alpha,
        white=white(config, picture),
        is_cropped=picture.size != whole,
    )


def _middle_of(z: Tensor, enlarged: int, rows: slice, columns: slice) -> Tensor:
    tall, wide = (slice(enlarged * p.start, enlarged * p.stop) for p in (rows, columns))
    return z[..., tall, wide].contiguous()


def _load_truth(config: Config) -> tuple[Picture, Tensor | None, bool]:
    """Read the ground truth, and the mask if that is a file."""
    path = find_image(config.image or DEFAULT_IMAGE)
    # The result may show nothing of x that y did not: no hot pixel of it is given back.
    picture = _counted(config, read(path, "image"), f"image={path}")
    picture = replace(picture, beyond=None)
    m = _read_mask(config, picture.size)
    if m is not None and config.mask is not None and config.mask.partition("/")[0] == MASKED:
        m = draw_black(m, picture.pixels)
    return picture, m, False


def _load_damaged(config: Config) -> tuple[Picture, Tensor | None, bool]:
    """Read a real observation; what is known of it, and whether its opacity says so."""
    path = Path(value_of(config.observed))
    stored = open_file(path, "observed")
    height, width = stored.array.shape[:2]
    return damaged(config, stored, path, _read_mask(config, (height, width), stored))


def damaged(
    config: Config,
    stored: Decoded,
    path: Path,
    m: Tensor | None,
    *,
    key: str = "observed",
    advice: str | None = None,
) -> tuple[Picture, Tensor | None, bool]:
    """Take a damaged image as it is stored.

    Args:
        config: settings of the job.
        stored: its values.
        path: where it is from, for messages.
        m: known pixels, (1, 1, H, W), 0 or 1; None: no mask was given.
        key: key or argument that named it.
        advice: where some of its values are not known; None: for the command.

    Returns:
        The picture; what is known of it; whether its opacity says so.

    Raises:
        UserError: it cannot be restored faithfully.
    """
    if config.pattern is not None:
        flat = scale_known(stored, path, key, "a raw mosaic needs a number at each pixel")
        picture = _from_mosaic(flat, config.pattern, f"{key}={path}")
        return picture, picture.known, False
    if config.task not in TASK_KEYS["mask"]:
        picture = _counted(config, scale_known(stored, path, key, advice), f"{key}={path}")
        return replace(picture, beyond=without_single(picture.beyond)), None, False
    is_alpha = m is None and stored.alpha and not opaque(stored).all()
    picture = scale(stored, path, key, opaque(stored) if is_alpha else m, config.nodata)
    return picture, m if picture.known is None else picture.known, is_alpha


def _read_coefficients(config: Config, picture: Picture) -> Coefficients | None:
    """Read what bounds the result of a JPEG file, or what it has lost, in the picture's range."""
    if config.observed is None or config.task not in {"jpeg", *OF_ROUNDED}:
        return None
    read = read_coefficients if config.task == "jpeg" else coefficients_if_any
    held = read(Path(value_of(config.observed)), "observed")
    return held and held.ranged(picture.format.low[0], picture.format.high[0])


def _counted(config: Config, picture: Picture, given: str) -> Picture:
    """Let 0 be dark where photons are counted."""
    if config.noise != "poisson":
        return picture
    try:
        return picture.from_zero()
    except UserError as error:
        raise UserError(f"{given}: {error}") from None


def white(config: Config, picture: Picture) -> float:
    """Return the pixel value that sigma and peak count from: `Format.white`.

    Floats that are counts have no range of their own: the peak is at 1, however bright they are.
    """
    if config.noise == "poisson" and picture.format.dtype.startswith("float"):
        return 1 / picture.format.high[0]
    return picture.format.white


def _read_kernel(config: Config) -> Tensor | None:
    if config.kernel is None or config.kernel in DRAWN["kernel"]:
        return None
    return read_kernel(kernel_file(config.kernel))


def kernel_file(name: str | Path) -> Path:
    """Take a name for the file of a kernel; where there is none, say which kernels are drawn.

    Args:
        name: what was given for `kernel`.

    Raises:
        UserError: no such file.
    """
    if not os.path.exists(name):
        drawn = ", ".join(DRAWN["kernel"])
        raise UserError(f"kernel={name}: no such file, and none of {drawn}, which are drawn")
    return Path(name)


def _from_mosaic(picture: Picture, pattern: str, given: str) -> Picture:
    """Put each value of a raw mosaic into the channel of RGB that it was measured in."""
    channels = picture.pixels.shape[1]
    if channels != 1:
        raise UserError(
            f"{given}: has {channels} channels, expected the one of a raw mosaic, which has no "
            "palette; a colour image is not damaged, but its ground truth"
        )
    spread = Mosaic(pattern).adjoint
    return replace(
        picture,
        pixels=spread(picture.pixels),
        beyond=None if picture.beyond is None else spread(picture.beyond),
        known=bayer_mask(pattern, *picture.size),
        format=replace(picture.format, is_color=True),
        metadata=picture.metadata.colored(),
    )


def _read_mask(
    config: Config, size: tuple[int, int], damaged: Decoded | None = None
) -> Tensor | None:
    if config.mask is None or config.mask in DRAWN["mask"]:
        return None
    means = value_of(config.mask_means)
    file = find_mask(config.mask, config.observed or config.image or DEFAULT_IMAGE)
    mask = read_mask(file, size, means, value_of(config.mask_grow))
    image = None if damaged is None else damaged.array
    is_inpainting = config.task == "inpainting"
    reason = doubt(mask, f"mask={config.mask}", means, image, is_inpainting=is_inpainting)
    if reason is not None:
        print(reason, file=sys.stderr)
    return mask.m


def given_files(values: Mapping[str, Any]) -> list[tuple[str, Path]]:
    """List the files of the user's that a configuration names.

    Args:
        values: the configuration, by key.

    Returns:
        Each with its key=value; what is shipped or fetched is left out, and what is not there.
    """
    found = []
    operator = (values.get("operator") or {}).get("name")
    code = None if operator is None else source(operator)
    if code is not None and code.is_file():
        found.append((f"operator={operator}", code))
    for key in PATH_KEYS:
        value = values.get(key)
        named = os.environ.get("DIP_DATA") and value not in SAMPLES
        if value is None or value in DRAWN.get(key, ()):
            continue
        if not (named or os.path.exists(value)):
            continue
        image = values.get("observed") or values.get("image") or DEFAULT_IMAGE
        with suppress(UserError):
            file = find_mask(value, image) if key == "mask" else find_image(value, key)
            found.append((f"{key}={value}", file))
    return found


def checksums(values: Mapping[str, Any]) -> dict[str, str]:
    """Return a checksum of each file that `given_files` lists, by its key."""
    found = {}
    for given, path in given_files(values):
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16))
        found[given.partition("=")[0]] = digest.hexdigest()
    return found
