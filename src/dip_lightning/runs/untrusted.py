"""Files of a result folder, which may be damaged or come from anybody, read without harm."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

MOST_BYTES = 10_000_000  # of a file of settings or measurements
DEEPEST = 30  # levels of YAML; its parser in C overflows the stack of the process at some
LONGEST = 5000  # letters of a text, enough for a path
MOST_ITEMS = 1000
EXACT = 2**53  # beyond, JavaScript rounds whole numbers

Plain = str | int | float | bool | None
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_text(path: Path, most: int | None = None) -> str:
    """Read an ordinary file; a pipe would be waited for.

    Raises:
        OSError: there is none, or it cannot be read.
        ValueError: it is no text, or longer than `most` bytes.
    """
    if not path.is_file():
        raise FileNotFoundError(path)
    if most is not None and path.stat().st_size > most:
        raise ValueError(f"is larger than {most / 1e6:g} MB")
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ValueError("is no text") from None


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        OSError: there is none, or it cannot be read.
        ValueError: it is no JSON.
    """
    text = read_text(path, MOST_BYTES)
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("is no JSON") from None


def read_yaml(path: Path) -> Any:
    """Read a YAML file without references, such as we write.

    Raises:
        OSError: there is none, or it cannot be read.
        ValueError: it is no such file.
    """
    text = read_text(path, MOST_BYTES)
    try:
        found = yaml.load(text, _LOADER) if (tame := _is_tame(text)) else None  # noqa: S506 - safe
    except Exception:  # noqa: BLE001 - a tag on the wrong value raises whatever it meets
        raise ValueError("is no YAML") from None
    if not tame:
        raise ValueError("refers to itself, or is nested too deeply")
    return found


def _is_tame(text: str) -> bool:
    # A few references to references stand for more values than there is memory.
    depth = 0
    for event in yaml.parse(text, _LOADER):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST or isinstance(event, yaml.AliasEvent):
            return False
    return True


def plain(values: Mapping[Any, Any]) -> dict[str, Plain | list[Plain]]:
    """Keep what has a name and is a number, a text, true, false, null, or a list of these.

    Long texts are cut; a number that JSON does not have becomes its name.
    """
    return {
        key: _plain(value)
        for key, value in values.items()
        if isinstance(key, str) and len(key) <= LONGEST and _is_plain(value)
    }


def _is_plain(value: Any) -> bool:
    if isinstance(value, list):
        return len(value) <= MOST_ITEMS and all(map(_is_scalar, value))
    return _is_scalar(value)


def _is_scalar(value: Any) -> bool:
    if isinstance(value, int):
        return abs(value) <= EXACT
    return value is None or isinstance(value, str | float)


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, str):
        return value[:LONGEST]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value
