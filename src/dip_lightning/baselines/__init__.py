"""What a user would reach for instead: classical methods, in seconds, without any fitting."""

from dip_lightning.baselines.deblocking import reapply
from dip_lightning.baselines.deblurring import richardson_lucy, wiener
from dip_lightning.baselines.demosaicing import bilinear, malvar
from dip_lightning.baselines.denoising import (
    bm3d,
    has_bm3d,
    non_local_means,
    stabilised,
    total_variation,
)
from dip_lightning.baselines.enlarging import back_project, back_projection, bicubic, lanczos
from dip_lightning.baselines.filling import biharmonic
from dip_lightning.baselines.inverting import adjoint_of, least_squares, nearest, polish_inverse
from dip_lightning.baselines.kernel_estimate import estimate_kernel
from dip_lightning.baselines.low_rank import Patches, fading, low_rank_patches, polish
from dip_lightning.baselines.variation import least_variation, least_variation_between

__all__ = [
    "Patches",
    "adjoint_of",
    "back_project",
    "back_projection",
    "bicubic",
    "biharmonic",
    "bilinear",
    "bm3d",
    "estimate_kernel",
    "fading",
    "has_bm3d",
    "lanczos",
    "least_squares",
    "least_variation",
    "least_variation_between",
    "low_rank_patches",
    "malvar",
    "nearest",
    "non_local_means",
    "polish",
    "polish_inverse",
    "reapply",
    "richardson_lucy",
    "stabilised",
    "total_variation",
    "wiener",
]
