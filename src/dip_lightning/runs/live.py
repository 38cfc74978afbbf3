"""How far a fit that runs has come, by what it has written."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dip_lightning.runs.curve import Curve, read_curve
from dip_lightning.runs.layout import TILES

RECENT = 20  # rows of a curve, by which its pace is told
ROW = ("iteration", "loss", "psnr", "seconds")


def tile_curves(folder: Path) -> list[Curve]:
    """Read the curve of each tile that is to be fitted, in their order; empty before it begins."""
    places = sorted(path for path in (folder / TILES).glob("*") if path.is_dir())
    return [read_curve(place / "history.csv") for place in places]


def live(
    settings: Mapping[str, Any], history: Curve, tiles: Sequence[Curve]
) -> dict[str, int | float | None]:
    """Say how far a fit is.

    Args:
        settings: of its configuration.
        history: its curve, if it is fitted at once.
        tiles: the curves of its tiles, if it is fitted in tiles; all of them count.

    Returns:
        `iteration` of `iterations`, `loss`, `psnr` (not of tiles), `seconds`, and seconds `left`
        at its recent pace; None where that cannot be said.
    """
    each = _asked(settings)
    if not tiles:
        return _described(_last(history), each, _pace(history))
    total = each and each * len(tiles)
    begun = [curve for curve in tiles if _last(curve)]
    if not begun:
        return _described({}, total, None)
    rows = [_last(curve) for curve in begun]
    # One tile follows the other: those before the last that has begun are over.
    done = sum(each or row["iteration"] for row in rows[:-1])
    together = {
        "iteration": done + rows[-1]["iteration"],
        "seconds": sum(row.get("seconds", 0.0) for row in rows),
        "loss": sum(row.get("loss", math.nan) for row in rows) / len(rows),
    }
    return _described(together, total, _pace(begun[-1]))


def iterations(curve: Curve) -> int:
    """Return the last iteration of a curve; 0 if it is empty."""
    return int(_last(curve).get("iteration", 0))


def _asked(settings: Mapping[str, Any]) -> int | None:
    limits = [settings.get(key) for key in ("iterations", "max_iterations")]
    whole = [limit for limit in limits if type(limit) is int and limit > 0]
    return min(whole, default=None)


def _last(curve: Curve) -> dict[str, float]:
    if "iteration" not in curve or not len(curve["iteration"]):
        return {}
    return {name: float(column[-1]) for name, column in curve.items()}


def _pace(curve: Curve) -> float | None:
    """Return the seconds of an iteration, lately."""
    if "seconds" not in curve or "iteration" not in curve:
        return None
    t, s = (np.insert(curve[name], 0, 0.0)[-RECENT:] for name in ("iteration", "seconds"))
    count, seconds = float(t[-1] - t[0]), float(s[-1] - s[0])
    return seconds / count if count > 0 and seconds >= 0 else None


def _described(
    row: Mapping[str, float], total: int | None, pace: float | None
) -> dict[str, int | float | None]:
    numbers = {name: row[name] if math.isfinite(row.get(name, math.nan)) else None for name in ROW}
    at = None if numbers["iteration"] is None else int(numbers["iteration"])
    left = None
    if total is not None and at is not None and pace is not None:
        left = max(0, total - at) * pace
        left = left if math.isfinite(left) else None
    return {**numbers, "iteration": at, "iterations": total, "left": left}
