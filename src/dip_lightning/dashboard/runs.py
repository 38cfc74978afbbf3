"""Runs read back from their result folders, unfinished ones included."""

import json
import os
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
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
_EMPTY = re.compile(r"(?<![^,])(?=,|$)")


@dataclass(frozen=True, eq=False)
class Run:
    """One job; read once, and the same object as long as its files are the same.

    Attributes:
        folder: its result folder.
        stamp: when its files were written, ns; another stamp, another content.
        metrics: metrics.json; empty while the fit runs.
        settings: every key of the configuration, options of the network as `network.down`.
        overrides: what was typed or swept, as key=value.
        curve: columns of history.csv, each (N,); what is not defined is NaN.
    """

    folder: Path
    stamp: tuple[int, ...]
    metrics: dict[str, Any]
    settings: dict[str, Any]
    overrides: tuple[str, ...]
    curve: dict[str, NDArray[np.float64]]

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
    return [_read(folder, _stamp(folder)) for folder in sorted(_folders(root))]


def find_run(folder: Path) -> Run:
    """Read the run of a result folder."""
    return _read(folder, _stamp(folder))


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
def _read(folder: Path, stamp: tuple[int, ...]) -> Run:
    metrics, settings = _json(folder / "metrics.json"), _yaml(folder / ".hydra" / "rerun.yaml")
    overrides = _yaml(folder / ".hydra" / "overrides.yaml")
    return Run(
        folder,
        stamp,
        metrics,
        flatten(settings) if isinstance(settings, dict) else {},
        tuple(map(str, overrides)) if isinstance(overrides, list) else (),
        read_curve(folder / "history.csv"),
    )


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


def read_curve(path: Path) -> dict[str, NDArray[np.float64]]:
    """Read history.csv, without a last row that is still being written.

    Args:
        path: the file; empty columns are left out, and a missing file has none.

    Returns:
        Each column, (N,), NaN where a cell is empty.
    """
    try:
        head, *rows = path.read_text(encoding="utf-8").splitlines()
        names = head.split(",")
        # A cell that is not defined is empty, which NumPy's reader does not take.
        whole = [_filled(row) for row in rows if row.count(",") == head.count(",")]
        table = np.loadtxt(whole, delimiter=",", ndmin=2) if whole else np.empty((0, len(names)))
    except (OSError, ValueError):
        return {}
    return {
        name: column
        for name, column in zip(names, table.T, strict=True)
        if len(column) and not np.isnan(column).all()
    }


def _filled(row: str) -> str:
    return (
        _EMPTY.sub("nan", row) if ",," in row or row.startswith(",") or row.endswith(",") else row
    )


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _yaml(path: Path) -> Any:
    try:
        text = path.read_text(encoding="utf-8")
        return yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
    except (OSError, ValueError, yaml.YAMLError):
        return None
