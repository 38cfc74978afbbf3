"""From keys to objects: the prior that a configuration describes."""

from math import prod

import torch
from torch import Tensor, nn

from dip_lightning.compute import compute_dtype, memory
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


def describe_network(config: Config, problem: Problem) -> nn.Module:
    """Build the network of a configuration, with any weights."""
    return build(config.network, inputs(config, problem), problem.shape[0], torch.Generator())


def check_memory(
    config: Config,
    problem: Problem,
    size: tuple[int, int],
    device: torch.device,
    *,
    tiles: bool = True,
) -> None:
    """Refuse a fit that would be killed for want of memory, before anything large is made.

    Args:
        config: settings of the job.
        problem: what is asked.
        size: (H, W) of what is fitted at once.
        device: where the fit runs.
        tiles: whether tiles can be asked for.

    Raises:
        UserError: more is needed than there is.
    """

    def per_pixel() -> float:
        dtype, depth = compute_dtype(config.precision, device), inputs(config, problem)
        tried = describe_network(config, problem)
        saved = memory.saved_bytes_per_pixel(tried, depth, dtype)
        # A smaller image is mirrored up to what the network takes.
        mirrored = [max(side, getattr(tried, "least", 1)) / side for side in size]
        return memory.fit_bytes_per_pixel(saved, depth, device) * prod(mirrored)

    memory.check_memory(per_pixel, size, device, tiles=tiles and problem.has_tiles)
