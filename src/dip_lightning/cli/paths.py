"""Keys that name files: any name is one value; ~, patterns and folders become files."""

import glob
import os
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hydra.core.override_parser.types import ChoiceSweep, Override

from dip_lightning.cli.overrides import parse_overrides, quote
from dip_lightning.config import PATH_KEYS
from dip_lightning.errors import UserError
from dip_lightning.images import SUFFIXES
from dip_lightning.images.folders import Listing

FOLDER_KEYS = ("image", "observed")
CODE_KEY = "operator.name"
OUTPUT_KEYS = ("hydra.run.dir", "hydra.sweep.dir")
_ORDINARY = re.compile(r"[A-Za-z0-9_./-]+")
_FUNCTIONS = "choice|range|interval|glob|shuffle|sort|tag|extend_list|str|int|float|bool"
_GRAMMAR = re.compile(rf"[\[{{]|({_FUNCTIONS})\(|null$")  # of Hydra: begins what is no bare name
_QUOTED = re.compile(r"(['\"]).*\1", re.DOTALL)
_ADDRESS = re.compile(r"[a-z]+://", re.IGNORECASE)


@dataclass
class Expanded:
    """An argument whose folders and patterns have become files.

    Attributes:
        text: key=value.
        files: each file with the folder that it was found from; empty without folder or pattern.
        note: what was left out; empty if nothing was.
    """

    text: str
    files: list[tuple[Path, Path]] = field(default_factory=list)
    note: str = ""


def quoted(text: str) -> str:
    """Quote the value of a key that names files, so that any file name is one value; expand ~.

    Raises:
        UserError: the name is empty, as that of a shell variable that is not set, or an address.
    """
    key, _, value = text.partition("=")
    if value == "None":  # what a W&B agent makes of null
        return f"{key}=null"
    if key not in {*PATH_KEYS, CODE_KEY, *OUTPUT_KEYS}:
        return text
    if not value:
        raise UserError(f"{key}=: is empty, expected the name of a file")
    if key in OUTPUT_KEYS:
        home = os.path.expanduser(value)
        is_plain = _ORDINARY.fullmatch(home) or _QUOTED.fullmatch(home) or "${" in home
        return f"{key}={home if is_plain else quote(home)}"
    names = _names(key, value)
    return text if names is None else f"{key}={','.join(_value(key, name) for name in names)}"


def expand(text: str, *, recursive: bool = False) -> Expanded:
    """Replace the folders and patterns of an argument by their files.

    Args:
        text: key=value, as `quoted` returns it.
        recursive: take subfolders, too.

    Raises:
        UserError: a folder or pattern without images.
    """
    key, _, _ = text.partition("=")
    if key not in FOLDER_KEYS:
        return Expanded(text)
    names = list(_plain_values(parse_overrides([text])[0]))
    if not any(os.path.isdir(name) or _is_pattern(name) for name in names):
        return Expanded(text)
    listing, files = Listing(), []
    for name in names:
        before = len(listing.files)
        try:
            root = _list(name, listing, recursive=recursive)
        except OSError as error:
            place = f"{key}={error.filename}"
            raise UserError(f"{place}: cannot be read ({error.strerror})") from None
        found = listing.files[before:]
        if not found:
            holds = "the folder holds" if os.path.isdir(name) else "the pattern matches"
            raise UserError(f"{key}={name}: {holds} no image{_but(listing)}")
        files += [(root, path) for path in found]
    values = ",".join(quote(str(path)) for _, path in files)
    return Expanded(f"{key}={values}", files, str(listing))


def _but(listing: Listing) -> str:
    return f" ({listing})" if str(listing) else ""


def _list(name: str, listing: Listing, *, recursive: bool) -> Path:
    """Add what a name stands for; return the folder that it was found from."""
    if os.path.isdir(name):
        listing.add_folder(Path(name), recursive=recursive)
        return Path(name)
    if not _is_pattern(name):
        listing.files.append(Path(name))
        return Path(name).parent
    found = [Path(path) for path in glob.glob(name, recursive=True)]
    # A suffix that is written out is meant, such as that of *.gif.
    listing.add(found, SUFFIXES | {Path(name).suffix.lower()})
    for folder in (path for path in sorted(found) if os.path.isdir(path)):
        if recursive:
            listing.add_folder(folder, recursive=True)
        else:
            listing.subfolders += 1
    fixed = os.path.dirname(re.split(r"[*?\[]", name, maxsplit=1)[0])
    return Path(fixed)


def _is_pattern(name: str) -> bool:
    return glob.has_magic(name) and not os.path.exists(name)


def _names(key: str, value: str) -> list[str] | None:
    """List the files that a value names; None if it is Hydra's to read."""
    if os.path.exists(value):
        return [value]
    if _GRAMMAR.match(value) and not glob.glob(value):
        return None
    if _QUOTED.fullmatch(value):
        names = _plain_values(parse_overrides([f"{key}={value}"])[0])
        return [_at_home(key, name) for name in names]
    home = _at_home(key, value)
    if os.path.exists(home) or glob.glob(home):
        return [home]
    return [_at_home(key, part) for part in value.split(",")]


def _at_home(key: str, name: str) -> str:
    if _ADDRESS.match(name):
        raise UserError(
            f"{key}={name}: is an address, and nothing is fetched from there; download it first: "
            f"curl -LO {shlex.quote(name)}"
        )
    return name if os.path.exists(name) else os.path.expanduser(name)


def _value(key: str, name: str) -> str:
    is_text = _ORDINARY.fullmatch(name) and isinstance(
        parse_overrides([f"{key}={name}"])[0].value(), str
    )
    return name if is_text else quote(name)


def _plain_values(override: Override) -> Iterator[str]:
    if not override.is_sweep_override():
        yield _plain(override.value())
    elif isinstance(override.value(), ChoiceSweep):  # a pattern is one to Hydra, too
        yield from map(str, override.sweep_iterator(transformer=_plain))


def _plain(value: Any) -> str:
    # What `quote` has escaped for OmegaConf.
    text = str(getattr(value, "text", value))
    return re.sub(r"(\\+)\$\{", lambda m: "\\" * (len(m[1]) // 2) + "${", text)
