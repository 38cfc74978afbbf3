"""Denoising: remove white Gaussian noise."""

from collections.abc import Callable
from functools import cached_property
from typing import final

from torch import Tensor, nn

from dip_lightning.baselines import (
    bm3d,
    estimate_noise,
    has_bm3d,
    non_local_means,
    total_variation,
)
from dip_lightning.config import value_of
from dip_lightning.operators import (
    add_gaussian_noise,
    clipped_noise_power,
    shuffle_pixels,
    uniform_noise,
)
from dip_lightning.tasks.base import RestorationTask


@final
class Denoising(RestorationTask):
    """Recover x from y = clip(x + n, 0, 1), n ~ N(0, (sigma / 255)^2)."""

    def operator(self) -> nn.Module:
        """A(x) = x."""
        return nn.Identity()

    def observe(self, x: Tensor) -> Tensor:
        """y = clip(x + n, 0, 1), or one of the images that ask why the prior works."""
        draw = self.random("observation")
        match self.config.observation:
            case "clean":
                return x.clone()
            case "shuffled":
                return shuffle_pixels(x, draw)
            case "noise":
                return uniform_noise(x, draw)
        return add_gaussian_noise(x, value_of(self.config.sigma), draw)

    def loss(self, x_hat: Tensor) -> Tensor:
        """mean((x_hat - y)^2)."""
        return self.fidelity(self.A(x_hat))

    def y_noise_std(self) -> float | None:
        """Return sigma / 255; of a y from elsewhere, an estimate."""
        return self._y_noise_std

    @cached_property
    def _y_noise_std(self) -> float | None:
        if not self.config.discrepancy:
            return None
        if self.given.x is None:
            known = self.given.y_noise_std
            return estimate_noise(self.y) if known is None else known
        is_noisy = self.config.observation in {None, "gaussian"}
        return value_of(self.config.sigma) / 255 if is_noisy else None

    def noise_level(self) -> float | None:
        """Return `discrepancy` times the power of the noise, in the pixels that the loss sees.

        Where it was added here, clipping has taken some of it; an estimate is of what is left.
        """
        std, share = self.y_noise_std(), self.config.discrepancy
        if std is None or share is None:
            return None
        is_made = self.given.x is not None
        power = float(clipped_noise_power(self.x_average, std)) if is_made else std**2
        seen = 1.0 if self.used is None else float(self.used.mean())
        return share * seen * power

    def baselines(self) -> dict[str, Callable[[], Tensor]]:
        """Non-local means, total variation and BM3D, told sigma where the noise was added here.

        There is none to compare with where y is no noisy image.
        """
        if self.given.x is not None and self.config.observation not in {None, "gaussian"}:
            return {}
        sigma = self.config.sigma if self.given.x is not None else None
        methods: dict[str, Callable[[], Tensor]] = {
            "non-local means": lambda: non_local_means(self.y, sigma),
            "total variation": lambda: total_variation(self.y, sigma),
        }
        if has_bm3d():
            methods["BM3D"] = lambda: bm3d(self.y, sigma)
        return methods
