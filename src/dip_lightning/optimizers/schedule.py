"""The course of the learning rate over a fit."""

import math

from dip_lightning.config import Config


def learning_rate_factor(config: Config, iteration: int) -> float:
    """Return the learning rate of an iteration as a fraction of `lr`.

    constant: 1; warmup_cosine: (t + 1) / w for t < w, then a half cosine from 1 to `lr_end`.

    Args:
        config: `schedule`, `rise` (w), `iterations` and `lr_end`.
        iteration: t, from 0.

    Source: Loshchilov & Hutter, "SGDR", 2017 (the cosine).
    """
    if config.schedule == "constant":
        return 1.0
    if iteration < config.rise:
        return (iteration + 1) / config.rise
    done = (iteration - config.rise) / max(1, config.iterations - 1 - config.rise)
    return config.lr_end + (1 - config.lr_end) * (1 + math.cos(math.pi * min(1.0, done))) / 2
