"""Blur kernels: drawn by name, or checked and normalised."""

import math

import torch
from kornia.filters import get_gaussian_kernel2d, get_motion_kernel2d
from torch import Tensor
from torch.nn.functional import avg_pool2d, pad

from dip_lightning.errors import UserError

REACH = 3  # standard deviations to the end of a Gaussian
FINE = 16  # samples of a disk for each pixel, along each axis


def gaussian_kernel(sigma: float) -> Tensor:
    """Draw a Gaussian, cut off at three standard deviations.

    Args:
        sigma: standard deviation, pixels.

    Returns:
        k, (side, side), float32, of an odd side; sums to 1.

    Example:
        >>> from dip_lightning.operators import gaussian_kernel
        >>> gaussian_kernel(1.6).shape
        torch.Size([11, 11])
    """
    side = 2 * math.ceil(REACH * sigma) + 1
    drawn: Tensor = get_gaussian_kernel2d(side, (sigma, sigma), dtype=torch.float64)
    return blur_kernel(drawn[0], f"blur_sigma={sigma}")


def disk_kernel(radius: float) -> Tensor:
    """Draw a disk, which a lens out of focus makes of a point; pixels at its edge count in part.

    Args:
        radius: pixels.

    Returns:
        k, (side, side), float32, of an odd side; sums to 1.

    Example:
        >>> from dip_lightning.operators import disk_kernel
        >>> disk_kernel(3).shape
        torch.Size([7, 7])
    """
    reach = max(0, math.ceil(radius - 0.5))
    samples = FINE * (2 * reach + 1)
    at = (torch.arange(samples, dtype=torch.float64) + 0.5) / FINE - reach - 0.5
    inside = (at[:, None].square() + at.square() <= radius**2).double()
    drawn = avg_pool2d(inside[None, None], FINE)[0, 0]
    return blur_kernel(drawn, f"radius={radius}")


def motion_kernel(length: int, angle: float) -> Tensor:
    """Draw a line, which a shaken camera makes of a point.

    Args:
        length: pixels, an odd number of 3 or more.
        angle: from the horizontal, counterclockwise, degrees.

    Returns:
        k, (length, length), float32; sums to 1.

    Raises:
        UserError: the length is not odd, or is less than 3.

    Example:
        >>> from dip_lightning.operators import motion_kernel
        >>> motion_kernel(3, 0).tolist()[1]  # its middle row
        [0.3333333432674408, 0.3333333432674408, 0.3333333432674408]
    """
    if length < 3 or length % 2 == 0:  # noqa: PLR2004 - a point is no line
        raise UserError(f"length={length}: expected an odd number of pixels, 3 or more")
    drawn: Tensor = get_motion_kernel2d(length, float(angle), 0.0, "bilinear")
    return blur_kernel(drawn[0], f"length={length}")


def blur_kernel(values: Tensor, name: str = "kernel") -> Tensor:
    """Check a kernel and let it sum to 1, so that a blur leaves the brightness as it is.

    An even side gets a row of zeros at its end: the middle is then a pixel, number side // 2.

    Args:
        values: (kh, kw).
        name: what it is called, for messages.

    Returns:
        k, float32, of odd sides.

    Raises:
        UserError: it is no kernel.

    Example:
        >>> import torch
        >>> from dip_lightning.operators import blur_kernel
        >>> blur_kernel(torch.ones(1, 2))
        tensor([[0.5000, 0.5000, 0.0000]])
    """
    if values.ndim != 2 or not values.numel():  # noqa: PLR2004 - (kh, kw)
        raise UserError(f"{name}: is of shape {tuple(values.shape)}, expected (height, width)")
    values = values.detach().cpu().double()
    if not values.isfinite().all():
        raise UserError(f"{name}: holds values that are not numbers, expected weights of 0 or more")
    if (low := float(values.min())) < 0:
        raise UserError(f"{name}: holds a value of {low:g}, expected weights of 0 or more")
    if not values.any():
        raise UserError(f"{name}: holds only zeros, expected weights of which some are more than 0")
    height, width = (1 - side % 2 for side in values.shape)
    odd = pad(values / values.max(), (0, width, 0, height))  # whose sum is finite
    return (odd / odd.sum()).float()
