"""Curves made small enough for a page, without losing their extremes."""

import base64
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dip_lightning.runs.drops import find_drops

MEASURED = ("loss", "psnr", "psnr_average")
COLUMNS = ("iteration", "seconds", *MEASURED)
MOST_DROPS = 30  # of a run
LEVELS, MISSING = 65534, 65535  # of a 16-bit number; not defined

Packed = tuple[float, float, str]


def thin_out(curves: list[NDArray[np.float64]], points: int) -> NDArray[np.intp]:
    """Choose rows of curves that share their x, so that drawn lines keep every peak and drop.

    The rows are cut into equal stretches, and of each the highest and lowest value of each curve
    is kept.

    Args:
        curves: each (N,), NaN where it is not defined.
        points: rows to keep, about; all where there are no more.

    Returns:
        Increasing indices, the first and the last row among them.
    """
    count = len(curves[0])
    if count <= points:
        return np.arange(count)
    edges = np.linspace(0, count, max(1, points // (2 * len(curves))) + 1).astype(int)
    kept = {0, count - 1}
    for curve in curves:
        low, high = (
            np.where(np.isnan(curve), np.inf, curve),
            np.where(np.isnan(curve), -np.inf, curve),
        )
        for start, stop in pairwise(edges):
            kept |= {start + int(low[start:stop].argmin()), start + int(high[start:stop].argmax())}
    return np.array(sorted(kept))


def pack(curve: Mapping[str, NDArray[np.float64]], points: int) -> dict[str, Packed]:
    """Write a curve as text, 16 bits a value: low + step * n, of the loss its decimal logarithm.

    Up to 65,534 evenly recorded iterations are exact, a PSNR is to a ten-thousandth of its range.

    Args:
        curve: columns of history.csv.
        points: rows to keep, about.

    Returns:
        low, step and n (base64 of little-endian uint16) of each column; empty for an empty curve.
    """
    measured = [curve[name] for name in MEASURED if name in curve]
    if "iteration" not in curve or not measured:
        return {}
    rows = thin_out(measured, points)
    packed = {}
    for name in COLUMNS:
        if name in curve:
            values = curve[name][rows]
            with np.errstate(divide="ignore", invalid="ignore"):
                packed[name] = _quantise(np.log10(values) if name == "loss" else values)
    return packed


def _quantise(values: NDArray[np.float64]) -> Packed:
    found = values[np.isfinite(values)]
    low = float(found.min()) if found.size else 0.0
    step = (float(found.max()) - low) / LEVELS if found.size else 0.0
    if (found == np.round(found)).all():  # whole numbers stay what they are
        step = max(float(np.gcd.reduce((found - low).astype(np.int64))), step)
    with np.errstate(invalid="ignore"):
        levels = np.round((values - low) / (step or 1.0))
    levels = np.where(np.isfinite(values), levels, MISSING).astype("<u2")
    return low, step, base64.b64encode(levels.tobytes()).decode()


def drops(curve: Mapping[str, NDArray[np.float64]]) -> list[dict[str, Any]]:
    """List the deepest of the sudden drops of the PSNR, as `runs.drops` defines them.

    Returns:
        Iteration and PSNR of the bottom of each, where it began, and its depth (dB).
    """
    if "psnr" not in curve or "iteration" not in curve:
        return []
    defined = ~np.isnan(curve["psnr"])
    t, p = curve["iteration"][defined].astype(int), curve["psnr"][defined]
    found = sorted(find_drops(t, p), key=lambda drop: drop.depth)[-MOST_DROPS:]
    return [
        {
            "start": drop.start,
            "iteration": drop.bottom,
            "psnr": float(p[np.searchsorted(t, drop.bottom)]),
            "depth": round(drop.depth, 2),
        }
        for drop in sorted(found, key=lambda drop: drop.start)
    ]
