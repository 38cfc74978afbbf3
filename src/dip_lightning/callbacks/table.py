"""A CSV file that grows while a fit runs."""

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from dip_lightning.files import Attempts
from dip_lightning.runs import ownership


class Table:
    """Rows on disk and in memory: a checkpoint takes them along, and a full disk loses none.

    Args:
        path: the CSV file.
        columns: names of its columns.
    """

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        self.path = path
        self._header = _lines([columns])
        self._parts: list[str] = []
        self._attempts = Attempts("the fit goes on")

    @property
    def text(self) -> str:
        """The whole file."""
        self._parts = ["".join(self._parts)]
        return self._header + self._parts[0]

    def fill(self, rows: Iterable[Sequence[str]]) -> None:
        """Take the rows of a checkpoint, before anything is written."""
        self._parts = [_lines(rows)]

    def begin(self) -> None:
        """Write what there is, in place of what an earlier fit left; the folder is made.

        Raises:
            OSError: the file cannot be written.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        ownership.write(self.path, self.text.encode())
        ownership.claim(self.path)  # rows are added in place

    def append(self, rows: Iterable[Sequence[str]]) -> None:
        """Add rows; where the disk takes none, say so once and try again with the next ones."""
        added = _lines(rows)
        self._parts.append(added)
        with self._attempts.at(self.path):
            if self._attempts.failing:  # the file is behind
                self.begin()
            else:
                with self.path.open("a", encoding="utf-8", newline="") as file:
                    file.write(added)

    def finish(self) -> None:
        """Write what could not be written before.

        Raises:
            OSError: it still cannot.
        """
        if self._attempts.failing or not self.path.exists():
            self.begin()


def _lines(rows: Iterable[Sequence[str]]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue()
