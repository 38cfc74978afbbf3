"""What inpainting and restoration share: some pixels are known, the others count for nothing."""

from abc import abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor

from dip_lightning.baselines import biharmonic
from dip_lightning.errors import UserError
from dip_lightning.losses import masked_mse
from dip_lightning.operators import Mask
from dip_lightning.tasks.base import RestorationTask


class MaskedTask(RestorationTask):
    """Recover x from y = m * x."""

    A: Mask
    uses_mask = True

    @abstractmethod
    def draw_mask(self) -> Tensor:
        """Return m, (1, 1 or C, H, W), where none was given."""

    def operator(self) -> Mask:
        """A(x) = m * x."""
        if self.given.m is None and self.given.x is None:
            raise UserError(
                f"mask=null: task={self.config.task} with observed= needs mask=, a file whose "
                "white pixels are known, or an image whose transparent pixels are missing"
            )
        m = self.draw_mask() if self.given.m is None else self.given.m
        if not m.any():
            if self.given.m_is_alpha:
                raise UserError(
                    f"observed={self.config.observed}: no pixel is known, as its alpha leaves none "
                    "fully opaque, expected some that are, or mask=",
                    "nothing_known",
                )
            cause = f"mask={self.config.mask}" if self.config.mask else f"known={self.config.known}"
            raise UserError(
                f"{cause}: no pixel is known (white and opaque), expected some", "nothing_known"
            )
        return Mask(m)

    def known(self) -> Tensor:
        """m."""
        return self.A.m

    def observe(self, x: Tensor) -> Tensor:
        """y = m * x."""
        observed: Tensor = self.A(x)
        return observed

    def loss(self, x_hat: Tensor) -> Tensor:
        """mean((m * x_hat - m * y)^2)."""
        return masked_mse(x_hat, self.y, self.A.m if self.used is None else self.used)

    def complete(self, x_hat: Tensor) -> Tensor:
        """Paste the known pixels over the generator's output where `keep_known` asks for it."""
        if not self.config.keep_known:
            return x_hat
        return torch.lerp(x_hat, self.y, self.A.m if self.used is None else self.used)

    def baselines(self) -> dict[str, Callable[[], Tensor]]:
        """Biharmonic inpainting."""
        return {"biharmonic": lambda: biharmonic(self.y, self.A.m)}
