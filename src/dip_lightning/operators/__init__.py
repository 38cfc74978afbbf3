"""Forward operators A of the observation model y = A(x) + n."""

from dip_lightning.operators.downsample import Downsample, pillow_downsample
from dip_lightning.operators.mask import Mask, drawn_mask, hole_mask, random_mask, text_mask
from dip_lightning.operators.mosaic import Mosaic, bayer_mask
from dip_lightning.operators.noise import (
    add_gaussian_noise,
    clipped_noise_power,
    shuffle_pixels,
    uniform_noise,
)

__all__ = [
    "Downsample",
    "Mask",
    "Mosaic",
    "add_gaussian_noise",
    "bayer_mask",
    "clipped_noise_power",
    "drawn_mask",
    "hole_mask",
    "pillow_downsample",
    "random_mask",
    "shuffle_pixels",
    "text_mask",
    "uniform_noise",
]
