"""Deblurring: undo a blur whose kernel is known."""

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Self

import torch
from scipy.fft import next_fast_len
from torch import Tensor

from dip_lightning.baselines import least_variation, polish_inverse, richardson_lucy, wiener
from dip_lightning.errors import UserError
from dip_lightning.limits import GREY_LEVELS
from dip_lightning.noise import estimate_noise
from dip_lightning.operators import (
    Blur,
    add_gaussian_noise,
    blur_kernel,
    disk_kernel,
    gaussian_kernel,
    motion_kernel,
)
from dip_lightning.operators.jpeg import NARROWED, Bounds, Coefficients
from dip_lightning.prior.arguments import check_amount, checked
from dip_lightning.prior.deep_image_prior import DeepImagePrior
from dip_lightning.prior.problem import CLEAN, Problem
from dip_lightning.prior.randomness import source
from dip_lightning.prior.tiles import Tile
from dip_lightning.tasks.given import Given

BLUR_SIGMA, LEVEL = 1.6, 0.0  # pixels, degrees: of a blur that no more is said of
# Grey levels of noise that the classical methods are told where none was found, and at least.
UNSEEN, ROUNDING = 0.6, 0.3
BACK_PROJECTION = 1.0  # docs/deblurring.md, and the damping e
LEAST_DAMPING, DAMPING = 0.01, 0.56  # e, at least and per root of the noise
# Of the fit beside total variation, where noise is unknown and where it ends the fit:
# docs/deblurring.md.
FIT_WEIGHT, FIT_WEIGHT_TOLD = 0.5, 0.75
# Share of the noise that a polished image may be away from y: docs/deblurring.md.
AWAY, UNSEEN_AWAY = 0.5, 0.6  # the second in grey levels, where no noise was found


class BlurredImage(Problem):
    """y = k * x + n: x is larger than y by the kernel, and its margins are not shown.

    A blur hides fine detail from the loss, so a fit learns it last. Besides the loss, it therefore
    keeps the residual with the blur undone small, as far as the noise allows. With K the spectrum
    of k,

        mean |F^-1(F(r) / sqrt(|K|^2 + e))|^2, r = k * x_hat - y, e = max(0.01, 0.56 sqrt(std(n)))

    r fades to 0 within half the kernel's size of the border.

    Args:
        y: (1, C, H, W) in [0, 1].
        kernel: k, (kh, kw), see `blur_kernel`.
        sigma: standard deviation of the noise that was added, 8-bit grey levels, before y was
            clipped to [0, 1]; None: estimated, if it is white.
        x: ground truth in y's frame, (1, C, H, W) in [0, 1].
        back_projection: weight of that residual.

    Raises:
        UserError: k is not a kernel, or is larger than y.

    Source: Zukerman, Tirer & Giryes, "BP-DIP: A Backprojection based Deep Image Prior", 2020.
    """

    has_guide = True
    A: Blur
    fading: Tensor
    unblurring: Tensor

    def __init__(
        self,
        y: Tensor,
        kernel: Any,
        sigma: float | None = None,
        x: Tensor | None = None,
        *,
        back_projection: float = BACK_PROJECTION,
    ) -> None:
        kernel = blur_kernel(kernel)
        (channels, *sides), (high, wide) = y.shape[1:], kernel.shape
        if high > sides[0] or wide > sides[1]:
            raise UserError(
                f"kernel: is {wide} x {high} pixels, expected at most {sides[1]} x {sides[0]}, "
                "the size of the blurred image, or of a tile of it; an even side is made odd"
            )
        std = None if sigma is None else sigma / GREY_LEVELS
        if sigma is None and (noise := estimate_noise(y)).is_white:
            std = noise.std
        shape = (channels, sides[0] + high - 1, sides[1] + wide - 1)
        margins = (high // 2, wide // 2)
        super().__init__(y, Blur(kernel), shape=shape, x=x, y_noise_std=std, margins=margins)
        self.is_clipped = self.noise_is_told = sigma is not None
        self.back_projection = back_projection
        self.coefficients: Coefficients | None = None
        self.bounds: Bounds | None = None
        self._variation: Tensor | None = None
        faded = (_fading(side, taps // 2) for side, taps in zip(sides, kernel.shape, strict=True))
        self.register_buffer("fading", torch.outer(*faded), persistent=False)
        self.register_buffer("unblurring", self.unblurring_of(kernel), persistent=False)

    def allow_for(self, coefficients: Coefficients | None) -> Self:
        """Count the change that JPEG's rounding made to y as noise, unless the noise was given.

        Args:
            coefficients: of the JPEG file that y was decoded from; None: there is no such file.
        """
        if coefficients is None or self.noise_is_told:
            return self
        seen = UNSEEN / GREY_LEVELS if self.y_noise_std is None else self.y_noise_std
        rounded_off = coefficients.noise_std()
        if rounded_off > seen:
            self.y_noise_std = rounded_off
            self._bound(coefficients)
            self.unblurring.copy_(self.unblurring_of(self.A.kernel))
            self._variation = None
        return self

    def _bound(self, coefficients: Coefficients) -> None:
        self.coefficients = coefficients
        self.bounds = Bounds(coefficients, self.y)

    @property
    def is_rounded(self) -> bool:
        """Whether the noise of y is the rounding of a JPEG file."""
        return self.bounds is not None

    @property
    def _size(self) -> list[int]:
        return [next_fast_len(side, real=True) for side in self.y.shape[2:]]

    def penalty(self, x_hat: Tensor, seen: Tensor | None = None) -> Tensor | None:
        """Return the weighted mean square of the residual with the blur undone."""
        if not self.back_projection:
            return None
        return self.power_unblurred(self.A(x_hat) - self.y, self.unblurring, seen)

    def unblurring_of(self, kernel: Tensor) -> Tensor:
        """Return 1 / sqrt(|K|^2 + e), the spectrum that undoes the blur of a kernel, (kh, kw)."""
        power: Tensor = torch.fft.rfft2(kernel, self._size).abs().square()
        damping = max(LEAST_DAMPING, DAMPING * math.sqrt(self.y_noise_std or 0))
        return (power + damping).rsqrt()

    def power_unblurred(
        self, residual: Tensor, unblurring: Tensor, seen: Tensor | None = None
    ) -> Tensor:
        """Return the weighted mean square of a residual, (1, C, H, W), with the blur undone."""
        seen = self.known if seen is None else seen
        residual = residual.float() * self.fading
        residual = residual if seen is None else residual * seen
        spectrum = torch.fft.rfft2(residual, self._size) * unblurring
        sharp = torch.fft.irfft2(spectrum, self._size)
        power: Tensor = sharp.square().sum() / residual.numel()
        return self.back_projection * power

    @classmethod
    def simulate(
        cls,
        x: Tensor,
        kernel: Any,
        sigma: float = 0.0,
        seed: int = 0,
        *,
        back_projection: float = BACK_PROJECTION,
    ) -> Self:
        """Blur x, (1, C, H, W), and add white noise; y is smaller than x by the kernel.

        Raises:
            UserError: the kernel is too large for x.
        """
        kernel = blur_kernel(kernel).to(x.device)
        (high, wide), (height, width) = kernel.shape, x.shape[2:]
        if 2 * high - 1 > height or 2 * wide - 1 > width:
            raise UserError(
                f"kernel: is {wide} x {high} pixels, expected about half of the image, "
                f"{width} x {height} pixels, or less"
            )
        blurred = Blur(kernel)(x)
        y = add_gaussian_noise(blurred, sigma, source("observation", seed))
        top, left = high // 2, wide // 2
        x = x[..., top : height - top, left : width - left]
        return cls(y, kernel, sigma, x, back_projection=back_projection)

    def baselines(self) -> dict[str, Callable[[], Tensor]]:
        """Total variation, Richardson-Lucy and Wiener, given the noise that was added or found."""
        y, kernel, told = self.y, self.known_blur.kernel, self._told
        return {
            "total variation": lambda: self.framed(self.guide()),
            "Richardson-Lucy": lambda: richardson_lucy(y, kernel, told),
            "Wiener": lambda: wiener(y, kernel, told),
        }

    def guide(self, seen: Tensor | None = None) -> Tensor:
        """The image of least total variation."""
        if seen is not None:
            return self._of_least_variation(self.known_blur, seen)
        if self._variation is None:
            self._variation = self._of_least_variation(self.known_blur, self.known)
        return self._variation.to(self.y)

    @property
    def fit_weight(self) -> float | None:
        """A half if the noise is unknown or JPEG's, otherwise more; None if there is no noise."""
        if self.y_noise_std is None or self.is_rounded:
            return FIT_WEIGHT
        return FIT_WEIGHT_TOLD if self.y_noise_std > CLEAN else None

    def classical(self, seen: Tensor | None = None) -> Tensor | None:
        """Return the image of least total variation, if it is a part of the result."""
        return None if self.fit_weight is None else self.guide(seen)

    @property
    def is_polished(self) -> bool:
        """Always: with known noise, unknown noise or none."""
        return True

    def polished(self, x: Tensor, seen: Tensor | None = None) -> Tensor:
        """Make similar patches alike while the image explains y up to its noise."""
        known = self.known if seen is None else seen
        away = UNSEEN_AWAY if self.y_noise_std is None else AWAY * self._told
        # A coefficient of the file shows held-out pixels to all others of its block.
        bounds = self.bounds if seen is None else None
        bounded = None if bounds is None else partial(bounds.nearest, share=NARROWED)
        return polish_inverse(self.A, self.y, x, away, known, bounded)

    def _of_least_variation(self, blur: Blur, seen: Tensor | None) -> Tensor:
        y = self.y
        if seen is not None:
            mean = (seen * y).sum() / seen.expand_as(y).sum()
            y = torch.where(seen > 0, y, mean)
        return least_variation(y, blur, self.widened(y), self._told, seen)

    @property
    def known_blur(self) -> Blur:
        """The blur given to classical methods."""
        return self.A

    @property
    def _told(self) -> float:
        """Noise level given to classical methods, 8-bit grey levels."""
        std = self.y_noise_std
        return UNSEEN if std is None else max(GREY_LEVELS * std, ROUNDING)

    def _of_part(self, tile: Tile) -> "BlurredImage":
        sigma = GREY_LEVELS * (self.y_noise_std or 0.0)  # is_clipped is told by `cut`
        weight = self.back_projection
        part = BlurredImage(tile.cut(self.y), self.A.kernel, sigma, back_projection=weight)
        if self.coefficients is not None:
            part._bound(self.coefficients.cut(*tile.slices()))
        return part


def _fading(side: int, reach: int) -> Tensor:
    """Weights of pixels along an axis that fade to 0 at both ends, within so many pixels."""
    place = torch.arange(side) + 0.5
    inside = torch.minimum(place, side - place) / max(1, reach)
    return (inside.clamp(max=1) * (math.pi / 2)).sin().square()


def problem(given: Given, keys: Mapping[str, Any]) -> BlurredImage:
    """Make the problem that the command's keys describe; a Gaussian where no kernel is given."""
    kernel = drawn(keys) if given.kernel is None else given.kernel
    weight, sigma = keys["back_projection"], given.grey_levels(keys["sigma"])
    if given.x is not None:
        kernel = gaussian_kernel(BLUR_SIGMA) if kernel is None else kernel
        assert sigma is not None  # noqa: S101 - checked
        seed = keys["seed"]
        return BlurredImage.simulate(given.x, kernel, sigma, seed, back_projection=weight)
    assert given.y is not None  # noqa: S101 - one of the two is given
    if kernel is None:
        raise UserError(
            "kernel=null: task=deblurring with observed= needs kernel=, a file, or gaussian, disk "
            "or motion"
        )
    found = BlurredImage(given.y, kernel, sigma, back_projection=weight)
    return found.allow_for(given.coefficients)


def drawn(keys: Mapping[str, Any]) -> Tensor | None:
    """Draw the kernel that the keys name; None where they name none."""
    match keys["kernel"]:
        case "gaussian":
            return gaussian_kernel(keys["blur_sigma"] or BLUR_SIGMA)
        case "disk":
            return disk_kernel(keys["radius"])
        case "motion":
            return motion_kernel(keys["length"], keys["angle"] or LEVEL)
        case _:
            return None


class Deblurring(DeepImagePrior):
    """Sharpen an image: recover x from y = k * x + n, with a known kernel k.

    Nothing is invented beyond the border of y: the network's x is larger than y by the kernel, and
    the result is the part of it in y's frame. The fit ends when only noise is left of y, unless
    discrepancy=0.

    Args:
        y: (1, C, H, W) in [0, 1].
        kernel: k, (kh, kw) tensor or array, for example from `operators.gaussian_kernel`; a true
            convolution flips it. It is normalised to sum to 1.
        sigma: standard deviation of n, white and Gaussian, 8-bit grey levels; None: estimated.
        x: ground truth in y's frame, (1, C, H, W) in [0, 1], for metrics only.
        back_projection: weight of the residual with the blur undone, added to the loss; 0: none.
        fit: see `DeepImagePrior` and `FitSettings`.

    Raises:
        UserError: an argument is not allowed.

    Example:
        >>> import torch
        >>> from dip_lightning import Deblurring
        >>> from dip_lightning.operators import disk_kernel
        >>> prior = Deblurring(torch.rand(1, 3, 24, 20), disk_kernel(2))
        >>> prior.problem.shape, prior.problem.frame
        ((3, 28, 24), (3, 24, 20))
    """

    problem: BlurredImage

    def __init__(
        self,
        y: Tensor,
        kernel: Any,
        sigma: float | None = None,
        *,
        x: Tensor | None = None,
        back_projection: float = BACK_PROJECTION,
        **fit: Any,
    ) -> None:
        kernel = blur_kernel(kernel)  # Lightning compares arguments, and an array is no truth
        check_amount(sigma, "sigma")
        check_amount(back_projection, "back_projection")
        x = None if x is None else checked(x, "x")
        weight = back_projection
        problem = BlurredImage(checked(y, "y"), kernel, sigma, x, back_projection=weight)
        super().__init__(problem, **fit)
        self.save_hyperparameters({"sigma": sigma, "back_projection": weight})

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add the kernel, without which a fit cannot resume."""
        super().on_save_checkpoint(checkpoint)
        checkpoint["kernel"] = self.problem.A.kernel

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Refuse a fit with another kernel: it would continue, and end between the two."""
        saved = checkpoint.get("kernel")  # a prior of another class has saved none
        if saved is not None and not torch.equal(saved.cpu(), self.problem.A.kernel.cpu()):
            raise UserError("kernel: is not that of the checkpoint, expected the same")
        super().on_load_checkpoint(checkpoint)

    @classmethod
    def simulate(
        cls, x: Tensor, kernel: Any, sigma: float = 0.0, *, seed: int = 0, **fit: Any
    ) -> Self:
        """Blur x, (1, C, H, W) in [0, 1], add noise, and keep what y shows of x for metrics."""
        made = BlurredImage.simulate(checked(x, "x"), kernel, sigma, seed)
        return cls(made.y, kernel, sigma, x=made.x, seed=seed, **fit)
