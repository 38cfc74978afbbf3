"""From keys to objects: the prior that a configuration describes."""

from torch import Tensor, nn

from dip_lightning.compute.acceleration import Acceleration
from dip_lightning.config import Config
from dip_lightning.generators import build
from dip_lightning.prior.conditioning import inputs
from dip_lightning.prior.deep_image_prior import DeepImagePrior
from dip_lightning.prior.problem import Problem
from dip_lightning.prior.randomness import source


def build_prior(
    config: Config,
    problem: Problem,
    z: Tensor | None,
    part: str = "",
    *,
    network: nn.Module | None = None,
) -> DeepImagePrior:
    """Build the fit of a problem.

    Args:
        config: settings of the job.
        problem: what is asked.
        z: image to use as input of the network, (1, C, H, W); None: drawn.
        part: name of a part of the image; see `DeepImagePrior`.
        network: in place of the one that the configuration describes.

    Raises:
        UserError: the image and the settings do not go together.
    """
    if network is None:
        weights = source("weights", config.seed, part=part)
        network = build(config.network, inputs(config, problem), problem.shape[0], weights)
    prior = DeepImagePrior(problem, network, image=z, part=part, **config.fit())
    return prior.accelerate(Acceleration(config.accelerate, diagnose=config.diagnose))
