"""Inpainting: fill holes of known places."""

from typing import final

from torch import Tensor

from dip_lightning.operators import drawn_mask
from dip_lightning.tasks.masked import MaskedTask


@final
class Inpainting(MaskedTask):
    """Recover x from y = m * x, m a drawing, a file, or the image's opaque pixels."""

    def draw_mask(self) -> Tensor:
        """Draw text over a ground truth, or cut a hole if `mask` asks for it."""
        return drawn_mask(self.config.mask or "text", *self.shape[1:])
