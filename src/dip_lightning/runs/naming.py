"""Where results are, and how places and numbers are written for a reader."""

import io
import os
import shlex
import sys
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


def escape_unprintable() -> None:
    """Print what the terminal's encoding does not have as escapes, where it would end the job."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a notebook's is another
            stream.reconfigure(errors="backslashreplace")


class Outliving(io.TextIOWrapper):
    """A stream whose reader may leave, as `head -1` does: what comes after that is dropped."""

    def write(self, text: str, /) -> int:
        """Write; where nobody reads any more, drop it."""
        try:
            return super().write(text)
        except BrokenPipeError:
            self._drop()
        return len(text)

    def flush(self) -> None:
        """Flush; where nobody reads any more, drop it."""
        try:
            super().flush()
        except BrokenPipeError:
            self._drop()

    def _drop(self) -> None:
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, self.fileno())
        os.close(nothing)


def outlive_readers() -> None:
    """Let a process of ours go on where its output is closed, or its reader leaves."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed before the process began
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115
        elif isinstance(stream, io.TextIOWrapper):
            lines = name == "stderr" or stream.line_buffering
            outliving = Outliving(
                stream.buffer, stream.encoding, stream.errors, line_buffering=lines
            )
            setattr(sys, name, outliving)


def counted(number: int, noun: str) -> str:
    """Write a number and what it counts: "1 iteration", "2 iterations"."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
