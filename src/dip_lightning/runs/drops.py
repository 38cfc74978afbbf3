"""Sudden drops of the PSNR: a definition, and a detector."""

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike, NDArray

DEPTH = 1.5  # dB
WITHIN = 50  # iterations; slower losses, as of an overfit, are no drops
AFTER = 50  # iterations; before, a fit only begins to look like an image


@dataclass(frozen=True)
class Drop:
    """One drop.

    Attributes:
        start: iteration of the highest PSNR before it.
        bottom: iteration of its lowest PSNR.
        end: first iteration at which the PSNR has come back to 0.5 dB below where it started;
            None where it never does.
        depth: PSNR at the start less that at the bottom, dB.
    """

    start: int
    bottom: int
    end: int | None
    depth: float


def find_drops(iterations: ArrayLike, psnr: ArrayLike) -> list[Drop]:
    """Find the drops of a curve.

    A drop begins after iteration `AFTER`, where the PSNR of the iterate falls by at least `DEPTH`
    below its highest value of the last `WITHIN` iterations. It lasts until the PSNR is back at
    0.5 dB below that value.

    Args:
        iterations: increasing, (N,).
        psnr: of the iterate, dB, (N,).

    Returns:
        The drops, in order.
    """
    t, p = np.asarray(iterations, dtype=int), np.asarray(psnr, dtype=float)
    t, p = t[t > AFTER], p[t > AFTER]
    if not len(t):
        return []
    drops: list[Drop] = []
    suspects = np.flatnonzero(_recent_highest(p) - p >= DEPTH)
    i = 0
    while i < len(t):
        later = np.searchsorted(suspects, i)
        if later == len(suspects):
            break
        i = int(suspects[later])
        since = max(t[i] - WITHIN, (drops[-1].end or t[i]) if drops else t[0])
        first = int(np.searchsorted(t, since))
        start = first + int(np.argmax(p[first : i + 1]))
        if p[start] - p[i] < DEPTH:
            i += 1
            continue
        back = np.flatnonzero(p[i:] >= p[start] - 0.5)
        stop = i + int(back[0]) if len(back) else len(t)
        bottom = i + int(np.argmin(p[i:stop]))
        end = int(t[stop]) if len(back) else None
        drops.append(Drop(int(t[start]), int(t[bottom]), end, float(p[start] - p[bottom])))
        i = stop + 1 if len(back) else len(t)
    return drops


def _recent_highest(p: NDArray[np.float64]) -> NDArray[np.float64]:
    # Of the last `WITHIN` rows and this one, which span at least as many iterations.
    padded = np.concatenate([np.full(WITHIN, -np.inf), p])
    highest: NDArray[np.float64] = sliding_window_view(padded, WITHIN + 1).max(1)
    return highest
