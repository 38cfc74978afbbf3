"""Where results are, and how places and numbers are written for a reader."""

import io
import sys
from dataclasses import dataclass, field
from pathlib import Path

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


def shown_path(path: Path) -> Path:
    """Shorten a path to what the user would type, where it lies below the current folder."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def escape_unprintable() -> None:
    """Print what the terminal's encoding does not have as escapes, where it would end the job."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a notebook's is another
            stream.reconfigure(errors="backslashreplace")


def counted(number: int, noun: str) -> str:
    """Write a number and what it counts: "1 iteration", "2 iterations"."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
