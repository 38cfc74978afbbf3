"""Remove noise."""

from collections.abc import Callable
from importlib.util import find_spec

import numpy as np
from torch import Tensor

from dip_lightning.baselines.arrays import channels_last, to_image
from dip_lightning.limits import GREY_LEVELS

TV_WEIGHT = 0.8  # best of 0.6 ... 2 for sigma 15, 25 and 50 on three images
RGB = 3
LEAST, ROOT = 3 / 8, (3 / 2) ** 0.5  # of Anscombe's transform and its inverse


def non_local_means(y: Tensor, sigma: float) -> Tensor:
    """Average similar patches (scikit-image, patch 5, distance 6, h = 0.8 sigma).

    Args:
        y: noisy image, (1, C, H, W), in [0, 1].
        sigma: standard deviation of the noise in 8-bit grey levels.

    Returns:
        (1, C, H, W), in [0, 1].

    Source: Buades et al., "A non-local algorithm for image denoising", 2005.

    Example:
        >>> import torch
        >>> from dip_lightning.baselines import non_local_means
        >>> non_local_means(torch.rand(1, 3, 20, 24), sigma=25).shape
        torch.Size([1, 3, 20, 24])
    """
    from skimage.restoration import denoise_nl_means  # noqa: PLC0415

    image, std = channels_last(y), sigma / GREY_LEVELS
    if std == 0:
        return y.cpu().clone()
    denoised = denoise_nl_means(
        image, patch_size=5, patch_distance=6, h=0.8 * std, sigma=std, channel_axis=-1
    )
    # scikit-image drops axes of length one; with the channels last, no others change places.
    return to_image(np.moveaxis(denoised.reshape(image.shape), -1, 0))


def total_variation(y: Tensor, sigma: float) -> Tensor:
    """Minimise TV(x) + |x - y|^2 / (2 w), w = 0.8 times the noise's deviation (scikit-image).

    Args:
        y: noisy image, (1, C, H, W), in [0, 1].
        sigma: standard deviation of the noise in 8-bit grey levels.

    Returns:
        (1, C, H, W), in [0, 1].

    Source: Chambolle, "An algorithm for total variation minimization and applications", 2004.

    Example:
        >>> import torch
        >>> from dip_lightning.baselines import total_variation
        >>> total_variation(torch.rand(1, 3, 20, 24), sigma=25).shape
        torch.Size([1, 3, 20, 24])
    """
    from skimage.restoration import denoise_tv_chambolle  # noqa: PLC0415

    image, std = channels_last(y), sigma / GREY_LEVELS
    if std == 0:
        return y.cpu().clone()
    denoised = denoise_tv_chambolle(  # type: ignore[no-untyped-call]
        image, weight=TV_WEIGHT * std, channel_axis=-1
    )
    return to_image(np.moveaxis(denoised, -1, 0))


def stabilised(y: Tensor, peak: float, method: Callable[[Tensor, float], Tensor]) -> Tensor:
    """Remove Poisson noise by a method for white noise, through the Anscombe transform.

    f = 2 sqrt(c + 3/8) of counts c has noise of standard deviation 1. The inverse is the exact
    unbiased one, in closed form: with D the method's result,

        D^2/4 + sqrt(3/2)/4 D^-1 - 11/8 D^-2 + 5/8 sqrt(3/2) D^-3 - 1/8

    Args:
        y: counts / peak, (1, C, H, W).
        peak: counts where y is 1.
        method: makes an image from an image in [0, 1] and the standard deviation of its noise in
            8-bit grey levels; for example `non_local_means`.

    Returns:
        (1, C, H, W), in [0, 1].

    Source: Anscombe, "The transformation of Poisson, binomial and negative-binomial data", 1948;
        Makitalo & Foi, "A closed-form approximation of the exact unbiased inverse of the Anscombe
        variance-stabilizing transformation", 2011.

    Example:
        >>> import torch
        >>> from dip_lightning.baselines import non_local_means, stabilised
        >>> stabilised(torch.rand(1, 3, 20, 24), 30, non_local_means).shape
        torch.Size([1, 3, 20, 24])
    """
    transformed = 2 * (peak * y.cpu() + LEAST).sqrt()
    top = float(transformed.max())
    found = (method(transformed / top, GREY_LEVELS / top) * top).clamp(min=2 * LEAST**0.5)
    tail: Tensor = ROOT / 4 / found - 11 / 8 / found**2 + 5 / 8 * ROOT / found**3
    return ((found**2 / 4 + tail - 1 / 8) / peak).clamp(0, 1)


def has_bm3d() -> bool:
    """Say whether the package bm3d is installed; its licence allows non-commercial use only.

    Example:
        >>> from dip_lightning.baselines import has_bm3d
        >>> has_bm3d() in {True, False}
        True
    """
    return find_spec("bm3d") is not None


def bm3d(y: Tensor, sigma: float) -> Tensor:
    """Filter groups of similar patches (the package bm3d, where it is installed).

    Args:
        y: noisy image, (1, C, H, W), in [0, 1].
        sigma: standard deviation of the noise in 8-bit grey levels.

    Returns:
        (1, C, H, W), in [0, 1].

    Source: Dabov et al., "Image denoising by sparse 3D transform-domain collaborative
        filtering", 2007.

    Example:
        >>> import torch
        >>> from dip_lightning.baselines import bm3d, has_bm3d
        >>> y = torch.rand(1, 1, 20, 24)
        >>> (bm3d(y, 25) if has_bm3d() else y).shape
        torch.Size([1, 1, 20, 24])
    """
    import bm3d as package  # noqa: PLC0415

    image, std = channels_last(y), sigma / GREY_LEVELS
    denoise = package.bm3d_rgb if image.shape[-1] == RGB else package.bm3d
    denoised = denoise(image, std).reshape(image.shape)
    return to_image(np.moveaxis(denoised, -1, 0))
