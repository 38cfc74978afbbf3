"""The course of the learning rate over a fit."""

import math
from collections.abc import Callable
from functools import partial

HALVINGS = (0.4, 0.6, 0.8)  # of the fit


def course(schedule: str, *, rise: int, iterations: int, end: float) -> Callable[[int], float]:
    """Return the function from an iteration, from 0, to its rate as a fraction of `lr`.

    Args:
        schedule: "constant", "halved" or "warmup_cosine".
        rise: see `warmup_cosine`.
        iterations: of the whole fit.
        end: see `warmup_cosine`.

    Example:
        >>> from dip_lightning.optimizers import course
        >>> course("constant", rise=2, iterations=6, end=0.1)(5)
        1.0
    """
    if schedule == "warmup_cosine":
        return partial(warmup_cosine, rise=rise, iterations=iterations, end=end)
    return partial(halved, iterations=iterations) if schedule == "halved" else _constant


def _constant(_: int) -> float:
    return 1.0


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


def halved(iteration: int, *, iterations: int) -> float:
    """Return the learning rate of an iteration as a fraction of the first.

    It is halved after 40, 60 and 80 % of the fit.

    Args:
        iteration: t, from 0.
        iterations: of the whole fit.

    Source: the published code of Ren et al., "Neural Blind Deconvolution Using Deep Priors", 2020.

    Example:
        >>> from dip_lightning.optimizers import halved
        >>> [halved(t, iterations=5) for t in range(5)]
        [1.0, 1.0, 0.5, 0.25, 0.125]
    """
    return 0.5 ** sum(iteration >= share * iterations for share in HALVINGS)
