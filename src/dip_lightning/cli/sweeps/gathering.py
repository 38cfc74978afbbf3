"""A folder's restored images in one place: `all/` of its sweep, under the files' own names."""

import hashlib
import json
import os
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dip_lightning.cli.resolvers import job_folder
from dip_lightning.files import reason, shown_path
from dip_lightning.runs import ownership
from dip_lightning.runs.naming import Place

FOLDER = "all"
NAMES = ".names.json"  # inside it: what each file is called there
RESTORED = ("restored.png", "restored.tif")
PARTIAL = "interrupted"  # status of a job whose result is to become better


def plan(sweep: Path, files: list[tuple[Path, Path]]) -> None:
    """Decide what each file's result is called; a file keeps the name that it has had before.

    Args:
        sweep: folder of the sweep.
        files: each file with the folder that it was found from, whose subfolders are kept.

    Raises:
        OSError: the folder cannot be written.
    """
    if not files:
        return
    before = _read(sweep / FOLDER / NAMES)
    names = {path: str(name) for path, name in before.items()}
    new = [(root, path) for root, path in dict.fromkeys(files) if str(path) not in names]
    names |= _names(new, taken={name.casefold() for name in names.values()})
    (sweep / FOLDER).mkdir(parents=True, exist_ok=True)
    ownership.write(sweep / FOLDER / NAMES, json.dumps(names, indent=0).encode())


def _names(files: list[tuple[Path, Path]], taken: set[str]) -> dict[str, str]:
    """Name files by their stem; by more of their path where others would have the same name."""
    named: dict[str, str] = {}
    forms: tuple[Callable[[Path, Path], Path], ...] = (
        lambda root, path: _below(root, path).with_suffix(""),
        _below,
        lambda root, path: Path(root.resolve().name) / _below(root, path),
    )
    for form in forms:
        wanted = {path: str(form(root, path)) for root, path in files if str(path) not in named}
        # Some file systems do not tell a.png from A.png.
        count = Counter(name.casefold() for name in wanted.values())
        free = {p: n for p, n in wanted.items() if count[n.casefold()] == 1}
        free = {p: n for p, n in free.items() if n.casefold() not in taken}
        named |= {str(path): name for path, name in free.items()}
        taken |= {name.casefold() for name in free.values()}
    for root, path in files:
        if str(path) not in named:
            digest = hashlib.sha256(os.fsencode(path.resolve())).hexdigest()
            named[str(path)] = f"{_below(root, path)}-{digest[:10]}"
    return named


def _below(root: Path, path: Path) -> Path:
    return path.relative_to(root) if path.is_relative_to(root) else Path(path.name)


def gather(place: Place, file: str | None, status: str) -> None:
    """Copy a job's restored image to where those of its sweep are, if the sweep is over a folder.

    A file there that is no job's, or was changed since, is left alone; a copy, not a link, so
    that an edit of one is none of the other.

    Args:
        place: the job's folder, and its swept values.
        file: the image as the job was given it.
        status: how the job ended.
    """
    shared = place.folder.parent / FOLDER
    name = _read(shared / NAMES).get(str(file)) if place.group else None
    if name is None or status == PARTIAL:
        return
    # Each setting has a folder of its own where there are several of a file.
    others = [f"{k}={v}" for k, v in place.values.items() if k not in {"image", "observed"}]
    inside = shared / job_folder(",".join(others)) if others else shared
    for restored in RESTORED:
        source = place.folder / restored
        if source.exists():
            target = inside / f"{name}{source.suffix}"
            try:
                _copy(source, target)
            except OSError as error:
                print(f"{shown_path(target)}: {reason(error)}", file=sys.stderr)


def _copy(source: Path, target: Path) -> None:
    content = source.read_bytes()
    if not target.exists() or target.read_bytes() != content:
        target.parent.mkdir(parents=True, exist_ok=True)
        ownership.write(target, content)


def gathered(sweep: Path) -> Path | None:
    """Return the folder with the restored images of a sweep; None if there is none of a folder."""
    shared = sweep / FOLDER
    images = (
        path for path in shared.rglob("*") if not path.name.startswith(".") and path.is_file()
    )
    return shared if (shared / NAMES).is_file() and any(images) else None


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
