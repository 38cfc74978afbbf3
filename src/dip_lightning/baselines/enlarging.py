"""Enlarge an image: interpolation and back-projection."""

from collections.abc import Callable

import numpy as np
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from dip_lightning.baselines.arrays import planes, to_image

Operator = Callable[[Tensor], Tensor]


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
    """Make an image agree with its low-resolution observation: x <- x + enlarge(y - A x).

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
    enlarged = [
        np.asarray(Image.fromarray(plane).resize((width, height), Image.Resampling.LANCZOS))
        for plane in planes(y).astype(np.float32)
    ]
    return to_image(np.stack(enlarged))[..., : size[0], : size[1]]
