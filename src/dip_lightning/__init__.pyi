from . import baselines as baselines
from . import generators as generators
from . import operators as operators
from .errors import UserError as UserError
from .prior.deep_image_prior import DeepImagePrior as DeepImagePrior
from .prior.problem import Problem as Problem
from .prior.settings import FitSettings as FitSettings
from .restoring import Restored as Restored
from .restoring import restore as restore
from .tasks.blind_deblurring import BlindDeblurring as BlindDeblurring
from .tasks.deblurring import Deblurring as Deblurring
from .tasks.demosaicing import Demosaicing as Demosaicing
from .tasks.denoising import Denoising as Denoising
from .tasks.inpainting import Inpainting as Inpainting
from .tasks.jpeg import JPEGDecompression as JPEGDecompression
from .tasks.restoration import Restoration as Restoration
from .tasks.sr import SuperResolution as SuperResolution

__version__: str
__all__ = [
    "BlindDeblurring",
    "Deblurring",
    "DeepImagePrior",
    "Demosaicing",
    "Denoising",
    "FitSettings",
    "Inpainting",
    "JPEGDecompression",
    "Problem",
    "Restoration",
    "Restored",
    "SuperResolution",
    "UserError",
    "baselines",
    "generators",
    "operators",
    "restore",
]
