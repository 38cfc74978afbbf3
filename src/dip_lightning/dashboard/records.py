"""What the page is told of each run."""

import os
import shlex
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from dip_lightning.config import ASIDE
from dip_lightning.dashboard.curves import Packed, drops, pack
from dip_lightning.dashboard.previews import preview
from dip_lightning.published import METRICS, find_table, numbers
from dip_lightning.runs.naming import repeating
from dip_lightning.runs.run import Run, differs

ALL_POINTS = 500_000  # rows of curves that a page carries
EACH = (10_000, 5000, 2500, 1200, 600)  # rows of one run; few steps, so that a curve is kept
IMAGES = {
    "restored": "restored.png",
    "observed": "observed.png",
    "mask": "mask.png",
    "uncertainty": "uncertainty.png",
    "kernel": "kernel.png",
    "truth": "snapshots/truth.png",
    "comparison": "comparison.png",
}

LINKED = (
    *("restored.png", "restored.tif", "mask.png", "uncertainty.png", "kernel.png"),
    *("comparison.png", "metrics.json", "history.csv"),
)


PREVIEWED = ("restored", "observed", "mask", "truth", "kernel")


def points_each(count: int) -> int:
    """Share the rows that a page carries between its runs."""
    return next((rows for rows in EACH if rows * count <= ALL_POINTS), EACH[-1])


def swept_keys(runs: list[Run]) -> list[str]:
    """Name the settings in which runs differ, those that were typed first.

    Options of a network count where they differ between runs of the same network.
    """
    typed = [text.lstrip("+").partition("=")[0] for run in runs for text in run.overrides]
    settings = [run.settings for run in runs]
    keys = dict.fromkeys([*typed, *(key for values in settings for key in values)])
    return [key for key in keys if key not in ASIDE and differs(key, settings)]


def record(run: Run, page: Path, root: Path, points: int) -> dict[str, Any]:
    """Describe one run.

    Args:
        run: the run.
        page: folder of the page, from which its files are addressed.
        root: folder that the page is about.
        points: rows of its curve, about.
    """
    name = run.folder.relative_to(root).as_posix()
    return {
        "id": name if name != "." else run.folder.name,
        "group": run.folder.parent.relative_to(root).as_posix() if name != "." else "",
        "status": run.status,
        "image": run.image,
        "settings": run.settings,
        "metrics": run.metrics,
        "curve": _packed(run, points),
        "drops": _drops(run),
        "published": _published(run),
        "commands": _commands(run),
        "folder": _address(run.folder, page),
        "files": [f for f in LINKED if (run.folder / f).is_file()],
        "images": {
            kind: _address(_image(run.folder, kind), page)
            for kind in IMAGES
            if _image(run.folder, kind).is_file()
        },
        "previews": {kind: preview(_image(run.folder, kind)) for kind in PREVIEWED},
        "snapshots": [
            {"iteration": int(path.stem), "file": _address(path, page)}
            for path in sorted((run.folder / "snapshots").glob("*.webp"))
        ],
    }


def _image(folder: Path, kind: str) -> Path:
    """Find an image, or its copy for the eye where it uses a corner of its type's range."""
    copy = folder / "snapshots" / IMAGES[kind]
    return copy if copy.is_file() else folder / IMAGES[kind]


@lru_cache(4096)
def _packed(run: Run, points: int) -> dict[str, Packed]:
    return pack(run.history, points)


@lru_cache(4096)
def _drops(run: Run) -> list[dict[str, Any]]:
    return drops(run.history)


def _published(run: Run) -> dict[str, dict[str, float]]:
    table = find_table(run.settings, run.is_whole)
    found = {metric: numbers(table, metric, run.image) for metric in sorted(set(METRICS.values()))}
    return {metric: values for metric, values in found.items() if values}


def _commands(run: Run) -> list[str]:
    typed = [text for text in run.overrides if not text.startswith(("hydra.", "resume="))]
    found = []
    if run.overrides:
        found.append(shlex.join(["python", "-m", "dip_lightning", *typed]))
    if (run.folder / ".hydra" / "rerun.yaml").is_file():
        found.append(repeating(run.folder, run.settings.get("operator")))
    return found


def _address(path: Path, page: Path) -> str:
    return quote(Path(os.path.relpath(path, page)).as_posix())
