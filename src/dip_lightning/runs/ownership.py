"""Whose files are in a folder: every file is listed in it before it gets its name.

The list, `.dip_lightning.jsonl`, only grows: a line for each file, with the checksum of what was
written. A file that is not listed, or has changed since, is the user's. A list also covers the
folders below it.
"""

import errno
import hashlib
import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from dip_lightning.files import whole

LISTING = ".dip_lightning.jsonl"
HEADER = '{"dip_lightning": "the files it has written here"}'
LEVELS = 4  # all/SETTING/SUBFOLDER/photo.png is listed in the sweep's folder
OPEN = None  # in place of a checksum: still being written, by a run or by another library
GONE = ""
KEPT = 40  # letters of a name, its suffix among them, in that of the file that is written first
FOREIGN = "was not written by this version, or was changed since"


def begin(folder: Path) -> None:
    """Start a folder's list, if it has none; the folder is made if there is none.

    Raises:
        OSError: it cannot be written, or another file has its name.
    """
    folder.mkdir(parents=True, exist_ok=True)
    listing = folder / LISTING
    if not os.path.lexists(listing):
        _append(listing, "")
    elif _text(listing) is None:
        raise _foreign(listing)


def owns(path: Path) -> bool:
    """Say whether a file is as an earlier run left it, or was left by one that was killed."""
    try:
        found = _checksum(path)  # before the list is read: another process lists first, too
    except OSError:
        return False
    listed = _listed(path)
    return found in listed or OPEN in listed


def check(path: Path) -> None:
    """Refuse to write over a file of the user's.

    Raises:
        FileExistsError: one has this name.
    """
    if os.path.lexists(path) and not owns(path):
        raise _foreign(path)


@contextmanager
def writing(path: Path) -> Iterator[Path]:
    """Write a file whole or not at all, over one of ours or where there is none.

    Args:
        path: the file; its folder exists.

    Yields:
        Path to write to: a hidden file beside it, with the same suffix.

    Raises:
        FileExistsError: a file of the user's has this name.
        OSError: it cannot be written; the old file is as it was.
    """
    check(path)
    end = path.name[-KEPT:]  # a name may be as long as the system takes
    partial = path.with_name(f".{uuid4().hex}.partial.{end}")
    _note(partial, OPEN)
    with whole(path, partial, lambda: _close(path, _checksum(partial))):
        yield partial


def write(path: Path, content: bytes | memoryview) -> None:
    """Write bytes, see `writing`."""
    # After an error, `Path.write_bytes` would hold on to a view for as long as its traceback lives.
    with writing(path) as partial, partial.open("wb") as file:
        file.write(content)


def claim(path: Path) -> None:
    """List a file that is going to be changed in place, until it is sealed.

    Raises:
        FileExistsError: a file of the user's has this name.
        OSError: the list cannot be written.
    """
    check(path)
    if OPEN not in _listed(path):
        _note(path, OPEN)


def seal(path: Path) -> None:
    """Note a claimed file's content, now that nobody writes it any more.

    Raises:
        OSError: the file cannot be read, or the list not be written.
    """
    if OPEN in _listed(path):
        _note(path, _checksum(path) if os.path.lexists(path) else GONE)


def remove(path: Path) -> None:
    """Delete a file, if it is there and ours.

    Raises:
        OSError: it cannot be deleted.
    """
    if owns(path):
        seal(path)  # what somebody puts there later is not ours
        path.unlink()


def remove_partials(folder: Path) -> None:
    """Delete what a killed run has left half written; nobody else may be writing there."""
    for name, listed in _entries(folder / LISTING).items():
        path = folder / name
        if path.name.partition(".partial.")[1] and OPEN in listed and os.path.lexists(path):
            path.unlink()
            _note(path, GONE)


def is_foreign(listing: Path) -> bool:
    """Say whether something else has the name of a folder's list."""
    return os.path.lexists(listing) and _text(listing) is None


def _close(path: Path, checksum: str) -> None:
    if OPEN not in _listed(path):
        _note(path, checksum)


def _listed(path: Path) -> set[str | None]:
    whole_path = path.absolute()
    return {
        checksum
        for folder in whole_path.parents[:LEVELS]
        for checksum in _entries(folder / LISTING).get(_name(whole_path, folder), ())
    }


def _name(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()


def _entries(listing: Path) -> dict[str, set[str | None]]:
    found: dict[str, set[str | None]] = {}
    for line in (_text(listing) or "").splitlines():
        try:
            record = json.loads(line)
            name, checksum = record["file"], record["blake2b"]
        except (ValueError, KeyError, TypeError):  # the header, or cut off
            continue
        if checksum is OPEN:
            found[name] = {OPEN}
        else:
            found.setdefault(name, set()).add(checksum)
            found[name].discard(OPEN)
    return found


def _text(listing: Path) -> str | None:
    """Read a list; None if it is none, empty if there is none."""
    if listing.is_symlink():
        return None
    try:
        if not stat.S_ISREG(listing.stat().st_mode):
            return None
        text = listing.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ""
    except OSError:
        return None
    return text if text.startswith(HEADER) or not text else None


def _note(path: Path, checksum: str | None) -> None:
    path = path.absolute()
    folders = list(path.parents[:LEVELS])
    home = next((folder for folder in folders if _text(folder / LISTING)), folders[0])
    record: dict[str, Any] = {"file": _name(path, home), "blake2b": checksum}
    # On a line of its own, even if the last one was cut off.
    _append(home / LISTING, f"\n{json.dumps(record)}")


def _append(listing: Path, text: str) -> None:
    before = _text(listing)
    if before is None:
        raise _foreign(listing)
    with listing.open("ab") as file:
        file.write((text if before else HEADER + text).encode())
        file.flush()
        os.fsync(file.fileno())


def _checksum(path: Path) -> str:
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        return f"-> {path.readlink()}"
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "no ordinary file", str(path))
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def _foreign(path: Path) -> OSError:
    return FileExistsError(errno.EEXIST, FOREIGN, str(path))
