"""Restoration tasks: each an operator, how to simulate it, and what classical methods do."""

from dip_lightning.tasks.blind_deblurring import BlindDeblurring
from dip_lightning.tasks.deblurring import Deblurring
from dip_lightning.tasks.demosaicing import Demosaicing
from dip_lightning.tasks.denoising import Denoising
from dip_lightning.tasks.given import Given
from dip_lightning.tasks.inpainting import Inpainting
from dip_lightning.tasks.jpeg import JPEGDecompression
from dip_lightning.tasks.registry import names, problem
from dip_lightning.tasks.restoration import Restoration
from dip_lightning.tasks.sr import SuperResolution

__all__ = [
    "BlindDeblurring",
    "Deblurring",
    "Demosaicing",
    "Denoising",
    "Given",
    "Inpainting",
    "JPEGDecompression",
    "Restoration",
    "SuperResolution",
    "names",
    "problem",
]
