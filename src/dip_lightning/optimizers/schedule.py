"""The course of the learning rate over a fit."""

import math


def warmup_cosine(iteration: int, *, rise: int, iterations: int, end: float) -> float:
    """Return the learning rate of an iteration as a fraction of the highest.

    (t + 1) / w for t < w, then a half cosine from 1 to `end`.

    Args:
        iteration: t, from 0.
        rise: w, iterations of linear rise.
        iterations: of the whole fit.
        end: the last learning rate / the highest.

    Source: Loshchilov & Hutter, "SGDR", 2017 (the cosine).

    Example:
        >>> from dip_lightning.optimizers import warmup_cosine
        >>> [round(warmup_cosine(t, rise=2, iterations=6, end=0.1), 3) for t in range(6)]
        [0.5, 1.0, 1.0, 0.775, 0.325, 0.1]
    """
    if iteration < rise:
        return (iteration + 1) / rise
    done = (iteration - rise) / max(1, iterations - 1 - rise)
    return end + (1 - end) * (1 + math.cos(math.pi * min(1.0, done))) / 2
