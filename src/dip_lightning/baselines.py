"""What a user would reach for instead: classical methods, in seconds, without any fitting."""

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

MOST_UNKNOWNS = 1_000_000  # of biharmonic inpainting: about a minute, and a gigabyte or two
GRAY, RGB = 1, 3
Operator = Callable[[Tensor], Tensor]
GREY_LEVELS = 255
TV_WEIGHT = 0.8  # best of 0.6 ... 2 for sigma 15, 25 and 50 on three images
# Malvar's filters, in eighths: a colour at a pixel that measured another one.
AT_GREEN = (
    (0, 0, 0.5, 0, 0),
    (0, -1, 0, -1, 0),
    (-1, 4, 5, 4, -1),
    (0, -1, 0, -1, 0),
    (0, 0, 0.5, 0, 0),
)
AT_OPPOSITE = (
    (0, 0, -1.5, 0, 0),
    (0, 2, 0, 2, 0),
    (-1.5, 0, 6, 0, -1.5),
    (0, 2, 0, 2, 0),
    (0, 0, -1.5, 0, 0),
)
GREEN = ((0, 0, -1, 0, 0), (0, 0, 2, 0, 0), (-1, 2, 4, 2, -1), (0, 0, 2, 0, 0), (0, 0, -1, 0, 0))


def bicubic(y: Tensor, size: tuple[int, int], factor: int) -> Tensor:
    """Enlarge by bicubic interpolation, pixel areas aligned.

    Args:
        y: low-resolution image, (1, C, h, w), in [0, 1].
        size: (H, W) of the result, at most `factor` times (h, w).
        factor: enlargement.

    Returns:
        (1, C, H, W), in [0, 1].

    Example:
        >>> import torch
        >>> from dip_lightning.baselines import bicubic
        >>> bicubic(torch.rand(1, 3, 5, 6), (19, 24), 4).shape
        torch.Size([1, 3, 19, 24])
    """
    return _enlarged(y, size, factor).clamp(0, 1)


def back_projection(
    y: Tensor,
    size: tuple[int, int],
    factor: int,
    A: Operator,  # noqa: N803 - as everybody writes
    steps: int = 10,
) -> Tensor:
    """Enlarge by bicubic interpolation, then correct until the result agrees with y.

    Args:
        y: low-resolution image, (1, C, h, w), in [0, 1].
        size: (H, W) of the result, at most `factor` times (h, w).
        factor: enlargement.
        A: downsampling, from (1, C, H, W) to (1, C, h, w).
        steps: corrections; see `back_project`.

    Returns:
        (1, C, H, W), in [0, 1].

    Source: Irani & Peleg, "Improving resolution by image registration", 1991.

    Example:
        >>> import torch
        >>> from dip_lightning.baselines import back_projection
        >>> from dip_lightning.operators import Downsample
        >>> y = Downsample(4)(torch.rand(1, 3, 20, 24))
        >>> back_projection(y, (20, 24), 4, Downsample(4)).shape
        torch.Size([1, 3, 20, 24])
    """
    return back_project(bicubic(y, size, factor), y, factor, A, steps)


def back_project(
    x: Tensor,
    y: Tensor,
    factor: int,
    A: Operator,  # noqa: N803
    steps: int,
) -> Tensor:
    """Let an image agree with its low-resolution observation: x <- x + enlarge(y - A x).

    Args:
        x: image, (1, C, H, W), in [0, 1].
        y: low-resolution image, (1, C, h, w), in [0, 1].
        factor: enlargement.
        A: downsampling, from (1, C, H, W) to (1, C, h, w).
        steps: how many corrections.

    Returns:
        (1, C, H, W), in [0, 1].

    Example:
        >>> import torch
        >>> from dip_lightning.baselines import back_project
        >>> from dip_lightning.operators import Downsample
        >>> x, A = torch.rand(1, 3, 20, 24), Downsample(4)
        >>> y = A(torch.rand(1, 3, 20, 24))
        >>> nearer = back_project(x, y, 4, A, 5)
        >>> bool((A(nearer) - y).square().mean() < (A(x) - y).square().mean())
        True
    """
    for _ in range(steps):
        x = x + _enlarged(y - A(x), (x.shape[2], x.shape[3]), factor)
    return x.clamp(0, 1)


def _enlarged(y: Tensor, size: tuple[int, int], factor: int) -> Tensor:
    enlarged = F.interpolate(y, scale_factor=factor, mode="bicubic", align_corners=False)
    return enlarged[..., : size[0], : size[1]]


def lanczos(y: Tensor, size: tuple[int, int], factor: int) -> Tensor:
    """Enlarge by Lanczos' kernel of support 3 (Pillow), pixel areas aligned.

    Args:
        y: low-resolution image, (1, C, h, w), in [0, 1].
        size: (H, W) of the result, at most `factor` times (h, w).
        factor: enlargement.

    Returns:
        (1, C, H, W), in [0, 1].

    Example:
        >>> import torch
        >>> from dip_lightning.baselines import lanczos
        >>> lanczos(torch.rand(1, 3, 5, 6), (19, 24), 4).shape
        torch.Size([1, 3, 19, 24])
    """
    height, width = (factor * side for side in y.shape[-2:])
    planes = [
        np.asarray(Image.fromarray(plane).resize((width, height), Image.Resampling.LANCZOS))
        for plane in y.cpu().numpy()[0]
    ]
    return _to_image(np.stack(planes))[..., : size[0], : size[1]]


def biharmonic(y: Tensor, m: Tensor) -> Tensor:
    """Fill the missing pixels so that the bilaplacian vanishes (scikit-image).

    Args:
        y: observation, (1, C, H, W), in [0, 1].
        m: known pixels, (1, 1 or C, H, W), 0 or 1.

    Returns:
        (1, C, H, W), in [0, 1], known pixels unchanged.

    Source: Damelin & Hoang, "On surface completion and image inpainting by biharmonic
        functions", 2018.

    Example:
        >>> import torch
        >>> from dip_lightning.baselines import biharmonic
        >>> from dip_lightning.operators import hole_mask
        >>> m = hole_mask(9, 12)
        >>> grey = torch.full((1, 1, 9, 12), 0.5)
        >>> torch.allclose(biharmonic(m * grey, m), grey, atol=1e-4)
        True
    """
    from skimage.restoration import inpaint_biharmonic  # noqa: PLC0415 - slow to import

    holes = (m.expand_as(y) < 0.5).cpu().numpy()[0]  # noqa: PLR2004 - half way from 0 to 1
    planes = y.cpu().numpy()[0].astype(np.float64)
    if holes.all():
        return torch.zeros_like(y)
    if m.shape[1] == GRAY:
        filled = inpaint_biharmonic(planes * ~holes, holes[0], channel_axis=0)
    else:
        filled = np.stack(
            [inpaint_biharmonic(p * ~h, h) for p, h in zip(planes, holes, strict=True)]
        )
    return _to_image(filled)


def bilinear(y: Tensor, m: Tensor) -> Tensor:
    """Fill each channel of a mosaic with the mean of its nearest values.

    Args:
        y: mosaic, each value in the channel that it was measured in, (1, 3, H, W), in [0, 1].
        m: which channel of each pixel was measured, (1, 3, H, W), 0 or 1.

    Returns:
        (1, 3, H, W), in [0, 1], measured values unchanged.

    Example:
        >>> import torch
        >>> from dip_lightning.baselines import bilinear
        >>> from dip_lightning.operators import bayer_mask
        >>> m = bayer_mask("rggb", 5, 7)
        >>> torch.allclose(bilinear(m * 0.5, m), torch.full_like(m, 0.5))
        True
    """
    y, m = y.cpu(), m.cpu()
    return torch.lerp(_near(y, m, 1), y, m)


def _near(y: Tensor, m: Tensor, reach: int) -> Tensor:
    """Return the mean of the known values so many pixels around, the nearer the more."""
    taps = (reach + 1 - torch.arange(-reach, reach + 1).abs()).to(y)
    channels = y.shape[1]
    tent = torch.outer(taps, taps).expand(channels, 1, -1, -1)
    values, weights = (F.conv2d(p, tent, padding=reach, groups=channels) for p in (m * y, m))
    return values / weights.clamp(min=1)


def malvar(y: Tensor, m: Tensor, seen: Tensor | None = None) -> Tensor:
    """Interpolate a Bayer mosaic linearly, each colour corrected by the slope of the measured one.

    Args:
        y: mosaic, each value in the channel that it was measured in, (1, 3, H, W), in [0, 1].
        m: which channel of each pixel was measured, (1, 3, H, W), 0 or 1; see
            `operators.bayer_mask`.
        seen: which of these values count, alike; the others are the mean of those near. None: all.

    Returns:
        (1, 3, H, W), in [0, 1], measured values unchanged.

    Source: Malvar, He & Cutler, "High-quality linear interpolation for demosaicing of
        Bayer-patterned color images", 2004.

    Example:
        >>> import torch
        >>> from dip_lightning.baselines import malvar
        >>> from dip_lightning.operators import bayer_mask
        >>> m = bayer_mask("grbg", 5, 7)
        >>> torch.allclose(malvar(m * 0.5, m), torch.full_like(m, 0.5))
        True
    """
    y, m = y.cpu(), m.cpu()
    if seen is not None:
        y = m * torch.lerp(_near(y, seen.cpu(), 2), y, seen.cpu())
    filters = torch.tensor((AT_GREEN, AT_OPPOSITE, GREEN), dtype=y.dtype) / 8
    filters = torch.stack([filters[0], filters[0].T, *filters[1:]])[:, None]
    # Reflection without the border's own pixel keeps the pattern.
    around = F.pad((m * y).sum(1, keepdim=True), (2, 2, 2, 2), mode="reflect")
    beside, below, opposite, green = F.conv2d(around, filters).chunk(4, 1)
    planes = []
    for color, other in ((0, 2), (2, 0)):
        in_row = m[:, [color]].amax(3, keepdim=True)  # whether the row has this colour
        at_green = torch.lerp(below, beside, in_row)
        planes.append(torch.where(m[:, [other]] > 0, opposite, at_green))
    filled = torch.cat([planes[0], green, planes[1]], 1)
    return torch.lerp(filled, y, m).clamp(0, 1)


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

    image, std = _channels_last(y), sigma / GREY_LEVELS
    if std == 0:
        return y.cpu().clone()
    denoised = denoise_nl_means(
        image, patch_size=5, patch_distance=6, h=0.8 * std, sigma=std, channel_axis=-1
    )
    # scikit-image drops axes of length one; with the channels last, no others change places.
    return _to_image(np.moveaxis(denoised.reshape(image.shape), -1, 0))


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

    image, std = _channels_last(y), sigma / GREY_LEVELS
    if std == 0:
        return y.cpu().clone()
    denoised = denoise_tv_chambolle(  # type: ignore[no-untyped-call]
        image, weight=TV_WEIGHT * std, channel_axis=-1
    )
    return _to_image(np.moveaxis(denoised, -1, 0))


def has_bm3d() -> bool:
    """Say whether the package bm3d is there; its licence allows non-commercial use only.

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

    image, std = _channels_last(y), sigma / GREY_LEVELS
    denoise = package.bm3d_rgb if image.shape[-1] == RGB else package.bm3d
    denoised = denoise(image, std).reshape(image.shape)
    return _to_image(np.moveaxis(denoised, -1, 0))


def _channels_last(y: Tensor) -> NDArray[np.float64]:
    return np.moveaxis(y.cpu().numpy()[0].astype(np.float64), 0, -1)


def _to_image(planes: NDArray[np.floating[Any]]) -> Tensor:
    return torch.from_numpy(planes).float().clamp(0, 1).unsqueeze(0)
