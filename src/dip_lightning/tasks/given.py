"""What the command was given: an image, its mask, and what to use as z."""

from dataclasses import dataclass

from torch import Tensor

from dip_lightning.operators.jpeg import Coefficients

# Tasks that allow for what JPEG's rounding has changed in y, where y is a JPEG file.
OF_ROUNDED = ("sr", "deblurring", "blind_deblurring")


@dataclass(frozen=True)
class Given:
    """What there is to work from: exactly one of x and y.

    Attributes:
        x: ground truth, (1, C, H, W), float32 in [0, 1], to be degraded.
        y: a real observation, (1, C, h, w), float32 in [0, 1].
        m: known pixels, (1, 1 or C, H, W), 0 or 1; None if no mask was given.
        kernel: of a blur, (kh, kw); None if no file was given.
        coefficients: those of y in its JPEG file; None if they do not matter.
        z: image to use as input of the network, (1, C, H, W); None: drawn.
        m_is_alpha: m is the image's own transparency.
        white: what sigma=255 means in the units of x and y; see `Format.white`.
        is_cropped: only the centre of a larger image is given.
    """

    x: Tensor | None = None
    y: Tensor | None = None
    m: Tensor | None = None
    kernel: Tensor | None = None
    coefficients: Coefficients | None = None
    z: Tensor | None = None
    m_is_alpha: bool = False
    white: float = 1.0
    is_cropped: bool = False

    def grey_levels(self, sigma: float | None) -> float | None:
        """Return sigma in the grey levels of x and y, which are 1 / 255."""
        return None if sigma is None else sigma * self.white
