"""Untrained networks f_theta, from z to x_hat: one module each."""

from dip_lightning.generators.deep_decoder import DeepDecoder
from dip_lightning.generators.deep_decoder import Options as DeepDecoderOptions
from dip_lightning.generators.kernel import KernelNetwork
from dip_lightning.generators.registry import (
    build,
    default_network,
    follows_input_dtype,
    load,
    names,
    parse_options,
)
from dip_lightning.generators.resnet import Options as ResNetOptions
from dip_lightning.generators.resnet import ResNet
from dip_lightning.generators.skip import Options as SkipOptions
from dip_lightning.generators.skip import Skip
from dip_lightning.generators.unet import Options as UNetOptions
from dip_lightning.generators.unet import UNet

__all__ = [
    "DeepDecoder",
    "DeepDecoderOptions",
    "KernelNetwork",
    "ResNet",
    "ResNetOptions",
    "Skip",
    "SkipOptions",
    "UNet",
    "UNetOptions",
    "build",
    "default_network",
    "follows_input_dtype",
    "load",
    "names",
    "parse_options",
]
