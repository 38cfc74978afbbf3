"""What the interpolations in conf/ call."""

import hashlib
import re
from datetime import UTC, datetime
from typing import Any

from omegaconf import OmegaConf

from dip_lightning.config import image_name

LONGEST = 120  # letters of a job's folder
# What Windows refuses in the name of a folder, and the devices that it sees in some names.
REFUSED = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]+')
DEVICES = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?", re.IGNORECASE | re.DOTALL)


def folder_name(name: str) -> str:
    """Write a name so that every system takes it for a folder; an ordinary one stays as it is."""
    text = REFUSED.sub("-", name).rstrip(". ")
    return f"_{text}" if DEVICES.fullmatch(text) else text or "image"


def image_folder(image: str | None, observed: str | None) -> str:
    """Name the folder for the runs of an image.

    What Hydra would take for an interpolation loses its signs.
    """
    return folder_name(re.sub(r"\$\{|(?<=\w)\}", "", image_name(image, observed)))


def job_folder(swept: str) -> str:
    """Name one job of a sweep after its swept values, such as `lr=0.01-seed=1`.

    Where the name does not tell it all (folders of files, unusual letters), six digits of a
    checksum keep jobs apart.
    """
    text = re.sub(r"=['\"]?[^=]*/", "=", str(swept))
    text = re.sub(r"[^\w.=+-]+", "-", text.replace("'", "")).strip("-")
    is_told = re.fullmatch(r"[\w.=+,-]*", swept) and len(text) <= LONGEST
    if is_told and text and folder_name(text) == text:
        return text
    if not swept:
        return "job"
    digest = hashlib.sha256(swept.encode(errors="surrogateescape")).hexdigest()
    return f"{folder_name(text[:LONGEST])}-{digest[:6]}"


def stamp() -> str:
    """Write the local time to the millisecond: two runs started together get two folders."""
    return datetime.now(UTC).astimezone().strftime("%Y-%m-%d_%H-%M-%S.%f")[:-3]


def if_at_least(value: float, bound: float, then: Any, otherwise: Any) -> Any:
    """Choose between two values in conf/, such as the paper's for large and small factors."""
    return then if value >= bound else otherwise


def register_resolvers() -> None:
    """Register what conf/ calls, each under the name that it has here."""
    OmegaConf.register_new_resolver("if_at_least", if_at_least, replace=True)
    OmegaConf.register_new_resolver("image_folder", image_folder, replace=True)
    OmegaConf.register_new_resolver("job_folder", job_folder, replace=True)
    OmegaConf.register_new_resolver("stamp", stamp, use_cache=True, replace=True)
