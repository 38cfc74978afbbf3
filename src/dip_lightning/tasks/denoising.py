"""Denoising: remove noise, white or a camera's."""

from collections.abc import Callable, Mapping
from typing import Any, Self

from torch import Tensor

from dip_lightning.baselines import bm3d, has_bm3d, non_local_means, total_variation
from dip_lightning.noise import Noise, estimate_noise
from dip_lightning.operators import add_gaussian_noise, shuffle_pixels, uniform_noise
from dip_lightning.prior.deep_image_prior import DeepImagePrior
from dip_lightning.prior.problem import Problem, check_amount, checked
from dip_lightning.prior.randomness import source
from dip_lightning.prior.tiles import Tile
from dip_lightning.tasks.given import Given

GREY_LEVELS = 255
CORRELATED = 1.25  # times as much for the classical methods: docs/benchmarks.md


class NoisyImage(Problem):
    """y = clip(x + n, 0, 1), n ~ N(0, (sigma / 255)^2).

    Args:
        y: (1, C, H, W) in [0, 1].
        sigma: standard deviation of the noise that was added, 8-bit grey levels; None: estimated,
            of noise that may be correlated and depend on brightness.
        x: ground truth, (1, C, H, W) in [0, 1].
        is_noisy: y is what the line above says, and no other image.
    """

    fit_weight = 0.75  # docs/benchmarks.md

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
        self.is_clipped = self.noise_is_told = (
            sigma is not None
        )  # an estimate is of what clipping has left

    @classmethod
    def simulate(
        cls, x: Tensor, sigma: float = 25.0, seed: int = 0, observation: str = "gaussian"
    ) -> Self:
        """Add noise to x, or make one of the images that ask why the prior works.

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

    def classical(self, seen: Tensor | None = None) -> Tensor | None:
        """Non-local means, told the noise that was added or found."""
        if self.y_noise_std is None or seen is not None:
            return None
        return non_local_means(self.y, self._told(self.y_noise_std))

    def _told(self, std: float) -> float:
        return GREY_LEVELS * std * (1 if self.noise_is_white else CORRELATED)

    def baselines(self) -> dict[str, Callable[[], Tensor]]:
        """Non-local means, total variation and BM3D, told the noise that was added or found.

        They take it for white, and smooth correlated noise too little: of that they are told more.
        There is none to compare with where y is no noisy image, or its noise is unknown.
        """
        if not self.is_noisy or self.y_noise_std is None:
            return {}
        told = self._told(self.y_noise_std)
        methods: dict[str, Callable[[], Tensor]] = {
            "non-local means": lambda: non_local_means(self.y, told),
            "total variation": lambda: total_variation(self.y, told),
        }
        if has_bm3d():
            methods["BM3D"] = lambda: bm3d(self.y, told)
        return methods

    def _of_part(self, tile: Tile) -> "NoisyImage":
        x = None if self.x is None else tile.cut(self.x)
        return NoisyImage(tile.cut(self.y), self.sigma, x, is_noisy=False)


def problem(given: Given, keys: Mapping[str, Any]) -> NoisyImage:
    """Make the problem that the command's keys describe."""
    sigma = given.grey_levels(keys["sigma"])
    if given.x is not None:
        observation = keys["observation"] or "gaussian"
        assert sigma is not None  # noqa: S101 - checked
        return NoisyImage.simulate(given.x, sigma, keys["seed"], observation)
    assert given.y is not None  # noqa: S101 - one of the two is given
    return NoisyImage(given.y, sigma)


class Denoising(DeepImagePrior):
    """Remove noise: recover x from y = clip(x + n, 0, 1).

    The fit ends when only noise is left of y, unless discrepancy=0. Where detail hides how much
    noise there is, it goes on to its last iteration.

    Args:
        y: (1, C, H, W) in [0, 1].
        sigma: standard deviation of n, white and Gaussian, 8-bit grey levels; None: estimated, of
            noise that may be correlated and depend on brightness, as a camera's.
        x: ground truth, (1, C, H, W) in [0, 1], for metrics only.
        fit: see `DeepImagePrior` and `FitSettings`.

    Example:
        >>> import torch
        >>> from dip_lightning import Denoising
        >>> prior = Denoising.simulate(torch.full((1, 3, 24, 20), 0.5), sigma=25)
        >>> round(prior.problem.y_noise_std, 3)
        0.098
    """

    def __init__(
        self, y: Tensor, sigma: float | None = None, *, x: Tensor | None = None, **fit: Any
    ) -> None:
        check_amount(sigma, "sigma")
        problem = NoisyImage(checked(y, "y"), sigma, x)
        super().__init__(problem, **fit)
        self.save_hyperparameters({"sigma": sigma})

    @classmethod
    def simulate(cls, x: Tensor, sigma: float = 25.0, *, seed: int = 0, **fit: Any) -> Self:
        """Add noise to x, (1, C, H, W) in [0, 1], and keep it for metrics."""
        y = NoisyImage.simulate(checked(x, "x"), sigma, seed).y
        return cls(y, sigma, x=x, seed=seed, **fit)
