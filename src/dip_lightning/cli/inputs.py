"""The files that a command reads: whether they are there, before anything is written."""

import os
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from dip_lightning.config import DEFAULT_IMAGE, DRAWN, PATH_KEYS
from dip_lightning.errors import UserError
from dip_lightning.images.collections import Source, look_up, look_up_mask, sources
from dip_lightning.images.reading import first_bytes
from dip_lightning.loading import kernel_file
from dip_lightning.operators.own import check_options


def check(composed: DictConfig, swept: frozenset[str]) -> None:
    """Look for the files that all jobs of a command read.

    What a swept key names is its job's to look for: it must not stop the others. Whether a file
    can be decoded is not asked.

    Args:
        composed: configuration of the first job.
        swept: keys that have several values.

    Raises:
        UserError: a file is missing, empty or may not be read.
    """
    _check_operator(composed, swept)
    for key in PATH_KEYS:
        name = composed[key]
        if name is None or key in swept or name in DRAWN.get(key, ()):
            continue
        try:
            found = _find(key, name, composed, several=bool(swept & {"image", "observed"}))
        except OSError as error:
            raise UserError(f"{key}={name}: cannot be read ({error.strerror})") from None
        if isinstance(found, Path):
            first_bytes(found, f"{key}={name}")


def _check_operator(composed: DictConfig, swept: frozenset[str]) -> None:
    options = OmegaConf.to_container(composed.operator, resolve=True)
    assert isinstance(options, dict)  # noqa: S101 - what a DictConfig becomes
    name = options.pop("name", None)
    if name is not None and "operator.name" not in swept:
        check_options(name, {str(key): value for key, value in options.items()})


def notes(composed: DictConfig) -> list[str]:
    """Tell somebody who gives a photo and its mask what `image=` means; nothing to others."""
    image, mask = composed.image, composed.mask
    if image is None or mask is None or not (os.path.isfile(image) and os.path.exists(mask)):
        return []
    note = (
        f"image={image}: is taken for the undamaged original, which psnr compares with where "
        f"mask={mask} is black, too; for a damaged photo, use observed="
    )
    return [note]


def _find(key: str, name: str, composed: DictConfig, *, several: bool) -> Path | Source | None:
    if key == "observed":
        return Path(name)
    if key == "kernel":
        return kernel_file(name)
    if key != "mask":
        return look_up(name, key)
    is_collection = any(known.startswith(f"{name}/") for known in sources())
    if several and (os.path.isdir(name) or is_collection):
        return None  # in which each job finds its own
    return look_up_mask(name, composed.observed or composed.image or DEFAULT_IMAGE)
