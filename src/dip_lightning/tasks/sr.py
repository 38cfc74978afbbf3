"""Super-resolution: enlarge by an integer factor."""

from collections.abc import Callable
from typing import final

from torch import Tensor

from dip_lightning.baselines import bicubic, lanczos
from dip_lightning.config import value_of
from dip_lightning.errors import UserError
from dip_lightning.operators import Downsample, pillow_downsample
from dip_lightning.operators.downsample import LANCZOS_SUPPORT
from dip_lightning.tasks.base import RestorationTask

KERNEL = "lanczos2"


@final
class SuperResolution(RestorationTask):
    """Recover x from y = downsample(x, factor)."""

    A: Downsample
    reach = LANCZOS_SUPPORT[KERNEL]

    def operator(self) -> Downsample:
        """A(x): Lanczos2, centred on each block of factor x factor pixels."""
        factor, (_, height, width) = value_of(self.config.factor), self.shape
        if factor > min(height, width):
            raise UserError(
                f"factor={factor}: expected at most the shorter side of the image, "
                f"which is {width} x {height} pixels"
            )
        return Downsample(factor, kernel=KERNEL, phase=0.5)

    def observe(self, x: Tensor) -> Tensor:
        """y = A(x), or what Pillow makes of x, which the loss's A only resembles."""
        if self.config.observation == "pillow":
            return pillow_downsample(x, self.A.factor)
        observed: Tensor = self.A(x)
        return observed

    def stand_in(self) -> Tensor:
        """Bicubic interpolation."""
        return bicubic(self.y, self.shape[1:], self.A.factor)

    def loss(self, x_hat: Tensor) -> Tensor:
        """mean((A(x_hat) - y)^2)."""
        return self.fidelity(self.A(x_hat))

    def baselines(self) -> dict[str, Callable[[], Tensor]]:
        """Interpolation, bicubic and by Lanczos' kernel."""
        size, factor = self.shape[1:], self.A.factor
        return {
            "bicubic": self.stand_in,
            "Lanczos": lambda: lanczos(self.y, size, factor),
        }
