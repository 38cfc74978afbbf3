"""What the interpolations in conf/ call."""

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from omegaconf import OmegaConf

from dip_lightning.config import image_name

LONGEST = 120  # letters of a job's folder


def job_folder(swept: str) -> str:
    """Name one job of a sweep after its swept values, such as `lr=0.01-seed=1`.

    Where the name does not tell it all (folders of files, unusual letters), six digits of a
    checksum keep jobs apart.
    """
    text = re.sub(r"=['\"]?[^=]*/", "=", str(swept))
    text = re.sub(r"[^\w.=+-]+", "-", text.replace("'", "")).strip("-")
    if re.fullmatch(r"[\w.=+,-]*", swept) and len(text) <= LONGEST:
        return text or "job"
    return (
        f"{text[:LONGEST]}-{hashlib.sha256(swept.encode(errors='surrogateescape')).hexdigest()[:6]}"
    )


def image_folder(image: str | None, observed: str | None) -> str:
    """Name an image's folder; what Hydra would take for an interpolation loses its signs."""
    return re.sub(r"\$\{|(?<=\w)\}", "", image_name(image, observed)) or "image"


def stamp() -> str:
    """Write the local time to the millisecond: two runs started together get two folders."""
    return datetime.now(UTC).astimezone().strftime("%Y-%m-%d_%H-%M-%S.%f")[:-3]


def if_at_least(value: float, bound: float, then: Any, otherwise: Any) -> Any:
    """Choose between two values in conf/, such as the paper's for large and small factors."""
    return then if value >= bound else otherwise


def for_task(task: str, values: Mapping[str, Any]) -> Any:
    """Choose a value in conf/ by the task, or the one for all `others`."""
    return values.get(task, values["others"])


def register_resolvers() -> None:
    """Register what conf/ calls, each under the name that it has here."""
    OmegaConf.register_new_resolver("for_task", for_task, replace=True)
    OmegaConf.register_new_resolver("if_at_least", if_at_least, replace=True)
    OmegaConf.register_new_resolver("image_folder", image_folder, replace=True)
    OmegaConf.register_new_resolver("job_folder", job_folder, replace=True)
    OmegaConf.register_new_resolver("stamp", stamp, use_cache=True, replace=True)
