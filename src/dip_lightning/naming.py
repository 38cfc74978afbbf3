"""Names of result folders, for the interpolations in conf/dip.yaml."""

import hashlib
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from dip_lightning.config import image_name

LONGEST = 120
PREVIOUS = "previous"  # inside a result folder: the result that is being replaced


@dataclass(frozen=True)
class Place:
    """Where a job's result goes, and what a dashboard calls it.

    Attributes:
        folder: result folder.
        swept: the swept values, such as "lr=0.01"; empty for a single job.
        group: the sweep's name; None for a single job.
        values: the swept values by key, as typed.
    """

    folder: Path
    swept: str = ""
    group: str | None = None
    values: dict[str, str] = field(default_factory=dict)


def job_folder(swept: str) -> str:
    """Name one job of a sweep after its swept values, such as `lr=0.01-seed=1`.

    Where the name does not tell it all (folders of files, unusual letters), six digits of a
    checksum keep jobs apart.
    """
    text = re.sub(r"=['\"]?[^=]*/", "=", str(swept))
    text = re.sub(r"[^\w.=+-]+", "-", text.replace("'", "")).strip("-")
    if re.fullmatch(r"[\w.=+,-]*", swept) and len(text) <= LONGEST:
        return text or "job"
    return f"{text[:LONGEST]}-{hashlib.sha256(swept.encode()).hexdigest()[:6]}"


def shown_path(path: Path) -> Path:
    """Shorten a path to what the user would type, where it lies below the current folder."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def counted(number: int, noun: str) -> str:
    """Write a number and what it counts: "1 iteration", "2 iterations"."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def stamp() -> str:
    """Write the local time to the millisecond: two runs started together get two folders."""
    return datetime.now(UTC).astimezone().strftime("%Y-%m-%d_%H-%M-%S.%f")[:-3]


def if_at_least(value: float, bound: float, then: Any, otherwise: Any) -> Any:
    """Choose between two values in conf/, such as the paper's for large and small factors."""
    return then if value >= bound else otherwise


def register_resolvers() -> None:
    """Register what conf/ calls, each under the name that it has here."""
    OmegaConf.register_new_resolver("if_at_least", if_at_least, replace=True)
    OmegaConf.register_new_resolver("image_name", image_name, replace=True)
    OmegaConf.register_new_resolver("job_folder", job_folder, replace=True)
    OmegaConf.register_new_resolver("stamp", stamp, use_cache=True, replace=True)
