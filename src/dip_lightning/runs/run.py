"""Runs read back from their result folders, unfinished ones included."""

import json
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from dip_lightning.config import image_name

FILES = ("metrics.json", "history.csv", ".hydra/rerun.yaml")
# Hold no result folders.
SKIPPED = {"wandb", "csv", "snapshots", "tiles", ".hydra", ".submitit"}
SILENT_SECONDS = 600  # a fit that wrote nothing for so long is taken to have died
CACHED = 4096  # runs

Curve = dict[str, NDArray[np.float64]]


@dataclass(frozen=True, eq=False)
class Run:
    """One job; each of its files is read when it is first asked for.

    Attributes:
        folder: its result folder, absolute.
        stamp: when its files were written, ns; another stamp, another content.
    """

    folder: Path
    stamp: tuple[int, ...]

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """metrics.json; empty while the fit runs, and where it cannot be read."""
        return read_metrics(self.folder)

    @cached_property
    def settings(self) -> dict[str, Any]:
        """Every key of the configuration but the logger's; a network's are `network.down`, ..."""
        found = _yaml(self.folder / ".hydra" / "rerun.yaml")
        return flatten(found) if isinstance(found, dict) else {}

    @cached_property
    def overrides(self) -> tuple[str, ...]:
        """What was typed or swept, as key=value."""
        found = _yaml(self.folder / ".hydra" / "overrides.yaml")
        return tuple(map(str, found)) if isinstance(found, list) else ()

    @cached_property
    def history(self) -> Curve:
        """Columns of history.csv, see `read_curve`."""
        return read_curve(self.folder / "history.csv")

    @cached_property
    def curve(self) -> Curve:
        """Loss and PSNR: of every iteration where that was recorded, else `history`."""
        every_one = self.folder / "diagnostics.csv"
        return read_curve(every_one) if every_one.is_file() else self.history

    @property
    def status(self) -> str:
        """That of metrics.json; `running` or `lost` where there is none yet."""
        if self.metrics:
            return str(self.metrics.get("status", "unknown"))
        silent = time.time() - max(self.stamp) / 1e9
        return "running" if silent < SILENT_SECONDS else "lost"

    @property
    def image(self) -> str:
        """Name of the image."""
        if not self.settings:
            return str(self.metrics.get("image", ""))
        return image_name(self.settings.get("image"), self.settings.get("observed"))

    @property
    def is_whole(self) -> bool:
        """Whether the image is known to have been left whole."""
        return self.metrics.get("cropped") is False


def find_runs(root: Path) -> list[Run]:
    """Read every run below a folder.

    Args:
        root: such as outputs/.

    Returns:
        The runs, in the order of their folders.
    """
    return [find_run(folder) for folder in sorted(_folders(root))]


def find_run(folder: Path) -> Run:
    """Return the run of a result folder: the same object as long as its files are the same."""
    return _run(folder.absolute(), _stamp(folder))


def finished(folder: Path) -> dict[str, Any] | None:
    """Return the metrics of a job that has finished in this folder, None if none has."""
    metrics = read_metrics(folder)
    return metrics if metrics.get("status") == "finished" else None


def read_metrics(folder: Path) -> dict[str, Any]:
    """Read metrics.json; empty where there is none, or none that can be read."""
    try:
        found = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _folders(root: Path) -> Iterator[Path]:
    for place, inside, files in os.walk(root):
        if "metrics.json" in files or (Path(place) / FILES[-1]).is_file():
            yield Path(place)
        inside[:] = sorted(set(inside) - SKIPPED)


def _stamp(folder: Path) -> tuple[int, ...]:
    stamps = [_written(folder / name) for name in FILES]
    return (*stamps, max(map(_written, _signs_of_life(folder)), default=0))


def _written(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def _signs_of_life(folder: Path) -> Iterator[Path]:
    # A fit of tiles writes its own history at the end, one whose iterations take minutes rarely.
    yield folder / "last.ckpt"
    for name in ("history.csv", "last.ckpt"):
        yield from (folder / "tiles").glob(f"*/{name}")


@lru_cache(CACHED)
def _run(folder: Path, stamp: tuple[int, ...]) -> Run:
    return Run(folder, stamp)


def flatten(settings: dict[str, Any]) -> dict[str, Any]:
    """Name a group by its option and the option's own keys: `network`, `network.down`, ..."""
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        if key == "defaults":
            continue
        if not isinstance(value, dict):
            flat[key] = value
            continue
        flat[key] = value.get("name")
        flat |= {f"{key}.{inner}": item for inner, item in value.items() if inner != "name"}
    return flat


def differs(key: str, settings: Sequence[dict[str, Any]]) -> bool:
    """Say whether runs differ in a setting; in an option of a network, those of the same network.

    Args:
        key: such as `lr` or `network.down`.
        settings: of each run, see `flatten`; runs without the key do not count.
    """
    seen: dict[str, set[str]] = {}
    group = key.partition(".")[0]
    for values in settings:
        if key in values:
            option = str(values[group]) if group != key else ""
            seen.setdefault(option, set()).add(str(values[key]))
    return any(len(found) > 1 for found in seen.values())


def read_curve(path: Path) -> Curve:
    """Read a table of iterations, without a last row that is still being written.

    Args:
        path: such as history.csv; empty columns are left out.

    Returns:
        Each column, (N,), NaN where a cell is empty; none where the file is missing or damaged.
    """
    try:
        lines = path.read_text(encoding="utf-8").rpartition("\n")[0].splitlines()
        if len(lines) < 2:  # noqa: PLR2004 - columns, and a row
            return {}
        # An empty cell becomes NaN.
        table = np.genfromtxt(lines, delimiter=",", names=True, loose=False, ndmin=1)
    except (OSError, ValueError):
        return {}
    columns = {name: table[name].astype(float) for name in table.dtype.names or ()}
    return {name: column for name, column in columns.items() if not np.isnan(column).all()}


def _yaml(path: Path) -> Any:
    try:
        text = path.read_text(encoding="utf-8")
        return yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
    except (OSError, ValueError, yaml.YAMLError):
        return None
