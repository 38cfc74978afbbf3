"""What a user would reach for instead: classical methods, in seconds, without any fitting."""

from dip_lightning.baselines.deblurring import richardson_lucy, wiener
from dip_lightning.baselines.demosaicing import bilinear, malvar
from dip_lightning.baselines.denoising import bm3d, has_bm3d, non_local_means, total_variation
from dip_lightning.baselines.enlarging import back_project, back_projection, bicubic, lanczos
from dip_lightning.baselines.filling import biharmonic
from dip_lightning.baselines.kernel_estimate import estimate_kernel

__all__ = [
    "back_project",
    "back_projection",
    "bicubic",
    "biharmonic",
    "bilinear",
    "bm3d",
    "estimate_kernel",
    "has_bm3d",
    "lanczos",
    "malvar",
    "non_local_means",
    "richardson_lucy",
    "total_variation",
    "wiener",
]
