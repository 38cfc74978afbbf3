"""What inpainting and restoration share: some pixels are known, the others are ignored."""

from collections.abc import Callable, Mapping
from typing import Any, Self

import torch
import torch.nn.functional as F
from torch import Tensor

from dip_lightning.baselines import Patches, biharmonic, fading, polish
from dip_lightning.baselines.filling import MOST_UNKNOWNS
from dip_lightning.errors import UserError
from dip_lightning.operators import Mask
from dip_lightning.prior.arguments import check_tensor, checked
from dip_lightning.prior.deep_image_prior import DeepImagePrior
from dip_lightning.prior.problem import Problem
from dip_lightning.prior.tiles import Tile
from dip_lightning.tasks.given import Given

PATCHES, SIGMAS = Patches(side=8, step=4, count=60), fading(5, 1, 8)  # docs/benchmarks.md
DEEPER = 0.2  # share of missing pixels without a known neighbour, above that of single ones


class MissingPixels(Problem):
    """y = m * x.

    Args:
        y: (1, C, H, W) in [0, 1]; ignored where m is 0.
        m: known pixels, (1, 1 or C, H, W), 0 or 1.
        x: ground truth, (1, C, H, W) in [0, 1].
        keep_known: paste the known pixels into the result.

    Raises:
        UserError: no pixel is known.
    """

    A: Mask
    y: Tensor

    def __init__(
        self, y: Tensor, m: Tensor, x: Tensor | None = None, *, keep_known: bool = False
    ) -> None:
        if not m.any():
            raise UserError("mask: no pixel is known, expected some", "nothing_known")
        shape = (y.shape[1], y.shape[2], y.shape[3])
        super().__init__(y, Mask(m), shape=shape, x=x, known=m)
        self.keep_known = keep_known

    @classmethod
    def of(cls, given: Given, drawn: Tensor | None, keys: Mapping[str, Any]) -> Self:
        """Make the problem from what the command was given.

        Args:
            given: image and mask.
            drawn: m if no mask was given; None: a mask is required.
            keys: of the command.

        Raises:
            UserError: there is no mask, or no pixel is known.
        """
        m = drawn if given.m is None else given.m
        if m is None:
            raise UserError(
                f"mask=null: task={keys['task']} with observed= needs mask=, a file whose "
                "white pixels are known, or an image whose transparent pixels are missing"
            )
        if not m.any():
            raise UserError(_nothing_known(given, keys), "nothing_known")
        x, y = given.x, given.y
        if y is None:
            assert x is not None  # noqa: S101 - one of the two is given
            y = m * x
        problem = cls(y, m, x, keep_known=keys["keep_known"] is not False)
        if given.y is not None and not keys["keep_known"]:
            problem.find_noise()
            problem.keep_known &= problem.y_noise_std is None
        return problem

    @property
    def mask(self) -> Tensor:
        """m."""
        return self.A.m

    @property
    def takes_long(self) -> bool:
        """Whether more pixels are missing than biharmonic inpainting can fill in a minute."""
        return float((1 - self.A.m).sum()) > MOST_UNKNOWNS

    def complete(self, x_hat: Tensor, seen: Tensor | None) -> Tensor:
        """Paste the known pixels over the network's output if `keep_known` is set."""
        if not self.keep_known:
            return x_hat
        pasted = self.known if seen is None else seen
        assert pasted is not None  # noqa: S101 - m
        return torch.lerp(x_hat, self.y, pasted)

    def keep_back(self, seen: Tensor, share: float, draw: torch.Generator) -> Tensor | None:
        """Leave out single pixels, if single pixels are missing.

        A hole is harder to fill than a pixel, and a hole elsewhere is a different hole. So if more
        of the missing pixels lie inside holes than single pixels would, nothing is left out. Nor is
        it if noise ends the fit, perhaps before the pixels left out would count again.
        """
        if self.y_noise_std is not None or self.takes_long:
            return None
        single = self.draw_seen(seen, share, draw)
        if single is None or inside(seen, 1 - self.A.m) > inside(single, seen - single) + DEEPER:
            return None
        return single

    def classical(self, seen: Tensor | None = None) -> Tensor | None:
        """Biharmonic inpainting; None where it would take too long."""
        return None if self.takes_long else self._filled(seen)

    def _filled(self, seen: Tensor | None = None) -> Tensor:
        return biharmonic(self.y, self.A.m if seen is None else seen)

    def agree(self, x: Tensor, seen: Tensor | None = None) -> Tensor:
        """Paste the known pixels if `keep_known` is set."""
        return self.complete(x, seen)

    @property
    def is_polished(self) -> bool:
        """Whether y is free of noise."""
        return self.y_noise_std is None

    def polished(self, x: Tensor, seen: Tensor | None = None) -> Tensor:
        """Make similar patches alike, and leave the known pixels as they are."""
        known = self.A.m if seen is None else seen
        return polish(x, lambda x, _: torch.lerp(x, self.y, known), PATCHES, SIGMAS)

    def baselines(self) -> dict[str, Callable[[], Tensor]]:
        """Biharmonic inpainting."""
        return {"biharmonic": self._filled}

    def _of_part(self, tile: Tile) -> Self:
        y, m = tile.cut(self.y), tile.cut(self.A.m)
        return type(self)(y, m, keep_known=self.keep_known)


def inside(known: Tensor, of: Tensor) -> float:
    """Return the share of pixels with no known pixel among their eight neighbours.

    Args:
        known: known pixels, (1, 1 or C, H, W), 0 or 1.
        of: 1 at the pixels that count, in the same form.
    """
    near = F.max_pool2d(known.amin(1, keepdim=True), 3, stride=1, padding=1)
    counts = of.amax(1, keepdim=True)
    return float((counts * (1 - near)).sum() / counts.sum().clamp(min=1))


def _nothing_known(given: Given, keys: Mapping[str, Any]) -> str:
    if given.m_is_alpha:
        return (
            f"observed={keys['observed']}: no pixel is known, as its alpha leaves none "
            "fully opaque, expected some that are, or mask="
        )
    drawn = "mask" if given.m is not None else f"known={keys['known']}"
    cause = f"mask={keys['mask']}" if keys["mask"] else drawn
    return f"{cause}: no pixel is known (white and opaque), expected some"


class MaskedPrior(DeepImagePrior):
    """Recover x from y = m * x.

    Args:
        y: (1, C, H, W) in [0, 1].
        mask: m, known pixels, (1, 1 or C, H, W), 0 or 1.
        x: ground truth, (1, C, H, W) in [0, 1], for metrics only.
        keep_known: paste the known pixels into the result.
        fit: see `DeepImagePrior` and `FitSettings`.

    Raises:
        UserError: an argument is not allowed, or no pixel is known.

    Example:
        >>> import torch
        >>> from dip_lightning import Inpainting
        >>> from dip_lightning.operators import hole_mask
        >>> m = hole_mask(20, 24)
        >>> prior = Inpainting(torch.rand(1, 3, 20, 24) * m, m, keep_known=True)
        >>> torch.equal(prior.problem.mask, m)
        True
    """

    def __init__(
        self,
        y: Tensor,
        mask: Tensor,
        *,
        x: Tensor | None = None,
        keep_known: bool = False,
        **fit: Any,
    ) -> None:
        for image, name in ((y, "y"), (mask, "mask")):
            check_tensor(image, name)
        mask, x = checked(mask.to(torch.float32), "mask"), None if x is None else checked(x, "x")
        if not ((mask == 0) | (mask == 1)).all():
            least, greatest = mask.aminmax()
            raise UserError(f"mask: has values from {least:g} to {greatest:g}, expected 0 and 1")
        if mask.shape[2:] != y.shape[2:] or mask.shape[1] not in {1, y.shape[1]}:
            raise UserError(f"mask: is {tuple(mask.shape)}, which does not fit y, {tuple(y.shape)}")
        y = checked(torch.where(mask > 0, y, 0), "y")  # what is masked may be anything
        problem = MissingPixels(y, mask, x, keep_known=keep_known)
        super().__init__(problem, **fit)
        self.save_hyperparameters({"keep_known": keep_known})
