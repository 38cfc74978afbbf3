"""Interpolate the colours of a raw mosaic."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

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
    """Return the mean of the known values so many pixels around, nearer ones counting more."""
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
        seen: which of these values count, in the same form; the others become the mean of the
            values near them. None: all.

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
    # Reflection without the border's own pixel keeps the pattern. PyTorch's reflects only once.
    rows, columns = (np.pad(np.arange(side), 2, mode="reflect") for side in y.shape[2:])
    around = (m * y).sum(1, keepdim=True)[..., rows[:, None], columns]
    beside, below, opposite, green = F.conv2d(around, filters).chunk(4, 1)
    planes = []
    for color, other in ((0, 2), (2, 0)):
        in_row = m[:, [color]].amax(3, keepdim=True)  # whether the row has this colour
        at_green = torch.lerp(below, beside, in_row)
        planes.append(torch.where(m[:, [other]] > 0, opposite, at_green))
    filled = torch.cat([planes[0], green, planes[1]], 1)
    return torch.lerp(filled, y, m).clamp(0, 1)
