"""The images in a folder, and what else lies there."""

import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from dip_lightning.images.reading import SUFFIXES

RESULTS = (".hydra", "sweep.csv")  # a folder that holds one of these was written by the command
RAW = frozenset(
    {"DNG", "CR2", "NEF", "ARW"}
)  # often beside a JPEG of the same photo: taken if named


@dataclass
class Listing:
    """What was found in a folder.

    Attributes:
        files: images, by name.
        skipped: number of other files by format, such as "HEIC".
        subfolders: number of subfolders that were not looked into.
    """

    files: list[Path] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    subfolders: int = 0

    def __str__(self) -> str:
        """Say what was left out; empty if nothing was."""
        said = []
        if self.skipped:
            kinds = ", ".join(f"{kind} ({n})" for kind, n in self.skipped.most_common())
            said.append(f"{self.skipped.total()} skipped: {kinds}")
        raw = sorted(RAW & self.skipped.keys())
        said += [f"a pattern such as *.{kind.lower()} takes {kind}" for kind in raw]
        if self.subfolders:
            noun = "subfolder" if self.subfolders == 1 else "subfolders"
            takes = "takes it" if self.subfolders == 1 else "takes them"
            said.append(f"{self.subfolders} {noun} left out; recursive=true {takes}")
        return "; ".join(said)

    def add(self, paths: Iterable[Path], suffixes: frozenset[str] = SUFFIXES) -> None:
        """Add the files among some paths, hidden ones left out."""
        for path in sorted(paths):
            if path.name.startswith(".") or not os.path.isfile(path):
                continue
            if path.suffix.lower() in suffixes:
                self.files.append(path)
            else:
                self.skipped[path.suffix.lstrip(".").upper() or "no suffix"] += 1

    def add_folder(self, folder: Path, *, recursive: bool = False) -> None:
        """Add the files of a folder.

        Hidden folders and those of earlier results are left out, and a folder that several links
        lead to is looked into once.

        Args:
            folder: where to look.
            recursive: in its subfolders, too.

        Raises:
            OSError: a folder cannot be read.
        """
        seen: set[str] = set()
        for here, below, names in os.walk(folder, onerror=_raise, followlinks=recursive):
            real = os.path.realpath(here)
            is_result = here != str(folder) and not {*below, *names}.isdisjoint(RESULTS)
            if real in seen or is_result:
                below.clear()
                continue
            seen.add(real)
            below[:] = sorted(name for name in below if not name.startswith("."))
            self.add(Path(here, name) for name in names)
            if not recursive:
                self.subfolders += len(below)
                break


def _raise(error: OSError) -> None:
    raise error
