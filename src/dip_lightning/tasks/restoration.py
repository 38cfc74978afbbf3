"""Restoration: fill pixels missing at random."""

from typing import final

from torch import Tensor

from dip_lightning.config import value_of
from dip_lightning.operators import drawn_mask, random_mask
from dip_lightning.tasks.masked import MaskedTask


@final
class Restoration(MaskedTask):
    """Recover x from y = m * x, m random, each pixel known with probability `known`."""

    def draw_mask(self) -> Tensor:
        """Drop pixels of a ground truth at random, or draw what `mask` asks for."""
        if self.config.mask is not None:
            return drawn_mask(self.config.mask, *self.shape[1:])
        return random_mask(
            self.shape,
            value_of(self.config.known),
            per_channel=value_of(self.config.per_channel),
            generator=self.random("observation"),
        )
