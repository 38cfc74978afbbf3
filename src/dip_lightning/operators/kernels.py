"""Blur kernels: drawn by name, or checked and normalised."""

import math
from typing import Any

import numpy as np
import torch
from kornia.filters import get_gaussian_kernel2d, get_motion_kernel2d
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import avg_pool2d, pad

from dip_lightning.errors import UserError, first_line
from dip_lightning.limits import ANGLES, LENGTHS, RADII, SIGMAS

REACH = 3  # standard deviations to the end of a Gaussian
FINE = 16  # samples of a disk for each pixel, along each axis


def gaussian_kernel(sigma: float) -> Tensor:
    """Draw a Gaussian, cut off at three standard deviations.

    Args:
        sigma: standard deviation, pixels, from 0.1 to 100.

    Returns:
        k, (side, side), float32, of an odd side; sums to 1.

    Raises:
        UserError: sigma is out of range.

    Example:
        >>> from dip_lightning.operators import gaussian_kernel
        >>> gaussian_kernel(1.6).shape
        torch.Size([11, 11])
    """
    _check_range("sigma", sigma, SIGMAS)
    side = 2 * math.ceil(REACH * sigma) + 1
    drawn: Tensor = get_gaussian_kernel2d(side, (sigma, sigma), dtype=torch.float64)
    return blur_kernel(drawn[0], f"sigma={sigma}")


def disk_kernel(radius: float) -> Tensor:
    """Draw a disk, the image of a point out of focus; pixels at its edge count in part.

    Args:
        radius: pixels, from 0.1 to 300.

    Returns:
        k, (side, side), float32, of an odd side; sums to 1.

    Raises:
        UserError: the radius is out of range.

    Example:
        >>> from dip_lightning.operators import disk_kernel
        >>> disk_kernel(3).shape
        torch.Size([7, 7])
    """
    _check_range("radius", radius, RADII)
    reach = max(0, math.ceil(radius - 0.5))
    samples = FINE * (2 * reach + 1)
    at = (torch.arange(samples, dtype=torch.float64) + 0.5) / FINE - reach - 0.5
    inside = (at[:, None].square() + at.square() <= radius**2).double()
    drawn = avg_pool2d(inside[None, None], FINE)[0, 0]
    return blur_kernel(drawn, f"radius={radius}")


def motion_kernel(length: int, angle: float = 0.0) -> Tensor:
    """Draw a line, the image of a point when the camera shakes.

    Args:
        length: pixels, an odd number from 3 to 601.
        angle: from the horizontal, counterclockwise, degrees, from -360 to 360.

    Returns:
        k, (length, length), float32; sums to 1.

    Raises:
        UserError: the length is not odd, or a number is out of range.

    Example:
        >>> from dip_lightning.operators import motion_kernel
        >>> motion_kernel(3, 0).tolist()[1]  # its middle row
        [0.3333333432674408, 0.3333333432674408, 0.3333333432674408]
    """
    _check_range("length", length, LENGTHS)
    _check_range("angle", angle, ANGLES)
    if length % 2 != 1:
        raise UserError(f"length={length}: expected an odd number of pixels")
    drawn: Tensor = get_motion_kernel2d(int(length), float(angle), 0.0, "bilinear")
    return blur_kernel(drawn[0], f"length={length}")


def _check_range(name: str, value: float, limits: tuple[float, float]) -> None:
    low, high = limits
    if not low <= value <= high:
        raise UserError(f"{name}={value}: expected at least {low}, at most {high}")


def blur_kernel(values: Any, name: str = "kernel") -> Tensor:
    """Check a kernel and scale it to sum to 1, so that a blur keeps the brightness.

    An even side gets a row of zeros at its end: the middle is then a pixel, number side // 2.

    Args:
        values: (kh, kw) tensor, array or rows of numbers; leading axes of length 1 do not count.
        name: what it is called, for messages.

    Returns:
        k, float32, of odd sides.

    Raises:
        UserError: it is not a kernel.

    Example:
        >>> import torch
        >>> from dip_lightning.operators import blur_kernel
        >>> blur_kernel(torch.ones(1, 2))
        tensor([[0.5000, 0.5000, 0.0000]])
    """
    weights = finite_numbers(values, name)
    while weights.ndim > 2 and weights.shape[0] == 1:  # noqa: PLR2004 - (1, kh, kw), as of kornia
        weights = weights[0]
    if weights.ndim != 2 or not weights.size:  # noqa: PLR2004 - (kh, kw)
        raise UserError(f"{name}: is of shape {weights.shape}, expected (height, width)")
    if (low := float(weights.min())) < 0:
        raise UserError(f"{name}: holds a value of {low:g}, expected weights of 0 or more")
    if not weights.any():
        raise UserError(f"{name}: holds only zeros, expected weights of which some are more than 0")
    height, width = (1 - side % 2 for side in weights.shape)
    # Divided by its greatest, its sum is finite.
    odd = pad(torch.from_numpy(weights / weights.max()), (0, width, 0, height))
    return (odd / odd.sum()).float()


def finite_numbers(values: Any, name: str) -> NDArray[np.float64]:
    """Take weights of any kind as an array.

    Args:
        values: tensor, array, or nested rows of numbers or of tensors.
        name: what they are called, for messages.

    Returns:
        Same shape as the input.

    Raises:
        UserError: they are not numbers, or not all are finite.
    """
    try:
        array = _array(values)
    except (TypeError, ValueError) as error:  # rows of several lengths, a format without numbers
        raise UserError(f"{name}: is no array of numbers ({first_line(error)})") from None
    if array.dtype.kind not in "buif":
        raise UserError(
            f"{name}: holds {array.dtype.name} of shape {array.shape}, expected rows of numbers"
        )
    if not np.isfinite(array).all():
        raise UserError(f"{name}: holds values that are not numbers, expected weights of 0 or more")
    return array.astype(np.float64)


def _array(values: Any) -> NDArray[Any]:
    if isinstance(values, Tensor):
        on_host = values.detach().cpu()
        # NumPy has no bfloat16.
        return (on_host.double() if on_host.is_floating_point() else on_host).numpy()
    if isinstance(values, list | tuple):
        return np.asarray([_array(row) for row in values])
    return np.asarray(values)
