"""The U-Net that the study compares with the hourglass."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import final

import torch
from torch import Tensor, nn

from dip_lightning.errors import UserError
from dip_lightning.generators.layers import (
    PADDINGS,
    UPSAMPLINGS,
    AnySize,
    Conv,
    Transposed,
    UpsampledConv,
    initialise,
)

WIDTHS = (64, 128, 256, 512, 1024)
NORMS: dict[str, Callable[[int], nn.Module]] = {
    "batch": lambda channels: nn.BatchNorm2d(channels, track_running_stats=False),
    "instance": nn.InstanceNorm2d,
}


@dataclass
class Options:
    """What conf/network/unet.yaml may set.

    Raises:
        UserError: a value that is not allowed.

    Example:
        >>> from dip_lightning.generators import UNetOptions
        >>> UNetOptions(feature_scale=8).norm
        'batch'
    """

    feature_scale: int = 4
    upsampling: str = "bilinear"
    norm: str = "batch"
    padding: str = "reflect"

    def __post_init__(self) -> None:
        """Check choices and ranges."""
        if not 1 <= self.feature_scale <= WIDTHS[0]:
            raise UserError(
                f"network.feature_scale={self.feature_scale}: expected 1 to {WIDTHS[0]}"
            )
        for name, allowed in (
            ("upsampling", (*UPSAMPLINGS, "deconv")),
            ("norm", tuple(NORMS)),
            ("padding", PADDINGS),
        ):
            if getattr(self, name) not in allowed:
                given = f"network.{name}={getattr(self, name)}"
                raise UserError(f"{given}: choose one of {', '.join(allowed)}")


@final
class UNet(AnySize):
    """Map z to an image by four poolings and four enlargements that see the finer maps again.

    Args:
        inputs: channels of z.
        outputs: channels of x_hat.
        options: the architecture; scale i has WIDTHS[i] / feature_scale channels.
        generator: source of the initial weights, on the CPU; None: PyTorch's own.

    Source: Ronneberger et al., "U-Net", 2015, with padded convolutions.

    Example:
        >>> import torch
        >>> from dip_lightning.generators import UNet, UNetOptions
        >>> network = UNet(4, 3, UNetOptions(feature_scale=16))
        >>> network(torch.rand(1, 4, 21, 26)).shape
        torch.Size([1, 3, 21, 26])
    """

    def __init__(
        self,
        inputs: int = 32,
        outputs: int = 3,
        options: Options | None = None,
        generator: torch.Generator | None = None,
    ) -> None:
        options = options or Options()
        multiple = 2 ** (len(WIDTHS) - 1)
        super().__init__(multiple, 2 * multiple)
        widths = [width // options.feature_scale for width in WIDTHS]
        self.start = _twice(inputs, widths[0], options, normalised=True)
        self.down = nn.ModuleList(
            nn.Sequential(nn.MaxPool2d(2), _twice(fine, coarse, options, normalised=True))
            for fine, coarse in pairwise(widths)
        )
        self.enlarge = nn.ModuleList(
            _enlarge(coarse, fine, options) for fine, coarse in pairwise(widths)
        )
        self.up = nn.ModuleList(
            _twice(2 * width, width, options, normalised=False) for width in widths[:-1]
        )
        self.last = Conv(widths[0], outputs, 1)
        initialise(self, generator or torch.default_generator)

    def generate(self, z: Tensor) -> Tensor:
        """Generate an image whose sides can be halved four times."""
        maps: list[Tensor] = [self.start(z)]
        for down in self.down:
            maps.append(down(maps[-1]))
        features = maps.pop()
        for enlarge, up in zip(reversed(self.enlarge), reversed(self.up), strict=True):
            features = up(torch.cat([enlarge(features), maps.pop()], dim=1))
        return torch.sigmoid(self.last(features.float()))


def _twice(inputs: int, outputs: int, options: Options, *, normalised: bool) -> nn.Sequential:
    layers: list[nn.Module] = []
    for channels in (inputs, outputs):
        layers.append(Conv(channels, outputs, 3, padding=options.padding))
        layers += [NORMS[options.norm](outputs)] if normalised else []
        layers.append(nn.ReLU(inplace=True))
    return nn.Sequential(*layers)


def _enlarge(inputs: int, outputs: int, options: Options) -> nn.Module:
    if options.upsampling == "deconv":
        return Transposed(inputs, outputs)
    return UpsampledConv(inputs, outputs, 3, mode=options.upsampling, padding=options.padding)


def build(options: Options, inputs: int, outputs: int, generator: torch.Generator) -> nn.Module:
    """Build the network; see `UNet`."""
    return UNet(inputs, outputs, options, generator)
