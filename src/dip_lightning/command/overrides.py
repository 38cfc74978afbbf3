"""key=value arguments: quoting file names, folders as sweeps, and the values of a sweep."""

import os
import re
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, IntervalSweep, Override, RangeSweep
from hydra.errors import HydraException

from dip_lightning.config import PATH_KEYS
from dip_lightning.errors import UserError
from dip_lightning.images import image_files

FOLDER_KEYS = ("image", "observed")
MOST_JOBS = 100_000
OUTPUT_KEYS = ("hydra.run.dir", "hydra.sweep.dir")
_ORDINARY = re.compile(r"[A-Za-z0-9_./-]+")


def parse_overrides(texts: list[str]) -> list[Override]:
    """Parse key=value arguments by Hydra's grammar.

    Raises:
        UserError: one does not follow it.
    """
    parser = OverridesParser.create()
    parsed = []
    for text in texts:
        try:
            parsed.extend(parser.parse_overrides([text]))
        except HydraException:
            raise UserError(
                f"{text}: cannot be parsed; quote a value with special characters twice, "
                "for the shell and for the value: \"key='value'\""
            ) from None
    return parsed


def values_of(override: Override, *, optimised: bool = False) -> list[str]:
    """List what an override gives to each job: itself, or each value of its sweep, as key=value.

    Args:
        override: parsed key=value.
        optimised: an optimiser chooses values, so that there are intervals, of which both ends are
            listed.

    Raises:
        UserError: a sweep whose values only an optimiser could choose, a pattern, or too many.
    """
    if not override.is_sweep_override():
        return [str(override.input_line)]
    prefix, value = str(override.input_line).partition("=")[0], override.value()
    if optimised and isinstance(value, IntervalSweep):
        return [f"{prefix}={value.start}", f"{prefix}={value.end}"]
    if isinstance(value, RangeSweep):
        _check_range(override, value)
    try:
        return [f"{prefix}={text}" for text in override.sweep_string_iterator()]
    except HydraException:
        raise UserError(
            f"{override.input_line}: expected values separated by commas, or range(...); "
            "interval(...) goes with search=optuna"
        ) from None


def _check_range(override: Override, sweep: RangeSweep) -> None:
    start, stop, step = (float(value or 0) for value in (sweep.start, sweep.stop, sweep.step))
    count = (stop - start) / step if step else 0
    if not count > 0:
        raise UserError(f"{override.input_line}: expected range(start,stop,step) with some value")
    if count > MOST_JOBS:
        raise UserError(f"{override.input_line}: expected at most {MOST_JOBS:,} values")


def check_count(choices: list[int]) -> None:
    """Check how many jobs a sweep over so many values of each key has.

    Raises:
        UserError: more than anybody means.
    """
    if prod(choices) > MOST_JOBS:
        raise UserError(
            f"-m: these are {prod(choices):,} jobs, expected at most {MOST_JOBS:,} in one sweep"
        )


def quoted(text: str) -> str:
    """Quote the value of a key that names a file, so that any file name is one value.

    Raises:
        UserError: the name is empty, as that of a shell variable that is not set.
    """
    name, _, value = text.partition("=")
    if value == "None":  # what a W&B agent makes of null
        return f"{name}=null"
    if name not in {*PATH_KEYS, *OUTPUT_KEYS}:
        return text
    if not value:
        raise UserError(f"{name}=: is empty, expected the name of a file")
    path = "${" not in value if name in OUTPUT_KEYS else os.path.exists(value)
    already = value[0] == value[-1] and value[0] in "'\"" and len(value) > 1
    if path and not already and not _ORDINARY.fullmatch(value):
        return f"{name}={quote(value)}"
    return text


def quote(value: str) -> str:
    """Write a string as Hydra reads it back, whatever is in it."""
    escaped = re.sub(r"(\\*)('|$)", lambda m: 2 * m[1] + ("\\'" if m[2] else ""), value)
    return "'" + escaped.replace("${", "\\${") + "'"


def expand_folders(text: str) -> tuple[str, bool]:
    """Replace a folder of images by its files.

    Returns:
        The override, and whether a folder was in it.

    Raises:
        UserError: a folder without images.
    """
    name, _, _ = text.partition("=")
    if name not in FOLDER_KEYS:
        return text, False
    values = list(_plain_values(parse_overrides([text])[0]))
    if not any(os.path.isdir(value) for value in values):
        return text, False
    files: list[str] = []
    for value in values:
        inside = [str(path) for path in image_files(Path(value))] if os.path.isdir(value) else None
        if inside == []:
            raise UserError(f"{name}={value}: the folder holds no image")
        files += inside if inside is not None else [value]
    return f"{name}={','.join(map(quote, files))}", True


def _plain_values(override: Override) -> Iterator[str]:
    if not override.is_sweep_override():
        yield str(override.value())
    elif isinstance(override.value(), ChoiceSweep):  # a pattern is one to Hydra, too
        yield from map(str, override.sweep_iterator(transformer=_plain))


def _plain(value: Any) -> str:
    return str(getattr(value, "text", value))
