"""Super-resolution: enlarge by an integer factor."""

from collections.abc import Callable, Mapping
from typing import Any, Self

import torch
from torch import Tensor

from dip_lightning.baselines import (
    Patches,
    back_project,
    back_projection,
    bicubic,
    fading,
    lanczos,
    polish,
    polish_inverse,
)
from dip_lightning.errors import UserError
from dip_lightning.limits import GREY_LEVELS
from dip_lightning.losses import masked_mse, mse
from dip_lightning.operators import Downsample, add_gaussian_noise, pillow_downsample
from dip_lightning.operators.downsample import LANCZOS_SUPPORT
from dip_lightning.operators.jpeg import NARROWED, Bounds, Coefficients
from dip_lightning.prior.arguments import check_amount, check_factor, checked
from dip_lightning.prior.deep_image_prior import DeepImagePrior
from dip_lightning.prior.problem import Problem
from dip_lightning.prior.randomness import source
from dip_lightning.prior.tiles import Tile
from dip_lightning.tasks.given import Given

KERNEL = "lanczos2"
STEPS = 5  # of back-projection for the result
# Of the polish: docs/benchmarks.md. A short one suits texture, a long one edges that repeat.
PATCHES = Patches(side=4, step=2, count=24)
SHORT, LONG = (fading(14, 3, 7), 0.0), (fading(10, 2, 20), 0.8)  # noise of each pass, onward
OF_JPEG = (fading(20, 3, 12), 0.4), (fading(16, 3, 20), 0.8)  # docs/super_resolution.md
AWAY = 0.45  # share of the noise that the low-resolution image stays away from y: likewise


class LowResolution(Problem):
    """y = downsample(x, factor) + n: Lanczos2, centred on each block of factor x factor pixels.

    n is white noise, or 0.

    Args:
        y: (1, C, ceil(H / factor), ceil(W / factor)) in [0, 1].
        factor: enlargement.
        x: ground truth, (1, C, H, W) in [0, 1]; None: x is `factor` times as large as y.
        coefficients: of the JPEG file that y was decoded from: the result's low-resolution image
            must lie within half of its bounds instead of being y.
    """

    reach = LANCZOS_SUPPORT[KERNEL]

    def __init__(
        self,
        y: Tensor,
        factor: int,
        x: Tensor | None = None,
        coefficients: Coefficients | None = None,
    ) -> None:
        channels, height, width = y.shape[1:]
        shape = (channels, factor * height, factor * width)
        if x is not None:
            shape = (x.shape[1], x.shape[2], x.shape[3])
        super().__init__(y, Downsample(factor, kernel=KERNEL, phase=0.5), shape=shape, x=x)
        self.scale, self.coefficients = factor, coefficients
        self.bounds = None if coefficients is None else Bounds(coefficients, y)

    @classmethod
    def simulate(
        cls,
        x: Tensor,
        factor: int,
        sigma: float = 0.0,
        seed: int = 0,
        observation: str = KERNEL,
    ) -> Self:
        """Shrink x, and add white noise.

        Args:
            x: (1, C, H, W) in [0, 1].
            factor: of both sides.
            sigma: of the noise, 8-bit grey levels.
            seed: of the noise.
            observation: how x is shrunk: by A, or by "pillow", which A only resembles.

        Raises:
            UserError: x is smaller than the factor.
        """
        height, width = x.shape[-2:]
        if factor > min(height, width):
            raise UserError(
                f"factor={factor}: expected at most the shorter side of the image, "
                f"which is {width} x {height} pixels"
            )
        A = Downsample(factor, kernel=KERNEL, phase=0.5).to(x.device)
        y = pillow_downsample(x, factor) if observation == "pillow" else A(x)
        if sigma:
            y = add_gaussian_noise(y, sigma, source("observation", seed))
        return cls(y, factor, x).find_noise(sigma)

    def stand_in(self) -> Tensor:
        """Bicubic interpolation."""
        return bicubic(self.y, self.shape[1:], self.scale)

    def loss(self, x_hat: Tensor, seen: Tensor | None = None) -> Tensor:
        """Return how far A(x_hat) is from y, or from the bounds of its file, a scalar."""
        # A coefficient of the file shows held-out pixels to all others of its block.
        if self.bounds is None or seen is not None:
            return super().loss(x_hat, seen)
        y_hat = self.A(x_hat)
        y = self.bounds.nearest(y_hat.detach())
        return mse(y_hat, y) if self.known is None else masked_mse(y_hat, y, self.known)

    def agree(self, x: Tensor, seen: Tensor | None = None) -> Tensor:
        """Correct x until its low-resolution image is y, if y is noise-free and all seen."""
        if seen is not None or self.y_noise_std is not None:
            return x
        return self._agreeing(x, None)

    def _agreeing(self, x: Tensor, seen: Tensor | None) -> Tensor:
        y, known = self.y, self.known if seen is None else seen
        if self.bounds is not None and seen is None:
            y = self.bounds.nearest(self.A(x), NARROWED)
        if known is not None:
            y = torch.lerp(self.A(x), y, known)
        return back_project(x, y, self.scale, self.A, STEPS)

    @property
    def is_polished(self) -> bool:
        """Always: with noise or without."""
        return True

    def polished(self, x: Tensor, seen: Tensor | None = None) -> Tensor:
        """Make similar patches alike while the low-resolution image still agrees with y."""
        if self.y_noise_std is not None:
            away = AWAY * GREY_LEVELS * self.y_noise_std
            known = self.known if seen is None else seen
            return polish_inverse(self.A, self.y, x, away, known)
        ways = [
            polish(x, lambda x, _: self._agreeing(x, seen), PATCHES, sigmas, onward)
            for sigmas, onward in ((SHORT, LONG) if self.bounds is None else OF_JPEG)
        ]
        return torch.stack(ways).mean(0)

    def baselines(self) -> dict[str, Callable[[], Tensor]]:
        """Interpolation, bicubic and by Lanczos' kernel, and back-projection."""
        y, size, factor = self.y, self.shape[1:], self.scale
        return {
            "bicubic": self.stand_in,
            "Lanczos": lambda: lanczos(y, size, factor),
            "back-projection": lambda: back_projection(y, size, factor, self.A),
        }

    def _of_part(self, tile: Tile) -> "LowResolution":
        x, held = None if self.x is None else tile.cut(self.x), self.coefficients
        held = None if held is None else held.cut(*tile.slices(self.scale))
        return LowResolution(tile.cut(self.y, self.scale), self.scale, x, held)


def problem(given: Given, keys: Mapping[str, Any]) -> LowResolution:
    """Make the problem that the command's keys describe."""
    sigma = given.grey_levels(keys["sigma"])
    if given.x is not None:
        assert sigma is not None  # noqa: S101 - checked
        made = (keys["factor"], sigma, keys["seed"], keys["observation"])
        return LowResolution.simulate(given.x, *made)
    assert given.y is not None  # noqa: S101 - one of the two is given
    found = LowResolution(given.y, keys["factor"]).find_noise(sigma)
    if not keys["bounds"] or found.y_noise_std is not None:
        return found
    return LowResolution(given.y, keys["factor"], coefficients=given.coefficients)


class SuperResolution(DeepImagePrior):
    """Enlarge an image: recover x from y = downsample(x, factor) + n.

    If there is noise, the fit ends at its level, unless discrepancy=0.

    Args:
        y: (1, C, h, w) in [0, 1].
        factor: enlargement, an integer of 2 or more.
        sigma: standard deviation of n, white and Gaussian, 8-bit grey levels; None: looked for.
        x: ground truth, (1, C, H, W) in [0, 1], for metrics only.
        fit: see `DeepImagePrior` and `FitSettings`.

    Raises:
        UserError: an argument is not allowed.

    Example:
        >>> import torch
        >>> from dip_lightning import SuperResolution
        >>> SuperResolution(torch.rand(1, 3, 24, 20), factor=4).problem.shape
        (3, 96, 80)
    """

    def __init__(
        self,
        y: Tensor,
        factor: int,
        sigma: float | None = None,
        *,
        x: Tensor | None = None,
        **fit: Any,
    ) -> None:
        check_amount(sigma, "sigma")
        check_factor(factor)
        x = None if x is None else checked(x, "x")
        super().__init__(LowResolution(checked(y, "y"), factor, x).find_noise(sigma), **fit)
        self.save_hyperparameters({"factor": factor, "sigma": sigma})

    @classmethod
    def simulate(
        cls, x: Tensor, factor: int, sigma: float = 0.0, *, seed: int = 0, **fit: Any
    ) -> Self:
        """Shrink x, (1, C, H, W) in [0, 1], add noise, and keep x for metrics.

        Args:
            x: ground truth.
            factor: of both sides, an integer of 2 or more.
            sigma: of the noise, 8-bit grey levels.
            seed: of the noise and of the fit.
            fit: see the class.
        """
        check_amount(sigma, "sigma")
        check_factor(factor)
        y = LowResolution.simulate(checked(x, "x"), factor, sigma, seed).y
        return cls(y, factor, sigma, x=x, seed=seed, **fit)
