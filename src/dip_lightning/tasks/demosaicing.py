"""Demosaicing: a colour image from the raw mosaic of a sensor."""

from collections.abc import Callable, Mapping
from typing import Any, Self

import torch
from torch import Tensor

from dip_lightning.baselines import Patches, bilinear, fading, malvar, polish
from dip_lightning.errors import UserError
from dip_lightning.limits import GREY_LEVELS
from dip_lightning.noise import Noise, estimate_noise
from dip_lightning.operators import Mosaic, add_gaussian_noise, bayer_mask
from dip_lightning.prior.arguments import check_amount, checked
from dip_lightning.prior.deep_image_prior import DeepImagePrior
from dip_lightning.prior.randomness import source
from dip_lightning.prior.tiles import Tile
from dip_lightning.tasks.given import Given
from dip_lightning.tasks.masked import MissingPixels

RGB = 3
PERIOD = 2  # pixels, of every pattern
COLOR_SMOOTHNESS = 0.03
# Of the polish: docs/benchmarks.md. Its first level follows from how far two interpolations differ.
PATCHES, PASSES, FADING = Patches(side=4, step=2, count=24), 10, 4
APART, LEAST, MOST = 0.5, 0.1, 5.0  # share of that, bounds in 8-bit grey levels


class RawMosaic(MissingPixels):
    """y = m * clip(x + n, 0, 1): one channel of each pixel is known, n ~ N(0, (sigma / 255)^2).

    If the three colours of a pixel are fitted separately, they disagree at edges. In a photo,
    red - green and blue - green change less than the colours do: the fit keeps their steps small.

    Args:
        y: each value in the channel that it was measured in, (1, 3, H, W), in [0, 1].
        m: which channel of each pixel was measured, (1, 3, H, W), 0 or 1.
        x: ground truth, (1, 3, H, W) in [0, 1].
        keep_known: paste the measured values into the result.
        color_smoothness: weight of the mean squared step in red - green and blue - green.
    """

    has_guide = True
    fit_weight = 0.7  # docs/benchmarks.md

    def __init__(
        self,
        y: Tensor,
        m: Tensor,
        x: Tensor | None = None,
        *,
        keep_known: bool = False,
        color_smoothness: float = COLOR_SMOOTHNESS,
    ) -> None:
        super().__init__(y, m, x, keep_known=keep_known)
        self.color_smoothness = color_smoothness

    def penalty(self, x_hat: Tensor, seen: Tensor | None = None) -> Tensor | None:
        """Return the weighted mean squared step in red - green and blue - green."""
        del seen
        if not self.color_smoothness:
            return None
        difference = x_hat[:, ::2] - x_hat[:, 1:2]
        axes = (axis for axis in (2, 3) if difference.shape[axis] > 1)
        steps = (difference.diff(dim=axis).square().mean() for axis in axes)
        return self.color_smoothness * sum(steps, x_hat.new_zeros(()))

    def classical(self, seen: Tensor | None = None) -> Tensor | None:
        """Malvar's interpolation; None where it would bring noise back."""
        return None if self.y_noise_std is not None else self._filled(seen)

    def polished(self, x: Tensor, seen: Tensor | None = None) -> Tensor:
        """Make similar patches alike, as far as Malvar's and bilinear interpolation differ."""
        known = self.A.m if seen is None else seen
        apart = self._filled(seen) - bilinear(self.y, known)
        level = APART * GREY_LEVELS * float(apart.square().mean().sqrt())
        first = min(max(level, LEAST), MOST)
        sigmas = fading(first, first / FADING, PASSES)
        return polish(x, lambda x, _: torch.lerp(x, self.y, known), PATCHES, sigmas)

    def _of_part(self, tile: Tile) -> Self:
        part = super()._of_part(tile)
        part.color_smoothness = self.color_smoothness
        return part

    @property
    def takes_long(self) -> bool:
        """No: interpolation takes a second."""
        return False

    @classmethod
    def simulate(
        cls,
        x: Tensor,
        pattern: str = "rggb",
        sigma: float = 0.0,
        seed: int = 0,
        *,
        keep_known: bool | None = None,
        color_smoothness: float = COLOR_SMOOTHNESS,
    ) -> Self:
        """Measure one channel of each pixel of x.

        Args:
            x: (1, 3, H, W) in [0, 1].
            pattern: see `Mosaic`.
            sigma: of the noise, 8-bit grey levels.
            seed: of the noise.
            keep_known: paste the measured values; None: unless there is noise.
            color_smoothness: see the class.

        Raises:
            UserError: x is not RGB, or there is no such pattern.
        """
        y = add_gaussian_noise(x, sigma, source("observation", seed)) if sigma else x
        A, m = Mosaic(pattern), bayer_mask(pattern, x.shape[2], x.shape[3]).to(x)
        problem = cls(A.adjoint(A(y)), m, x, color_smoothness=color_smoothness)
        return problem.told(sigma, keep_known=keep_known)

    def told(self, sigma: float | None, *, keep_known: bool | None) -> Self:
        """Paste the measured values, or let the fit end at their noise.

        Args:
            sigma: of white noise, 8-bit grey levels; None: to be found.
            keep_known: paste them always, or never; None: unless there is noise.
        """
        if not keep_known:
            self.find_noise(sigma)
        self.keep_known = keep_known is not False and self.y_noise_std is None
        return self

    def estimate_noise(self) -> Noise:
        """Estimate the noise of the mosaic, comparing each colour with its own kind."""
        return estimate_noise(self.as_stored(self.y), period=PERIOD)

    def as_stored(self, values: Tensor) -> Tensor:
        """Return the mosaic as a sensor gives it, (1, 1, H, W)."""
        return values.sum(1, keepdim=True)

    @property
    def guide_noise_std(self) -> float:
        """The noise of y, as interpolation keeps it."""
        return self.y_noise_std or 0.0

    def guide(self, seen: Tensor | None = None) -> Tensor:
        """Malvar's interpolation."""
        return self._filled(seen)

    def _filled(self, seen: Tensor | None = None) -> Tensor:
        return malvar(self.y, self.A.m, seen)

    def baselines(self) -> dict[str, Callable[[], Tensor]]:
        """Malvar's and bilinear interpolation."""
        return {"Malvar": self._filled, "bilinear": lambda: bilinear(self.y, self.A.m)}


def problem(given: Given, keys: Mapping[str, Any]) -> RawMosaic:
    """Make the problem that the command's keys describe."""
    x, y, m = given.x, given.y, given.m
    sigma = given.grey_levels(keys["sigma"])
    wanted = {name: keys[name] for name in ("keep_known", "color_smoothness")}
    if x is not None:
        if x.shape[1] != RGB:
            kind = "is gray" if x.shape[1] == 1 else f"has {x.shape[1]} channels"
            raise UserError(
                f"image={keys['image']}: {kind}, expected the three channels of RGB; "
                "a raw mosaic is given as observed="
            )
        assert sigma is not None  # noqa: S101 - checked
        return RawMosaic.simulate(x, keys["pattern"], sigma, keys["seed"], **wanted)
    assert y is not None  # noqa: S101 - one of the two is given
    assert m is not None  # noqa: S101 - of the whole image, before anything was cut off
    found = RawMosaic(y, m, color_smoothness=wanted["color_smoothness"])
    return found.told(sigma, keep_known=wanted["keep_known"])


class Demosaicing(DeepImagePrior):
    """Recover a colour image from a raw mosaic, one channel of each pixel.

    The result keeps the measured values unchanged, unless there is noise; then the fit ends at its
    level.

    Args:
        y: mosaic, (1, 1, H, W) in [0, 1].
        pattern: colours of the upper left 2 x 2 pixels, row by row: "rggb", "bggr", "grbg" or
            "gbrg".
        sigma: standard deviation of white noise in y, 8-bit grey levels; None: estimated.
        x: ground truth, (1, 3, H, W) in [0, 1], for metrics only.
        keep_known: paste the measured values into the result; None: unless there is noise.
        color_smoothness: weight of the mean squared step in red - green and blue - green.
        fit: see `DeepImagePrior` and `FitSettings`.

    Raises:
        UserError: an argument is not allowed.

    Example:
        >>> import torch
        >>> from dip_lightning import Demosaicing
        >>> Demosaicing(torch.rand(1, 1, 24, 20), pattern="grbg").problem.shape
        (3, 24, 20)
    """

    def __init__(
        self,
        y: Tensor,
        pattern: str = "rggb",
        *,
        sigma: float | None = None,
        x: Tensor | None = None,
        keep_known: bool | None = None,
        color_smoothness: float = COLOR_SMOOTHNESS,
        **fit: Any,
    ) -> None:
        y = checked(y, "y")
        check_amount(sigma, "sigma")
        check_amount(color_smoothness, "color_smoothness")
        spread = Mosaic(pattern).adjoint(y)
        m = bayer_mask(pattern, y.shape[2], y.shape[3]).to(y)
        x = None if x is None else checked(x, "x")
        problem = RawMosaic(spread, m, x, color_smoothness=color_smoothness)
        super().__init__(problem.told(sigma, keep_known=keep_known), **fit)
        own = {"sigma": sigma, "keep_known": keep_known, "color_smoothness": color_smoothness}
        self.save_hyperparameters({"pattern": pattern, **own})

    @classmethod
    def simulate(
        cls, x: Tensor, pattern: str = "rggb", sigma: float = 0.0, *, seed: int = 0, **fit: Any
    ) -> Self:
        """Measure one channel of each pixel of x, (1, 3, H, W) in [0, 1]; keep x for metrics.

        Args:
            x: ground truth.
            pattern: see `Demosaicing`.
            sigma: of the noise, 8-bit grey levels.
            seed: of the noise, and of the fit.
            fit: see `DeepImagePrior` and `FitSettings`.
        """
        x = checked(x, "x")
        y = RawMosaic.simulate(x, pattern, sigma, seed)
        return cls(y.as_stored(y.y), pattern, sigma=sigma, x=x, seed=seed, **fit)
