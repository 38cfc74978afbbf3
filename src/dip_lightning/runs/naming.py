"""Where results are, and how places and numbers are written for a reader."""

import shlex
from dataclasses import dataclass, field
from pathlib import Path

from dip_lightning.files import shown_path


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


def repeating(folder: Path, operator: str | None = None) -> str:
    """Say what to type to repeat the run of a result folder.

    Args:
        folder: of the result.
        operator: of the user's own, which no file may name for them; None: there is none.
    """
    where = shlex.quote(str(shown_path(folder / ".hydra")))
    code = "" if operator is None else f" {shlex.quote(f'operator={operator}')}"
    return f"python -m dip_lightning --config-dir {where} --config-name rerun{code}"


def counted(number: int, noun: str) -> str:
    """Write a number and what it counts: "1 iteration", "2 iterations"."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
