"""Tensors as the arrays of image libraries, and back."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dip_lightning.errors import UserError


def planes(y: Tensor) -> NDArray[np.float64]:
    """Turn y, (1, C, H, W), into an array of (C, H, W).

    Raises:
        UserError: y has another shape.

    Example:
        >>> import torch
        >>> from dip_lightning.baselines.arrays import planes
        >>> planes(torch.rand(1, 3, 20, 24)).shape
        (3, 20, 24)
    """
    if y.ndim != 4 or y.shape[0] != 1:  # noqa: PLR2004 - (1, C, H, W)
        raise UserError(f"y: is {tuple(y.shape)}, expected one image, (1, C, H, W)")
    return y[0].detach().cpu().numpy().astype(np.float64)


def channels_last(y: Tensor) -> NDArray[np.float64]:
    """Turn y, (1, C, H, W), into an array of (H, W, C).

    Raises:
        UserError: y has another shape.

    Example:
        >>> import torch
        >>> from dip_lightning.baselines.arrays import channels_last
        >>> channels_last(torch.rand(1, 3, 20, 24)).shape
        (20, 24, 3)
    """
    return np.moveaxis(planes(y), 0, -1)


def to_image(found: NDArray[np.floating[Any]]) -> Tensor:
    """Turn (C, H, W) into an image, (1, C, H, W), clipped to [0, 1].

    Example:
        >>> import numpy as np
        >>> from dip_lightning.baselines.arrays import to_image
        >>> to_image(np.full((1, 1, 2), 1.2))
        tensor([[[[1., 1.]]]])
    """
    return torch.from_numpy(found).float().clamp(0, 1).unsqueeze(0)
