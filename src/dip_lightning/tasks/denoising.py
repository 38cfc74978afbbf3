"""Denoising: remove white noise, camera noise, or the noise of counting photons."""

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Self

import torch
from torch import Tensor

from dip_lightning.baselines import (
    Patches,
    bm3d,
    has_bm3d,
    low_rank_patches,
    non_local_means,
    polish,
    stabilised,
    total_variation,
)
from dip_lightning.errors import UserError
from dip_lightning.limits import GREY_LEVELS, NOISES
from dip_lightning.losses import expected_deviance, poisson_deviance
from dip_lightning.noise import Noise, estimate_noise, estimate_peak
from dip_lightning.operators import (
    add_gaussian_noise,
    add_poisson_noise,
    shuffle_pixels,
    uniform_noise,
)
from dip_lightning.prior.arguments import check_amount, checked
from dip_lightning.prior.deep_image_prior import DeepImagePrior
from dip_lightning.prior.problem import Problem
from dip_lightning.prior.randomness import source
from dip_lightning.prior.tiles import Tile
from dip_lightning.tasks.given import Given

SIGMA, PEAK = 25.0, 30.0  # of noise that no more is said of
# Times as much for the classical methods, which take noise for white: docs/benchmarks.md.
CORRELATED, CORRELATED_GROUPS = 1.25, 2.5
LEAST = 1e-12  # of a difference
FIT_WEIGHT, FIT_WEIGHT_CORRELATED, FIT_WEIGHT_PHOTONS = 0.5, 0.4, 0.3  # docs/benchmarks.md
# Of white noise, what the polish brings back of y, and the noise that it then takes away.
BACK, LEFT, PATCHES = 0.2, 0.24, Patches(side=4, step=2, count=40)


class _Noisy(Problem):
    """An image whose noise is to be removed; a subclass passes its level to classical methods."""

    how = ""  # a classical method is used

    @property
    def fit_weight(self) -> float:
        """Weight of the fit: less for correlated noise, as it keeps more of that."""
        return FIT_WEIGHT if self.noise_is_white else FIT_WEIGHT_CORRELATED

    def _denoised(self, method: Callable[[Tensor, float], Tensor]) -> Tensor:
        raise NotImplementedError

    def classical(self, seen: Tensor | None = None) -> Tensor | None:
        """Low-rank patches, given the noise that was added or found."""
        if self.y_noise_std is None or seen is not None:
            return None
        return self._denoised(low_rank_patches)

    def baselines(self) -> dict[str, Callable[[], Tensor]]:
        """Name the classical methods, given the noise that was added or found.

        There are none if y is not a noisy image, or its noise is unknown.
        """
        if not self.is_noisy or self.y_noise_std is None:
            return {}
        methods = {"low-rank patches": low_rank_patches, "non-local means": non_local_means}
        methods |= {"total variation": total_variation}
        methods |= {"BM3D": bm3d} if has_bm3d() else {}
        apply = self._denoised
        return {name + self.how: partial(apply, method) for name, method in methods.items()}


class NoisyImage(_Noisy):
    """y = clip(x + n, 0, 1), n ~ N(0, (sigma / 255)^2).

    Args:
        y: (1, C, H, W) in [0, 1].
        sigma: standard deviation of the noise that was added, 8-bit grey levels; None: estimated;
            the noise may be correlated and depend on brightness.
        x: ground truth, (1, C, H, W) in [0, 1].
        is_noisy: y follows the formula above, and is no other image.
    """

    def __init__(
        self,
        y: Tensor,
        sigma: float | None = None,
        x: Tensor | None = None,
        *,
        is_noisy: bool = True,
    ) -> None:
        noise = Noise(None, is_white=True)
        if is_noisy:
            added = None if sigma is None else Noise(sigma / GREY_LEVELS, is_white=True)
            noise = added or estimate_noise(y)
        super().__init__(y, x=x, y_noise_std=noise.std)
        self.sigma, self.is_noisy, self.noise_is_white = sigma, is_noisy, noise.is_white
        self.noise_is_told = sigma is not None
        self.is_clipped = sigma is not None  # an estimate is of what clipping has left

    @classmethod
    def simulate(
        cls, x: Tensor, sigma: float = 25.0, seed: int = 0, observation: str = "gaussian"
    ) -> Self:
        """Add noise to x, or make one of the images that test why the prior works.

        Args:
            x: (1, C, H, W) in [0, 1].
            sigma: 8-bit grey levels.
            seed: of the noise.
            observation: "gaussian", "clean", "shuffled" or "noise".
        """
        draw = source("observation", seed)
        match observation:
            case "clean":
                y = x.clone()
            case "shuffled":
                y = shuffle_pixels(x, draw)
            case "noise":
                y = uniform_noise(x, draw)
            case _:
                return cls(add_gaussian_noise(x, sigma, draw), sigma, x)
        return cls(y, sigma, x, is_noisy=False)

    def _denoised(self, method: Callable[[Tensor, float], Tensor]) -> Tensor:
        times = CORRELATED_GROUPS if method is low_rank_patches else CORRELATED
        times = 1 if self.noise_is_white else times
        return method(self.y, GREY_LEVELS * times * (self.y_noise_std or 0.0))

    def weight_for(self, x_average: Tensor, classical: Tensor) -> float:
        """Return less for a fit that ended before its noise: max(0, 1 - e / D) of the usual weight.

        With d the fit and b the classical method, e = mean (d - y)^2 - var(n) is the detail that d
        lacks, and D = mean (d - b)^2. If e = D, they differ in nothing else. For correlated noise,
        var(n) is not known well enough.
        """
        left = self.noise_power(x_average) if self.noise_is_white else None
        lacking = 0.0 if left is None else float(self.loss(x_average)) - left
        apart = float((x_average - classical).square().mean())
        return self.fit_weight * max(0.0, 1 - max(0.0, lacking) / max(apart, LEAST))

    @property
    def is_polished(self) -> bool:
        """Whether noise was added or found, and is white."""
        return self.y_noise_std is not None and self.noise_is_white

    def polished(self, x: Tensor, seen: Tensor | None = None) -> Tensor:
        """Add a share of y back, detail and noise, then remove the noise from similar patches."""
        share = torch.full_like(x, BACK) if seen is None else BACK * seen
        left = LEFT * GREY_LEVELS * (self.y_noise_std or 0.0)
        return polish(x, lambda x, _: x.lerp(self.y, share), PATCHES, (left,))

    def _of_part(self, tile: Tile) -> "NoisyImage":
        return NoisyImage(tile.cut(self.y), self.sigma, is_noisy=False)


class PhotonImage(_Noisy):
    """y = c / peak, c ~ Poisson(peak x): the loss is the deviance, see `poisson_deviance`.

    Args:
        y: (1, C, H, W), 0 or more.
        peak: photons where x is 1; None: estimated.
        x: ground truth, (1, C, H, W) in [0, 1].
    """

    is_noisy = True
    how = " (Anscombe)"

    def __init__(self, y: Tensor, peak: float | None = None, x: Tensor | None = None) -> None:
        super().__init__(y, x=x)
        self.noise_is_told = peak is not None
        self.peak = estimate_peak(y) if peak is None else peak
        # Counts are clipped where they are stored as an image: nothing is beyond white.
        self.is_clipped = bool(y.max() == 1)
        if self.peak is not None:
            self.y_noise_std = math.sqrt(float(y.mean()) / self.peak)

    @property
    def fit_weight(self) -> float:
        """Weight of the fit: less than for white noise, which is polished."""
        return FIT_WEIGHT_PHOTONS

    @classmethod
    def simulate(cls, x: Tensor, peak: float = PEAK, seed: int = 0) -> Self:
        """Count photons of x, (1, C, H, W) in [0, 1]: `peak` of them where it is 1."""
        return cls(add_poisson_noise(x, peak, source("observation", seed)), peak, x)

    def loss(self, x_hat: Tensor, seen: Tensor | None = None) -> Tensor:
        """Return the deviance of y, see `Problem.loss`; if the peak is unknown, in units of it."""
        seen = self.known if seen is None else seen
        return poisson_deviance(x_hat, self.y, self.peak or 1.0, seen)

    def noise_power(self, x: Tensor, seen: Tensor | None = None) -> float | None:
        """Return the expected deviance if x is the image; see `Problem.noise_power`."""
        if self.peak is None:
            return None
        seen = self.known if seen is None else seen
        return expected_deviance(x, self.peak, seen, is_clipped=self.is_clipped)

    def _denoised(self, method: Callable[[Tensor, float], Tensor]) -> Tensor:
        return stabilised(self.y, self.peak or 1.0, method)

    def _of_part(self, tile: Tile) -> "PhotonImage":
        part = PhotonImage(tile.cut(self.y), self.peak or 1.0)
        part.peak = self.peak
        return part


def problem(given: Given, keys: Mapping[str, Any]) -> NoisyImage | PhotonImage:
    """Make the problem that the command's keys describe."""
    x, y, seed = given.x, given.y, keys["seed"]
    sigma = given.grey_levels(keys["sigma"])
    if keys["noise"] == "poisson":
        peak = None if keys["peak"] is None else keys["peak"] / given.white
        if x is not None:
            return PhotonImage.simulate(x, peak or PEAK, seed)
        assert y is not None  # noqa: S101 - one of the two is given
        return PhotonImage(y, peak)
    if x is not None:
        observation = keys["observation"] or "gaussian"
        assert sigma is not None  # noqa: S101 - checked
        return NoisyImage.simulate(x, sigma, seed, observation)
    assert y is not None  # noqa: S101 - one of the two is given
    return NoisyImage(y, sigma)


class Denoising(DeepImagePrior):
    """Remove noise: recover x from y = clip(x + n, 0, 1), or from photon counts.

    The fit ends when only noise is left of y, unless discrepancy=0. If detail hides the noise
    level, it runs to its last iteration.

    Args:
        y: (1, C, H, W) in [0, 1]; for noise="poisson", counts / peak, 0 or more.
        sigma: standard deviation of n, white and Gaussian, 8-bit grey levels; None: estimated; the
            noise may then be correlated and depend on brightness, like a camera's.
        noise: "gaussian", or "poisson": y = c / peak, c ~ Poisson(peak x).
        peak: for noise="poisson", photons where x is 1; None: estimated.
        x: ground truth, (1, C, H, W) in [0, 1], for metrics only.
        fit: see `DeepImagePrior` and `FitSettings`.

    Raises:
        UserError: an argument is not allowed.

    Example:
        >>> import torch
        >>> from dip_lightning import Denoising
        >>> prior = Denoising.simulate(torch.full((1, 3, 24, 20), 0.5), sigma=25)
        >>> round(prior.problem.y_noise_std, 3)
        0.098
        >>> prior = Denoising.simulate(prior.problem.x, noise="poisson", peak=30)
        >>> round(prior.problem.y_noise_std, 2)
        0.13
    """

    def __init__(
        self,
        y: Tensor,
        sigma: float | None = None,
        *,
        noise: str = "gaussian",
        peak: float | None = None,
        x: Tensor | None = None,
        **fit: Any,
    ) -> None:
        _check_level(noise, sigma, peak)
        x = None if x is None else checked(x, "x")
        if noise == "poisson":
            super().__init__(PhotonImage(checked(y, "y", 0, math.inf), peak, x), **fit)
        else:
            super().__init__(NoisyImage(checked(y, "y"), sigma, x), **fit)
        self.save_hyperparameters({"sigma": sigma, "noise": noise, "peak": peak})

    @classmethod
    def simulate(
        cls,
        x: Tensor,
        sigma: float | None = None,
        *,
        noise: str = "gaussian",
        peak: float | None = None,
        seed: int = 0,
        **fit: Any,
    ) -> Self:
        """Add noise to x, (1, C, H, W) in [0, 1], and keep it for metrics.

        Args:
            x: ground truth.
            sigma: of Gaussian noise, 8-bit grey levels; None: 25.
            noise: "gaussian" or "poisson".
            peak: of Poisson noise, photons where x is 1; None: 30.
            seed: of the noise and of the fit.
            fit: as for the class.
        """
        _check_level(noise, sigma, peak)
        x = checked(x, "x", *((0.0, 1.0) if noise == "poisson" else ()))
        if noise == "poisson":
            peak = PEAK if peak is None else peak
            y = PhotonImage.simulate(x, peak, seed).y
            return cls(y, noise=noise, peak=peak, x=x, seed=seed, **fit)
        sigma = SIGMA if sigma is None else sigma
        return cls(NoisyImage.simulate(x, sigma, seed).y, sigma, x=x, seed=seed, **fit)


def _check_level(noise: str, sigma: float | None, peak: float | None) -> None:
    if noise not in NOISES:
        raise UserError(f"noise={noise}: choose one of {', '.join(NOISES)}")
    for name, value, kind in (("sigma", sigma, "gaussian"), ("peak", peak, "poisson")):
        check_amount(value, name)
        if value is not None and noise != kind:
            raise UserError(f"{name}={value}: only for noise={kind}, but noise={noise}")
    if peak == 0:
        raise UserError(f"peak={peak}: expected a number of more than 0")
