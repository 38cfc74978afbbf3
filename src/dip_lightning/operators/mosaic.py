"""Mosaics: a sensor behind a Bayer filter measures one colour at each pixel."""

import torch
from torch import Tensor, nn

from dip_lightning.errors import UserError
from dip_lightning.limits import PATTERNS

CHANNELS = "rgb"


def bayer_mask(pattern: str, height: int, width: int) -> Tensor:
    """Say which channel is measured at each pixel.

    Args:
        pattern: colours of the upper left 2 x 2 pixels, row by row; one of `PATTERNS`.
        height: of the image, pixels.
        width: of the image, pixels.

    Returns:
        m, (1, 3, H, W), 0 or 1; one channel of each pixel is 1.

    Raises:
        UserError: there is no such pattern.

    Example:
        >>> from dip_lightning.operators import bayer_mask
        >>> bayer_mask("rggb", 3, 3)[0, 1].int().tolist()
        [[0, 1, 0], [1, 0, 1], [0, 1, 0]]
    """
    if pattern not in PATTERNS:
        raise UserError(f"pattern={pattern}: choose one of {', '.join(PATTERNS)}")
    m = torch.zeros(1, 3, height, width)
    for place, color in enumerate(pattern):
        row, column = divmod(place, 2)
        m[:, CHANNELS.index(color), row::2, column::2] = 1
    return m


class Mosaic(nn.Module):
    """Measure one colour at each pixel: A(x) is x's red, green or blue, as the pattern says.

    Args:
        pattern: colours of the upper left 2 x 2 pixels, row by row: "rggb", "bggr", "grbg" or
            "gbrg".

    Raises:
        UserError: there is no such pattern.

    Source: B. E. Bayer, "Color imaging array", US patent 3971065, 1976.

    Example:
        >>> import torch
        >>> from dip_lightning.operators import Mosaic
        >>> red = torch.tensor([1.0, 0.0, 0.0]).view(1, 3, 1, 1).expand(1, 3, 2, 4)
        >>> Mosaic("rggb")(red)[0, 0].int().tolist()
        [[1, 0, 1, 0], [0, 0, 0, 0]]
    """

    def __init__(self, pattern: str) -> None:
        super().__init__()
        self.pattern = pattern
        bayer_mask(pattern, 2, 2)

    def forward(self, x: Tensor) -> Tensor:
        """Measure x.

        Args:
            x: image, (1, 3, H, W), any range.

        Returns:
            (1, 1, H, W), same range.

        Raises:
            UserError: x does not have the three channels of RGB.
        """
        if x.ndim != 4 or x.shape[1] != len(CHANNELS):  # noqa: PLR2004 - (1, C, H, W)
            raise UserError(f"x: is {tuple(x.shape)}, expected RGB, (1, 3, H, W)")
        return (self._mask(x) * x).sum(1, keepdim=True)

    def adjoint(self, y: Tensor) -> Tensor:
        """Put each value into the channel that it was measured in; the others are 0.

        Args:
            y: mosaic, (1, 1, H, W), any range.

        Returns:
            (1, 3, H, W), same range.

        Raises:
            UserError: y has more than one channel.
        """
        if y.ndim != 4 or y.shape[1] != 1:  # noqa: PLR2004 - (1, C, H, W)
            raise UserError(f"y: is {tuple(y.shape)}, expected a raw mosaic, (1, 1, H, W)")
        return self._mask(y) * y

    def _mask(self, image: Tensor) -> Tensor:
        return bayer_mask(self.pattern, *image.shape[2:]).to(image)
