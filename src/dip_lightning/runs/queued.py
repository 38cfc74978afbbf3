"""The jobs of a sweep that have not begun, while a process is there to do them."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dip_lightning.files import Attempts
from dip_lightning.runs import ownership
from dip_lightning.runs.layout import JOBS, JOBS_LOCK
from dip_lightning.runs.lock import is_held, shared
from dip_lightning.runs.run import FILES, walk
from dip_lightning.runs.untrusted import Plain, plain, read_json

Job = Mapping[str, Plain | list[Plain]]


@contextmanager
def announced(sweep: Path, jobs: Mapping[str, Job]) -> Iterator[None]:
    """List jobs in the folder of their sweep as those that this process does until it ends.

    Those of other commands stay in the list. They wait for nobody if no other process is there.

    Args:
        sweep: the folder; it exists.
        jobs: the swept values of each, by the name of its folder; nothing is written for none.
    """
    if not jobs:
        yield
        return
    with shared(sweep / JOBS_LOCK) as share:
        before = _read(sweep).items()
        listed = {
            name: {**job, "waits": job["waits"] and share.joined is True} for name, job in before
        }
        listed |= {name: {"settings": job, "waits": True} for name, job in jobs.items()}
        with Attempts("the sweep goes on").at(sweep / JOBS):
            ownership.write(sweep / JOBS, json.dumps({"jobs": listed}).encode())
        yield


def queued(root: Path) -> list[dict[str, Any]]:
    """List the jobs of sweeps that have not begun, where a process is there to do them.

    Args:
        root: such as outputs/.

    Returns:
        Of each its sweep (`group`, below `root`), the name of its folder, and its `settings`.
    """
    return [
        {"group": sweep.relative_to(root).as_posix(), "name": name, "settings": job["settings"]}
        for sweep, files in sorted(walk(root))
        if JOBS in files and is_held(sweep / JOBS_LOCK, by_several=True)
        for name, job in _read(sweep).items()
        if job["waits"]
        and not any((sweep / name / file).is_file() for file in (FILES[0], FILES[-1]))
    ]


def _read(sweep: Path) -> dict[str, dict[str, Any]]:
    """Read the list: the settings of each job, and whether its command had not ended."""
    try:
        found = read_json(sweep / JOBS)
    except (OSError, ValueError):
        return {}
    jobs = found.get("jobs") if isinstance(found, dict) else None
    if not isinstance(jobs, dict):
        return {}
    return {
        name: {"settings": plain(job["settings"]), "waits": job.get("waits") is True}
        for name, job in jobs.items()
        if name == Path(name).name != ".."
        and isinstance(job, dict)
        and isinstance(job.get("settings"), dict)
    }
