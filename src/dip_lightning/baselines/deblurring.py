"""Undo a known blur."""

import math

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from dip_lightning.baselines.arrays import planes, to_image
from dip_lightning.limits import GREY_LEVELS

WIENER_BALANCES, WIENER_STEPS = (-7.0, 1.0), 12  # powers of ten; halvings
WIENER_SHARE = 0.95  # of the noise power: best of 0.85 ... 1 for sigma 2 and 8 on three images
LUCY_ITERATIONS = tuple(5 * 2**doublings for doublings in range(6))


def wiener(y: Tensor, kernel: Tensor, sigma: float) -> Tensor:
    """Deblur by Wiener's filter, smoothed by the Laplacian as the noise requires (scikit-image).

    Beyond its border the image is continued by its outermost pixels, and fades to its mean.

    Args:
        y: blurred image, (1, C, H, W), in [0, 1].
        kernel: k of y = k * x, (kh, kw) of odd sides; sums to 1.
        sigma: standard deviation of the noise in 8-bit grey levels.

    Returns:
        (1, C, H, W), in [0, 1].

    Source: Hunt, "A matrix theory proof of the discrete convolution theorem", 1971.

    Example:
        >>> import torch
        >>> from dip_lightning.baselines import wiener
        >>> wiener(torch.rand(1, 3, 20, 24), torch.ones(3, 5) / 15, sigma=2).shape
        torch.Size([1, 3, 20, 24])
    """
    from skimage.restoration import wiener as filtered  # noqa: PLC0415

    k, (low, high) = kernel.cpu().double().numpy(), WIENER_BALANCES
    wide = np.stack([_widened(plane, k) for plane in planes(y)])

    def deblur(exponent: float) -> NDArray[np.float64]:
        return np.stack([filtered(plane, k, 10**exponent, clip=False) for plane in wide])  # type: ignore[no-untyped-call]

    for _ in range(WIENER_STEPS):  # the smoother, the farther from y
        middle = (low + high) / 2
        is_far = _residual(deblur(middle), y, k) > WIENER_SHARE * (sigma / GREY_LEVELS) ** 2
        low, high = (low, middle) if is_far else (middle, high)
    return to_image(_narrowed(deblur(low), y))


def richardson_lucy(y: Tensor, kernel: Tensor, sigma: float) -> Tensor:
    """Deblur by Richardson and Lucy's iteration until only noise is left of y (scikit-image).

    Of 5, 10, 20, ... 160 iterations, it takes the first number that gets there, or else the one
    that comes closest before the residual grows. Beyond its border the image is continued by its
    outermost pixels, and fades to its mean.

    Args:
        y: blurred image, (1, C, H, W), in [0, 1].
        kernel: k of y = k * x, (kh, kw) of odd sides; sums to 1.
        sigma: standard deviation of the noise in 8-bit grey levels.

    Returns:
        (1, C, H, W), in [0, 1].

    Source: Richardson, "Bayesian-based iterative method of image restoration", 1972.

    Example:
        >>> import torch
        >>> from dip_lightning.baselines import richardson_lucy
        >>> richardson_lucy(torch.rand(1, 3, 20, 24), torch.ones(3, 5) / 15, sigma=2).shape
        torch.Size([1, 3, 20, 24])
    """
    from skimage.restoration import richardson_lucy as iterated  # noqa: PLC0415

    k = kernel.cpu().double().numpy()
    wide = [_widened(plane, k) for plane in planes(y)]
    found, least = np.stack(wide), math.inf
    for count in LUCY_ITERATIONS:
        # Clipped values would no longer explain y.
        tried = np.stack([iterated(plane, k, count, clip=False) for plane in wide])  # type: ignore[no-untyped-call]
        residual = _residual(tried, y, k)
        if residual > least:  # the border is a guess, and its error spreads inwards
            break
        found, least = tried, residual
        if residual <= (sigma / GREY_LEVELS) ** 2:
            break
    return to_image(_narrowed(found, y))


def _widened(plane: NDArray[np.float64], k: NDArray[np.float64]) -> NDArray[np.float64]:
    beyond = [(side, side) for side in k.shape]
    wide = np.pad(plane, beyond, mode="edge")
    return np.pad(wide, beyond, mode="linear_ramp", end_values=plane.mean())


def _narrowed(found: NDArray[np.float64], y: Tensor) -> NDArray[np.float64]:
    rows, columns = (
        slice((wide - side) // 2, (wide + side) // 2)
        for wide, side in zip(found.shape[1:], y.shape[2:], strict=True)
    )
    return found[:, rows, columns]


def _residual(x: NDArray[np.float64], y: Tensor, k: NDArray[np.float64]) -> float:
    from scipy.signal import fftconvolve  # noqa: PLC0415

    blurred = _narrowed(fftconvolve(x, k[None], mode="valid"), y)
    # At the border the image is a guess, and the residual that of the guess.
    rows, columns = (slice(side // 2, -(side // 2) or None) for side in k.shape)
    apart = (blurred - planes(y))[:, rows, columns]
    return float(np.square(apart).mean())
