"""Fill missing pixels."""

import numpy as np
import torch
from torch import Tensor

from dip_lightning.baselines.arrays import planes, to_image

MOST_UNKNOWNS = 1_000_000  # of biharmonic inpainting: about a minute, and a gigabyte or two


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
    given = planes(y)
    if holes.all():
        return torch.zeros_like(y)
    if m.shape[1] == 1:
        filled = inpaint_biharmonic(given * ~holes, holes[0], channel_axis=0)
    else:
        filled = np.stack(
            [
                np.zeros_like(p) if h.all() else inpaint_biharmonic(p * ~h, h)
                for p, h in zip(given, holes, strict=True)
            ]
        )
    return to_image(filled)
