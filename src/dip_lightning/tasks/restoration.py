"""Restoration: fill pixels missing at random."""

from collections.abc import Mapping
from typing import Any, Self

from torch import Tensor

from dip_lightning.operators import drawn_mask, random_mask
from dip_lightning.prior.arguments import checked
from dip_lightning.prior.randomness import source
from dip_lightning.tasks.given import Given
from dip_lightning.tasks.masked import MaskedPrior, MissingPixels


def problem(given: Given, keys: Mapping[str, Any]) -> MissingPixels:
    """Make the problem that the command's keys describe; without a mask, pixels are dropped."""
    drawn = None
    if given.x is not None and given.m is None:
        if keys["mask"] is not None:
            drawn = drawn_mask(keys["mask"], *given.x.shape[2:])
        else:
            known, seed = keys["known"], keys["seed"]
            drawn = _dropped(given.x, known, per_channel=keys["per_channel"], seed=seed)
    return MissingPixels.of(given, drawn, keys)


def _dropped(x: Tensor, known: float, *, per_channel: bool, seed: int) -> Tensor:
    shape = (x.shape[1], x.shape[2], x.shape[3])
    draw = source("observation", seed)
    return random_mask(shape, known, per_channel=per_channel, generator=draw)


class Restoration(MaskedPrior):
    """Fill scattered pixels: recover x from y = m * x, m random.

    The arguments are those of `MaskedPrior`.

    Example:
        >>> import torch
        >>> from dip_lightning import Restoration
        >>> prior = Restoration.simulate(torch.rand(1, 3, 24, 20), known=0.5)
        >>> 0.3 < float(prior.problem.mask.mean()) < 0.7
        True
    """

    @classmethod
    def simulate(
        cls,
        x: Tensor,
        known: float = 0.5,
        *,
        per_channel: bool = False,
        seed: int = 0,
        **fit: Any,
    ) -> Self:
        """Drop pixels of x, (1, C, H, W) in [0, 1], and keep it for metrics.

        Args:
            x: ground truth.
            known: probability that a pixel is kept.
            per_channel: draw each channel of a pixel separately.
            seed: of the mask, and of the fit.
            fit: see `DeepImagePrior` and `FitSettings`.
        """
        m = _dropped(checked(x, "x"), known, per_channel=per_channel, seed=seed).to(x)
        return cls(m * x, m, x=x, seed=seed, **fit)
