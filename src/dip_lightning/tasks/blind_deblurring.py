"""Blind deblurring: undo a blur whose kernel is found along with the image."""

from collections.abc import Mapping
from numbers import Integral
from typing import Any, Self

import torch
from torch import Tensor

from dip_lightning.baselines import estimate_kernel
from dip_lightning.errors import UserError
from dip_lightning.generators import KernelNetwork
from dip_lightning.limits import GREY_LEVELS, KERNEL_SIZES, KERNEL_STARTS
from dip_lightning.losses import masked_mse, mse
from dip_lightning.metrics import kernel_similarity, shifted_errors
from dip_lightning.operators import Blur, blur_kernel, blurred, gaussian_kernel
from dip_lightning.prior.arguments import check_amount, checked
from dip_lightning.prior.deep_image_prior import DeepImagePrior
from dip_lightning.prior.randomness import source
from dip_lightning.prior.tiles import Tile
from dip_lightning.prior.unknown import Unknown
from dip_lightning.tasks.deblurring import (
    BACK_PROJECTION,
    BLUR_SIGMA,
    FIT_WEIGHT,
    BlurredImage,
    drawn,
)
from dip_lightning.tasks.given import Given

KERNEL_LR = 1e-3
REACH = 5  # pixels of shift that a result is compared within
POINT = 0.9  # of the kernel in one pixel: it blurs nothing
AT_EDGE, ROOMY = 0.08, 7  # of the kernel in its outermost pixels; pixels a side, to tell
COARSE, ABOVE = 4, 2.0  # pixels a side of a block; power of their means / that of noise alone
POLISHED = 0.5  # of the result, docs/blind_deblurring.md
FLAT = 0.5 / GREY_LEVELS  # of an image that shows nothing, from black to white


class UnknownBlur(Blur, Unknown):
    """A blur whose kernel is to be found; called, it blurs by the average of the kernels so far.

    Args:
        network: makes the kernel.
        lr: its learning rate.
    """

    present: Tensor

    def __init__(self, network: KernelNetwork, lr: float) -> None:
        super().__init__(network().detach())
        self.network, self.lr = network, lr
        self.register_buffer("present", self.kernel.clone())

    def draw(self) -> Tensor:
        """Make the current kernel, (kh, kw)."""
        kernel: Tensor = self.network()
        self.present.copy_(kernel.detach())
        return kernel

    def average(self, weight: Tensor) -> None:
        """Add the current kernel to the average; see `Unknown`."""
        self.kernel.lerp_(torch.where(weight > 0, self.present, self.kernel), weight)


class BlindlyBlurredImage(BlurredImage):
    """y = k * x + n, where neither x nor k is known; see `BlurredImage`.

    The kernel is the output of a small network, fitted together with that of the image. Image and
    kernel may be shifted relative to each other, so errors are measured at the best shift within 5
    pixels, without a border of that width.

    Args:
        y: (1, C, H, W) in [0, 1].
        kernel_size: (kh, kw), odd.
        sigma: as for `BlurredImage`.
        x: ground truth in y's frame, (1, C, H, W) in [0, 1].
        start: initial kernel: "estimate", by a classical method; "flat".
        kernel_lr: learning rate of the kernel.
        back_projection: as for `BlurredImage`.
        seed: for the kernel's network.

    Attributes:
        truth: the true kernel, (kh, kw), to compare with; None: unknown.

    Raises:
        UserError: the size is not allowed, or y shows nothing.

    Source: Ren et al., "Neural Blind Deconvolution Using Deep Priors", CVPR 2020.
    """

    fit_weight = FIT_WEIGHT  # beside total variation by the kernel found
    A: UnknownBlur

    def __init__(
        self,
        y: Tensor,
        kernel_size: tuple[int, int],
        sigma: float | None = None,
        x: Tensor | None = None,
        *,
        start: str = KERNEL_STARTS[0],
        kernel_lr: float = KERNEL_LR,
        back_projection: float = BACK_PROJECTION,
        seed: int = 0,
    ) -> None:
        check_size(kernel_size, y)
        flat = torch.ones(kernel_size)
        super().__init__(y, flat, sigma, x, back_projection=back_projection)
        if not shows_something(y, self.y_noise_std):
            raise UserError(
                "image: shows nothing above its noise, so no blur can be found in it; expected "
                "edges or texture"
            )
        self.truth: Tensor | None = None
        self.estimate = estimate_kernel(y, kernel_size) if start == "estimate" else None
        network = KernelNetwork(kernel_size, source("kernel", seed), self.estimate)
        self.unknown = self.A = self.physics = UnknownBlur(network, kernel_lr)

    def objective(self, x_hat: Tensor, seen: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return the loss with the current kernel, and the loss plus its penalty."""
        kernel, seen = self.A.draw(), self.known if seen is None else seen
        estimate = blurred(x_hat, kernel)
        loss = mse(estimate, self.y) if seen is None else masked_mse(estimate, self.y, seen)
        if not self.back_projection:
            return loss, loss
        unblurring = self.unblurring_of(kernel.detach())
        return loss, loss + self.power_unblurred(estimate - self.y, unblurring, seen)

    def penalty(self, x_hat: Tensor, seen: Tensor | None = None) -> Tensor | None:
        """Return the weighted mean square of the residual with the averaged blur undone."""
        if not self.back_projection:
            return None
        unblurring = self.unblurring_of(self.A.kernel)
        return self.power_unblurred(self.A(x_hat) - self.y, unblurring, seen)

    def error(self, image: Tensor) -> Tensor:
        """Return the mean squared error at the best shift."""
        estimate, x = self.framed(image), self.x
        assert x is not None  # noqa: S101 - who asks has a ground truth
        return shifted_errors(estimate, x, _reach(x)).amin()

    def compared(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Return an image at its best shift, and the ground truth, both without a border."""
        assert self.x is not None  # noqa: S101 - who asks has a ground truth
        reach = _reach(self.x)
        (height, width), sides = self.x.shape[2:], 2 * reach + 1
        best = int(shifted_errors(image.to(self.x.device), self.x, reach).argmin())
        top, left = divmod(best, sides)
        rows, columns = height - 2 * reach, width - 2 * reach
        inner = self.x[..., reach : reach + rows, reach : reach + columns]
        return image[..., top : top + rows, left : left + columns], inner

    @property
    def found_kernel(self) -> Tensor:
        """The averaged kernel, (kh, kw), which sums to 1 and belongs to the averaged image."""
        return self.A.kernel

    def findings(self) -> dict[str, Any]:
        """Return how similar the kernel and the true one are; None without a true one."""
        alike = None if self.truth is None else kernel_similarity(self.A.kernel, self.truth)
        return {"kernel_similarity": alike}

    def diagnosis(self) -> str | None:
        """Return "no_blur" for a kernel that is a single point, "kernel_cut" for one at its edge.

        A kernel without enough room runs along its edge. If the true one is known, its size is not
        in question.
        """
        kernel = self.A.kernel
        if float(kernel.max()) > POINT:
            return "no_blur"
        is_cut = min(kernel.shape) >= ROOMY and float(1 - kernel[1:-1, 1:-1].sum()) > AT_EDGE
        return "kernel_cut" if is_cut and self.truth is None else None

    def classical(self, seen: Tensor | None = None) -> Tensor | None:
        """Return the image of least total variation with the kernel found."""
        return self._of_least_variation(self.A, self.known if seen is None else seen)

    def polished(self, x: Tensor, seen: Tensor | None = None) -> Tensor:
        """Polish x by half, as an error in the kernel found affects all patches alike."""
        return x.lerp(super().polished(x, seen), POLISHED)

    @property
    def known_blur(self) -> Blur:
        """A blur with the kernel that a classical method estimates."""
        if self.estimate is None:
            high, wide = self.A.kernel.shape
            self.estimate = estimate_kernel(self.y, (high, wide))
        return Blur(self.estimate.to(self.y))

    @property
    def has_tiles(self) -> bool:
        """No: the kernel is to be the same everywhere."""
        return False

    def _of_part(self, tile: Tile) -> "BlindlyBlurredImage":
        del tile
        raise UserError(
            "tile: the kernel is to be the same everywhere, so blind deblurring has no tiles; "
            "leave tile out, or find the kernel in a part (max_side=) and give it to deblurring"
        )


def _reach(x: Tensor) -> int:
    return min(REACH, (min(x.shape[2:]) - 1) // 4)


def sides_of(kernel_size: object) -> tuple[int, int]:
    """Take one number, or two, as the sides of a kernel, (kh, kw).

    Raises:
        UserError: it is neither.
    """
    sides = kernel_size if isinstance(kernel_size, tuple | list) else (kernel_size, kernel_size)
    if len(sides) != 2 or not all(isinstance(side, Integral) for side in sides):  # noqa: PLR2004
        raise UserError(
            f"kernel_size={kernel_size}: expected an odd number of pixels, or (height, width)"
        )
    return int(sides[0]), int(sides[1])


def check_size(size: tuple[int, int], y: Tensor) -> None:
    """Check the size of a kernel, (kh, kw), that is to be found in y.

    Raises:
        UserError: it is not odd, too small, or larger than y.
    """
    least, most = KERNEL_SIZES
    if any(side % 2 == 0 or not least <= side <= most for side in size):
        text = size[0] if size[0] == size[1] else size
        raise UserError(
            f"kernel_size={text}: expected an odd number of pixels, at least {least}, at most "
            f"{most}"
        )
    (high, wide), (height, width) = size, y.shape[2:]
    if high > height or wide > width:
        text = high if high == wide else size
        raise UserError(
            f"kernel_size={text}: is larger than the blurred image, {width} x {height} pixels"
        )


def shows_something(y: Tensor, std: float | None) -> bool:
    """Say whether an image has structure above its noise.

    Args:
        y: (1, C, H, W) in [0, 1].
        std: standard deviation of its noise, if that is known to be white.
    """
    gray = y.float().mean(1, keepdim=True)
    if float(gray.max() - gray.min()) < FLAT:
        return False
    if std is None or min(gray.shape[2:]) < 2 * COARSE:
        return True
    coarse = torch.nn.functional.avg_pool2d(gray, COARSE)
    noise = (std / COARSE) ** 2 / y.shape[1]
    return float(coarse.var()) > ABOVE * noise


def problem(given: Given, keys: Mapping[str, Any]) -> BlindlyBlurredImage:
    """Make the problem that the command's keys describe; a Gaussian where no kernel is given."""
    side = keys["kernel_size"]
    told = {
        "start": keys["kernel_start"],
        "kernel_lr": keys["kernel_lr"],
        "back_projection": keys["back_projection"],
        "seed": keys["seed"],
    }
    sigma = given.grey_levels(keys["sigma"])
    if given.y is not None:
        found = BlindlyBlurredImage(given.y, (side, side), sigma, **told)
        return found.allow_for(given.coefficients)
    assert given.x is not None  # noqa: S101 - one of the two is given
    kernel = drawn(keys) if given.kernel is None else given.kernel
    kernel = gaussian_kernel(BLUR_SIGMA) if kernel is None else kernel
    assert sigma is not None  # noqa: S101 - checked
    return _simulated(given.x, kernel, side, sigma, told)


def _simulated(
    x: Tensor, kernel: Tensor, side: int, sigma: float, told: dict[str, Any]
) -> BlindlyBlurredImage:
    made = BlurredImage.simulate(x, kernel, sigma, told["seed"])
    blind = BlindlyBlurredImage(made.y, (side, side), sigma, made.x, **told)
    blind.truth = made.A.kernel
    return blind


class BlindDeblurring(DeepImagePrior):
    """Sharpen an image: recover x from y = k * x + n, and the kernel k with it.

    A second, small network makes the kernel; both are fitted together. The result may be shifted by
    a few pixels, and the kernel to compensate: nothing defines the middle of a blur. Errors are
    measured at the best shift within 5 pixels. As with `Deblurring`, the fit ends when only noise
    is left of y, and nothing beyond the border of y is invented.

    Args:
        y: (1, C, H, W) in [0, 1].
        kernel_size: sides of the kernel, (kh, kw) or one number, odd, 3 or more; better too large
            than too small.
        sigma: standard deviation of n, white and Gaussian, 8-bit grey levels; None: estimated.
        x: ground truth in y's frame, (1, C, H, W) in [0, 1], for metrics only.
        true_kernel: for metrics only.
        kernel_start: initial kernel: "estimate", by a classical method, which takes some seconds;
            "flat", as published.
        kernel_lr: learning rate of the kernel.
        back_projection: weight of the residual with the blur undone, added to the loss; 0: none.
        fit: see `DeepImagePrior` and `FitSettings`.

    Raises:
        UserError: an argument is not allowed.

    Example:
        >>> import torch
        >>> from dip_lightning import BlindDeblurring
        >>> prior = BlindDeblurring(torch.rand(1, 3, 24, 20), kernel_size=5)
        >>> prior.problem.shape, prior.kernel.shape
        ((3, 28, 24), torch.Size([5, 5]))
    """

    problem: BlindlyBlurredImage

    def __init__(
        self,
        y: Tensor,
        kernel_size: int | tuple[int, int],
        sigma: float | None = None,
        *,
        x: Tensor | None = None,
        true_kernel: Any = None,
        kernel_start: str = KERNEL_STARTS[0],
        kernel_lr: float = KERNEL_LR,
        back_projection: float = BACK_PROJECTION,
        **fit: Any,
    ) -> None:
        check_amount(sigma, "sigma")
        check_amount(back_projection, "back_projection")
        check_amount(kernel_lr, "kernel_lr")
        if kernel_start not in KERNEL_STARTS:
            raise UserError(
                f"kernel_start={kernel_start}: choose one of {', '.join(KERNEL_STARTS)}"
            )
        size = sides_of(kernel_size)
        problem = BlindlyBlurredImage(
            checked(y, "y"),
            size,
            sigma,
            None if x is None else checked(x, "x"),
            start=kernel_start,
            kernel_lr=kernel_lr,
            back_projection=back_projection,
            seed=fit.get("seed", 0),
        )
        if true_kernel is not None:
            problem.truth = blur_kernel(true_kernel, "true_kernel")
        super().__init__(problem, **fit)
        told: dict[str, Any] = {"kernel_size": size, "sigma": sigma, "kernel_lr": kernel_lr}
        told |= {"back_projection": back_projection, "kernel_start": kernel_start}
        self.save_hyperparameters(told)

    @property
    def kernel(self) -> Tensor:
        """The kernel found, (kh, kw), which sums to 1; it belongs to the averaged output."""
        return self.problem.found_kernel

    @classmethod
    def simulate(
        cls,
        x: Tensor,
        kernel: Any,
        kernel_size: int | tuple[int, int],
        sigma: float = 0.0,
        *,
        seed: int = 0,
        **fit: Any,
    ) -> Self:
        """Blur x, (1, C, H, W) in [0, 1], by a kernel, add noise, and keep both for metrics."""
        made = BlurredImage.simulate(checked(x, "x"), kernel, sigma, seed)
        truth = made.A.kernel
        return cls(made.y, kernel_size, sigma, x=made.x, true_kernel=truth, seed=seed, **fit)
