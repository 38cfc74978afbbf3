"""A residual network at full resolution."""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn

from dip_lightning.errors import UserError
from dip_lightning.generators.layers import (
    ACTIVATIONS,
    PADDINGS,
    AnySize,
    Conv,
    initialise,
    norm_activation,
)


@dataclass
class Options:
    """What conf/network/resnet.yaml may set.

    Raises:
        UserError: a value that is not allowed.

    Example:
        >>> from dip_lightning.generators import ResNetOptions
        >>> ResNetOptions(blocks=4).channels
        32
    """

    blocks: int = 10
    channels: int = 32
    padding: str = "reflect"
    activation: str = "leaky_relu"

    def __post_init__(self) -> None:
        """Check choices and ranges."""
        for name in ("blocks", "channels"):
            if getattr(self, name) < 1:
                raise UserError(f"network.{name}={getattr(self, name)}: expected 1 or more")
        for name, allowed in (("padding", PADDINGS), ("activation", tuple(ACTIVATIONS))):
            if getattr(self, name) not in allowed:
                given = f"network.{name}={getattr(self, name)}"
                raise UserError(f"{given}: choose one of {', '.join(allowed)}")


@final
class Residual(nn.Module):
    """x + norm(conv(act(norm(conv(x)))))."""

    def __init__(self, options: Options) -> None:
        super().__init__()
        channels = options.channels
        self.body = nn.Sequential(
            Conv(channels, channels, 3, padding=options.padding),
            *norm_activation(channels, options.activation),
            Conv(channels, channels, 3, padding=options.padding),
            nn.BatchNorm2d(channels, track_running_stats=False),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Transform x, (B, channels, H, W), to the same shape."""
        change: Tensor = self.body(x)
        return x + change


@final
class ResNet(AnySize):
    """Map z to an image without changing resolution: x_hat = sigmoid(conv(blocks(conv(z)))).

    Args:
        inputs: channels of z.
        outputs: channels of x_hat.
        options: the architecture.
        generator: source of the initial weights, on the CPU; None: PyTorch's own.

    Source: He et al., "Deep residual learning", 2016.

    Example:
        >>> import torch
        >>> from dip_lightning.generators import ResNet, ResNetOptions
        >>> network = ResNet(4, 3, ResNetOptions(blocks=1, channels=8))
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
        super().__init__(multiple=1, least=2)
        self.first = nn.Sequential(
            Conv(inputs, options.channels, 3, padding=options.padding),
            ACTIVATIONS[options.activation](),
        )
        self.blocks = nn.Sequential(*(Residual(options) for _ in range(options.blocks)))
        self.last = Conv(options.channels, outputs, 3, padding=options.padding)
        initialise(self, generator or torch.default_generator)

    def generate(self, z: Tensor) -> Tensor:
        """Generate an image of any size from two pixels up."""
        return torch.sigmoid(self.last(self.blocks(self.first(z)).float()))


def build(options: Options, inputs: int, outputs: int, generator: torch.Generator) -> nn.Module:
    """Build the network; see `ResNet`."""
    return ResNet(inputs, outputs, options, generator)
