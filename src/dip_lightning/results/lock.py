"""One process at a time in a result folder."""

import json
import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from dip_lightning.errors import FolderError
from dip_lightning.results import ownership
from dip_lightning.results.layout import LOCK
from dip_lightning.results.naming import shown_path

TRIES, PAUSE = 10, 0.1  # a lock that is just being written is empty for less than a second


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other processes out of a folder, which is made if there is none.

    The lock is a file with the process's number. That of a process which has ended is taken over;
    so is one of another machine if this is the same SLURM job, started again.

    Raises:
        FolderError: another process works in it.
        OSError: the folder cannot be written.
    """
    path, owner = folder / LOCK, _describe()
    check(folder)
    ownership.begin(folder)
    ownership.claim(path)
    _acquire(path, owner)
    try:
        yield
    finally:
        if _read(path) == owner:
            with suppress(OSError):  # it names a process that has ended
                ownership.remove(path)


def check(folder: Path) -> None:
    """Check that no other process works in a folder, touching nothing.

    Raises:
        FolderError: one does.
    """
    path = folder / LOCK
    holder = _read(path)
    if holder is not None and "pid" in holder and is_alive(holder):
        raise _refusal(path, holder)


def release_stale(folder: Path) -> None:
    """Remove the lock of a process that has ended, if there is one."""
    path = folder / LOCK
    holder = _read(path)
    if holder is not None and not is_alive(holder):
        with suppress(OSError):  # a disk that only lets read keeps it
            ownership.remove(path)


def _acquire(path: Path, owner: dict[str, Any]) -> None:
    holder: dict[str, Any] | None = None
    for _ in range(TRIES):
        try:
            with path.open("x", encoding="utf-8") as file:
                json.dump(owner, file)
        except FileExistsError:
            holder = _read(path)
        else:
            return
        if holder is not None:
            break
        time.sleep(PAUSE)
    if holder is not None and is_alive(holder):
        raise _refusal(path, holder)
    if (now := _read(path)) != holder:  # another was faster
        raise _refusal(path, now or {})
    ownership.write(path, json.dumps(owner).encode())
    time.sleep(PAUSE)  # another may take it over at the same time: the last one has it
    winner = _read(path)
    if winner != owner:
        raise _refusal(path, winner or {})


def is_alive(holder: dict[str, Any]) -> bool:
    """Say whether the process that wrote a lock still runs, as far as can be known from here."""
    here = _describe()
    if holder.get("host") != here["host"]:
        return not (here["job"] and holder.get("job") == here["job"])
    pid = holder.get("pid")
    if not isinstance(pid, int) or pid == here["pid"]:
        return False  # what it holds was left by an earlier process of the same number
    if sys.platform == "win32":
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return holder.get("born") == _born(pid)


def _describe() -> dict[str, Any]:
    pid = os.getpid()
    job = os.environ.get("SLURM_JOB_ID")
    return {"pid": pid, "host": socket.gethostname(), "born": _born(pid), "job": job}


def _born(pid: int) -> str | None:
    # In ticks since the machine was started: numbers of processes are used again.
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19]
    except OSError:
        return None


def _read(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _refusal(path: Path, holder: dict[str, Any]) -> FolderError:
    return FolderError(
        f"{shown_path(path.parent)}: process {holder.get('pid')} on {holder.get('host')} works "
        f"there; name another folder, or delete {shown_path(path)} if that process is gone"
    )
