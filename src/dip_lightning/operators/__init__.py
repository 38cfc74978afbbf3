"""Forward operators A of the observation model y = A(x) + n."""

from dip_lightning.operators.blur import Blur, blurred
from dip_lightning.operators.downsample import Downsample, pillow_downsample
from dip_lightning.operators.jpeg import JPEG
from dip_lightning.operators.kernels import (
    blur_kernel,
    disk_kernel,
    gaussian_kernel,
    motion_kernel,
)
from dip_lightning.operators.laws import check
from dip_lightning.operators.mask import Mask, drawn_mask, hole_mask, random_mask, text_mask
from dip_lightning.operators.mosaic import Mosaic, bayer_mask
from dip_lightning.operators.noise import (
    add_gaussian_noise,
    add_poisson_noise,
    clipped_noise_power,
    shuffle_pixels,
    uniform_noise,
)

__all__ = [
    "JPEG",
    "Blur",
    "Downsample",
    "Mask",
    "Mosaic",
    "add_gaussian_noise",
    "add_poisson_noise",
    "bayer_mask",
    "blur_kernel",
    "blurred",
    "check",
    "clipped_noise_power",
    "disk_kernel",
    "drawn_mask",
    "gaussian_kernel",
    "hole_mask",
    "motion_kernel",
    "pillow_downsample",
    "random_mask",
    "shuffle_pixels",
    "text_mask",
    "uniform_noise",
]
