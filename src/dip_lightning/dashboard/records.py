"""What the page is told of each run."""

import hashlib
import math
import os
import shlex
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from dip_lightning.config import ASIDE
from dip_lightning.dashboard.curves import Packed, drops, pack
from dip_lightning.dashboard.previews import Pictures
from dip_lightning.dashboard.typed import LONGEST, typed
from dip_lightning.errors import first_line
from dip_lightning.published import METRICS, find_table, numbers
from dip_lightning.runs.naming import repeating
from dip_lightning.runs.run import Run, differs, snapshots

ALL_POINTS = 500_000  # rows of curves that a page carries
EACH = (10_000, 5000, 2500, 1200, 600)  # rows of one run; few steps, so that a curve is kept
IMAGES = {
    "restored": "restored.png",
    "observed": "observed.png",
    "mask": "mask.png",
    "uncertainty": "uncertainty.png",
    "kernel": "kernel.png",
    "truth": "snapshots/truth.png",
    "classical": "snapshots/classical.png",
    "comparison": "comparison.png",
}

# What makes another problem of it, rather than another way to solve it.
PROBLEM = (
    *(
        "task",
        "image",
        "observed",
        "max_side",
        "mask",
        "mask_means",
        "mask_grow",
        "nodata",
        "known",
    ),
    *("per_channel", "factor", "observation", "noise", "sigma", "peak", "kernel", "blur_sigma"),
    *("radius", "length", "angle", "quality", "subsampling", "pattern", "operator", "size"),
)

LINKED = (
    *("restored.png", "restored.tif", "mask.png", "uncertainty.png", "kernel.png"),
    *("comparison.png", "metrics.json", "history.csv"),
)
PREVIEWED = ("restored", "observed", "mask", "truth", "kernel")
NOTHING: Mapping[str, Any] = {
    "status": "unreadable",
    "live": None,
    "image": "",
    "settings": {},
    "curve": {},
    "drops": [],
    "published": {},
    "commands": [],
    "files": [],
    "images": {},
    "previews": dict.fromkeys(PREVIEWED),
    "snapshots": [],
}


def points_each(count: int) -> int:
    """Share the rows that a page carries between its runs."""
    return next((rows for rows in EACH if rows * count <= ALL_POINTS), EACH[-1])


def swept_keys(runs: list[Run]) -> list[str]:
    """Name the settings in which runs differ, those that were typed first.

    What nobody typed counts only where it does not follow from what was typed, as the noise of a
    task follows from the task. Options of a network count where they differ between runs of the
    same network.
    """
    typed = [text.lstrip("+").partition("=")[0] for run in runs for text in run.overrides]
    settings = [run.settings for run in runs]
    keys = dict.fromkeys([*typed, *(key for values in settings for key in values)])
    found = [key for key in keys if key not in ASIDE and differs(key, settings)]
    told = {key for key in found if key in set(typed)}
    choices = sorted(told - {"seed"})  # each run may have a seed of its own
    return [key for key in found if key in told or not _follows(key, choices, settings)]


def _follows(key: str, told: list[str], settings: list[dict[str, Any]]) -> bool:
    """Say whether runs that are alike in what was typed are alike in a key."""
    seen: dict[tuple[str, ...], str] = {}
    return all(
        seen.setdefault(tuple(str(values.get(name)) for name in told), str(values.get(key)))
        == str(values.get(key))
        for values in settings
    )


def record(run: Run, page: Path, root: Path, points: int, pictures: Pictures) -> dict[str, Any]:
    """Describe one run.

    Args:
        run: the run.
        page: folder of the page, from which its files are addressed.
        root: folder that the page is about.
        points: rows of its curve, about.
        pictures: the images that the page carries.

    Returns:
        What a page is told of it. A run whose files say nothing that can be shown has the status
        `unreadable`, and the reason as the `error` of its metrics.
    """
    name = run.folder.relative_to(root).as_posix()
    known = {
        "id": name if name != "." else run.folder.name,
        "group": run.folder.parent.relative_to(root).as_posix() if name != "." else "",
        "folder": _address(run.folder, page),
        "stamp": _stamp(run, points, pictures.side),
    }
    try:
        return {**known, **_said(run, points), **_shown(run.folder, page, pictures)}
    except Exception as error:  # noqa: BLE001 - a run that anybody has damaged costs no other one
        reason = f"cannot be shown ({type(error).__name__}: {first_line(error)})"
        return {**known, **NOTHING, "metrics": {"error": reason[:LONGEST]}}


def _said(run: Run, points: int) -> dict[str, Any]:
    """Tell what a run's tables and settings say."""
    status, metrics = run.status, typed(run.metrics)
    if status == "unreadable":
        metrics["error"] = run.trouble
    return {
        "status": status,
        "live": run.live if status == "running" else None,
        "image": run.image,
        "settings": run.settings,
        "metrics": metrics,
        "curve": _packed(run, points),
        "drops": _drops(run),
        "published": _published(run),
        "commands": _commands(run),
    }


def _shown(folder: Path, page: Path, pictures: Pictures) -> dict[str, Any]:
    """Say which files a run has, and carry small copies of its images."""
    images = {kind: _image(folder, kind) for kind in IMAGES}
    return {
        "files": [f for f in LINKED if (folder / f).is_file()],
        "images": {kind: _address(path, page) for kind, path in images.items() if path.is_file()},
        "previews": {kind: pictures.add(images[kind]) for kind in PREVIEWED},
        "snapshots": [
            {"iteration": int(path.stem), "file": _address(path, page)}
            for path in snapshots(folder)
        ],
    }


def _stamp(run: Run, *shown_by: int) -> str:
    """Return a text that changes with the run's files, and with how they are shown."""
    digest = hashlib.blake2b(repr((run.stamp, shown_by)).encode(), digest_size=6)
    for name in (*IMAGES.values(), ".hydra/overrides.yaml", "snapshots"):
        with suppress(OSError):
            found = (run.folder / name).stat()
            digest.update(repr((name, found.st_mtime_ns, found.st_size)).encode())
    return digest.hexdigest()


def _image(folder: Path, kind: str) -> Path:
    """Find an image, or its copy for the eye where it uses a corner of its type's range."""
    copy = folder / "snapshots" / IMAGES[kind]
    return copy if copy.is_file() else folder / IMAGES[kind]


@lru_cache(4096)
def _packed(run: Run, points: int) -> dict[str, Packed]:
    return pack(run.history, points)


@lru_cache(4096)
def _drops(run: Run) -> list[dict[str, Any]]:
    with np.errstate(invalid="ignore"):  # of infinite values, which are no drops
        return [drop for drop in drops(run.history) if all(map(math.isfinite, drop.values()))]


def _published(run: Run) -> dict[str, dict[str, float]]:
    table = find_table(run.settings, run.is_whole)
    found = {metric: numbers(table, metric, run.image) for metric in sorted(set(METRICS.values()))}
    return {metric: values for metric, values in found.items() if values}


def _commands(run: Run) -> list[str]:
    typed = [text for text in run.overrides if not text.startswith(("hydra.", "resume="))]
    found = []
    if run.overrides:
        found.append(shlex.join(["python", "-m", "dip_lightning", *run.config_flags, *typed]))
    if (run.folder / ".hydra" / "rerun.yaml").is_file():
        found.append(repeating(run.folder, run.settings.get("operator")))
    return found


def _address(path: Path, page: Path) -> str:
    # As bytes: a name need not be text.
    return quote(os.fsencode(Path(os.path.relpath(path, page)).as_posix()))
