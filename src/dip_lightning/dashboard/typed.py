"""What metrics.json says, reduced to what a page can rely on."""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from dip_lightning.runs.untrusted import EXACT, plain

LONGEST = 1000  # letters of a text
MOST_ROWS = 50  # classical methods
MOST_PIXELS = 10**7  # of a side
CHW = 3
NUMBER = re.compile(
    r"(psnr|ssim)(_\w+)?|loss|iterations(_per_second)?|iteration_best|seconds|fit_weight|"
    r"kernel_similarity|y_noise_std|peak(_memory_bytes)?|seed|threads|tiles|parameters"
)
TEXTS = {
    *("status", "diagnosis", "error", "task", "image", "network", "preset", "study", "budget"),
    *("device", "device_name", "precision", "network_computed", "noise", "noise_level"),
    *("stopping", "result"),
}


def typed(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Keep what has the type that its key promises; a number that is not finite becomes null.

    Of other keys, text, numbers, true, false and null are kept.
    """
    found: dict[str, Any] = {}
    for key, value in metrics.items():
        if key in SHAPES:
            shaped = SHAPES[key](value)
            found |= {} if shaped is None else {key: shaped}
        elif NUMBER.fullmatch(key):
            found |= _numbers({key: value})
        else:
            found |= _others({key: value})
    return found


def _numbers(values: Any) -> dict[str, float | None]:
    """Keep the numbers, and what is undefined, of a mapping."""
    if not isinstance(values, dict):
        return {}
    exact = {k: v for k, v in values.items() if not isinstance(v, int) or abs(v) <= EXACT}
    return {
        key: value if value is not None and math.isfinite(value) else None
        for key, value in exact.items()
        if value is None or (isinstance(value, int | float) and not isinstance(value, bool))
    }


def _others(values: dict[str, Any]) -> dict[str, Any]:
    """Keep text, where there may be text, and single values."""
    return {
        key: value[:LONGEST] if isinstance(value, str) else value
        for key, value in plain(values).items()
        if not isinstance(value, list) and (isinstance(value, str | None) or key not in TEXTS)
    }


def _rows(values: Any) -> list[dict[str, Any]] | None:
    """Keep the classical methods that have a name."""
    if not isinstance(values, list):
        return None
    named = [row for row in values[:MOST_ROWS] if isinstance(row, dict)]
    return [
        {**_numbers(row), "name": row["name"][:LONGEST]}
        for row in named
        if isinstance(row.get("name"), str)
    ]


def _size(value: Any) -> list[int] | None:
    whole = isinstance(value, list) and len(value) == CHW and all(type(n) is int for n in value)
    return value if whole and all(0 < n <= MOST_PIXELS for n in value) else None


SHAPES: dict[str, Callable[[Any], Any]] = {
    "size": _size,
    "baselines": _rows,
    "cropped": lambda value: value if isinstance(value, bool) else None,
}
