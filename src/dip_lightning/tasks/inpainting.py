"""Inpainting: fill holes in known places."""

from collections.abc import Mapping
from typing import Any, Self

from torch import Tensor

from dip_lightning.operators import drawn_mask
from dip_lightning.prior.arguments import checked
from dip_lightning.tasks.given import Given
from dip_lightning.tasks.masked import MaskedPrior, MissingPixels


def problem(given: Given, keys: Mapping[str, Any]) -> MissingPixels:
    """Make the problem that the command's keys describe; text is drawn where no mask is given."""
    drawn = None
    if given.x is not None and given.m is None:
        drawn = drawn_mask(keys["mask"] or "text", *given.x.shape[2:])
    return MissingPixels.of(given, drawn, keys)


class Inpainting(MaskedPrior):
    """Fill holes: recover x from y = m * x, m a drawing, a file, or an image's opaque pixels.

    The arguments are those of `MaskedPrior`.

    Example:
        >>> import torch
        >>> from dip_lightning import Inpainting
        >>> mask = torch.ones(1, 1, 24, 20)
        >>> mask[..., 5:9, 5:9] = 0
        >>> Inpainting(torch.rand(1, 3, 24, 20), mask).problem.shape
        (3, 24, 20)
    """

    @classmethod
    def simulate(cls, x: Tensor, kind: str = "text", **fit: Any) -> Self:
        """Draw a "text" over x, (1, C, H, W) in [0, 1], or cut a "hole"; keep x for metrics."""
        m = drawn_mask(kind, *checked(x, "x").shape[2:]).to(x)
        return cls(m * x, m, x=x, **fit)
