"""What leaves the machine: a few zip files of results, and a ledger of the jobs that are done."""

import io
import json
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.study_gpu.jobs import Job
from dip_lightning.runs.run import read_metrics

LEDGER = "ledger.json"
LARGEST, ALL = 14_000_000, 59_000_000  # bytes of a zip file, and of all of them
ROWS = 2000  # of a history
SIDE, STAGES = 256, 6  # pixels of a preview; so many does a figure show
NUMBERS = ("metrics.json", "history.csv")
IMAGES = ("observed.png", "restored.png")
OVER = ("finished", "diverged")  # doing it again would change nothing


class Archive:
    """Results, gathered while others are still computed; a kill leaves each file whole.

    The ledger alone tells another machine what is done: the zip files need not go there.

    Args:
        folder: where they go; made if there is none.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.jobs: dict[str, dict[str, Any]] = {}
        self.timings: dict[str, dict[str, float]] = {}  # by device, by kind
        if (folder / LEDGER).is_file():
            found = json.loads((folder / LEDGER).read_text(encoding="utf-8"))
            self.jobs, self.timings = found["jobs"], found["timings"]

    def holds(self, job: Job) -> bool:
        """Say whether this job, with these very settings, is done."""
        entry = self.jobs.get(job.key, {})
        return entry.get("command") == list(job.command) and entry.get("status") in OVER

    def seconds(self, job: Job) -> float:
        """Say how long a job took, starting included; 0 if that is not known."""
        return float(self.jobs.get(job.key, {}).get("seconds", 0))

    def add(self, job: Job, result: Path, seconds: float) -> bool:
        """Take a result in, in place of an earlier one of this job.

        Args:
            job: whose it is.
            result: its folder, with a metrics.json.
            seconds: that it took.

        Returns:
            Whether there was room for its images.
        """
        status = read_metrics(result).get("status")
        content = _numbers(result)
        images = _images(result) if status in OVER else {}
        has_room = self._taken() + sum(map(len, images.values())) < ALL
        content |= images if has_room else {}
        number = self._number(job.key, sum(map(len, content.values())))
        self._write(number, job.key, content)
        entry = {"command": list(job.command), "status": status, "archive": number}
        self.jobs[job.key] = {**entry, "seconds": seconds}
        self.write_ledger()
        return has_room

    def write_ledger(self) -> None:
        """Write the ledger in one step."""
        text = json.dumps({"jobs": self.jobs, "timings": self.timings}, indent=1)
        _replace(self.folder / LEDGER, text.encode())

    def path(self, number: int) -> Path:
        """Name a zip file."""
        return self.folder / f"results-{number:02}.zip"

    def _there(self) -> dict[int, int]:
        found = self.folder.glob("results-*.zip")
        return {int(path.stem.partition("-")[2]): path.stat().st_size for path in found}

    def _taken(self) -> int:
        return sum(self._there().values())

    def _number(self, key: str, size: int) -> int:
        """Choose a zip file: that of the earlier result, else the last one if there is room."""
        there = self._there()
        before = self.jobs.get(key, {}).get("archive")
        if before in there:
            return int(before)
        last = max(there, default=0)
        if last and there[last] + size < LARGEST:
            return last
        # Those of other machines are not here, but will lie beside these.
        return 1 + max([last, *(entry["archive"] for entry in self.jobs.values())])

    def _write(self, number: int, key: str, content: dict[str, bytes]) -> None:
        path, packed = self.path(number), io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as new:
            if path.is_file():
                with zipfile.ZipFile(path) as old:
                    for member in old.infolist():
                        if not member.filename.startswith(f"{key}/"):
                            new.writestr(member, old.read(member))
            for name, data in content.items():
                new.writestr(f"{key}/{name}", data)
        _replace(path, packed.getvalue())


def _replace(path: Path, content: bytes) -> None:
    partial = path.with_name(f"{path.name}.partial")
    with partial.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def _numbers(result: Path) -> dict[str, bytes]:
    paths = [result / name for name in NUMBERS] + sorted((result / ".hydra").glob("*.yaml"))
    found = {str(p.relative_to(result)): p.read_bytes() for p in paths if p.is_file()}
    if "history.csv" in found:
        found["history.csv"] = _thinned(found["history.csv"])
    return found


def _thinned(table: bytes) -> bytes:
    head, *rows = table.splitlines(keepends=True)
    step = -(-len(rows) // ROWS)
    kept = [row for number, row in enumerate(rows, 1) if number % step == 0 or number == len(rows)]
    return b"".join([head, *kept]) if step > 1 else table


def _images(result: Path) -> dict[str, bytes]:
    found = {name: (result / name).read_bytes() for name in IMAGES if (result / name).is_file()}
    previews = sorted((result / "snapshots").glob("*.webp"))
    chosen = np.unique(np.linspace(0, len(previews) - 1, STAGES).round().astype(int))
    shown = [previews[index] for index in chosen] if previews else []
    for path in [*shown, *sorted((result / "snapshots").glob("*.png"))]:
        found[f"snapshots/{path.name}"] = _small(path)
    return found


def _small(path: Path) -> bytes:
    with Image.open(path) as image:
        if max(image.size) <= SIDE:
            return path.read_bytes()
        image.thumbnail((SIDE, SIDE))
        small = io.BytesIO()
        image.save(small, image.format, quality=80)
    return small.getvalue()
