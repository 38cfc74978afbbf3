"""The deep decoder: no convolution sees more than one pixel, only the upsampling mixes them."""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn

from dip_lightning.errors import UserError
from dip_lightning.generators.layers import AnySize, Conv, initialise


@dataclass
class Options:
    """What conf/network/deep_decoder.yaml may set.

    Raises:
        UserError: a value that is not allowed.

    Example:
        >>> from dip_lightning.generators import DeepDecoderOptions
        >>> DeepDecoderOptions(scales=4).channels
        128
    """

    scales: int = 5
    channels: int = 128

    def __post_init__(self) -> None:
        """Check ranges."""
        for name in ("scales", "channels"):
            if getattr(self, name) < 1:
                raise UserError(f"network.{name}={getattr(self, name)}: expected 1 or more")


@final
class DeepDecoder(AnySize):
    """Map a coarse z to an image: each scale is norm(relu(upsample(conv_1x1(x)))).

    z is given at the resolution of the image and sampled at every 2^scales-th pixel, which leaves
    the distribution of a random input unchanged.

    Args:
        inputs: channels of z.
        outputs: channels of x_hat.
        options: the architecture.
        generator: source of the initial weights, on the CPU; None: PyTorch's own.

    Raises:
        UserError: in a fit, the image has no more than 2^scales pixels along both sides.

    Source: Heckel & Hand, "Deep decoder", ICLR 2019.

    Example:
        >>> import torch
        >>> from dip_lightning.generators import DeepDecoder, DeepDecoderOptions
        >>> network = DeepDecoder(4, 3, DeepDecoderOptions(scales=2, channels=8))
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
        step = 2**options.scales
        super().__init__(multiple=step, least=step)
        channels, layers = inputs, []
        for _ in range(options.scales):
            norm = nn.BatchNorm2d(options.channels, track_running_stats=False)
            layers += [
                Conv(channels, options.channels, 1),
                nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False),
                nn.ReLU(inplace=True),
                norm,
            ]
            channels = options.channels
        self.scales = nn.Sequential(
            *layers,
            Conv(channels, channels, 1),
            nn.ReLU(inplace=True),
            nn.BatchNorm2d(channels, track_running_stats=False),
        )
        self.last = Conv(channels, outputs, 1)
        initialise(self, generator or torch.default_generator)

    def generate(self, z: Tensor) -> Tensor:
        """Generate an image whose sides are multiples of 2^scales.

        Raises:
            UserError: a single pixel is left of z, which batch norm turns into 0.
        """
        coarse = z[..., :: self.multiple, :: self.multiple]
        if coarse.shape[-2:].numel() == 1:
            raise UserError(
                f"network.scales={self.multiple.bit_length() - 1}: expected an image of more than "
                f"{self.multiple} pixels along a side; take fewer scales"
            )
        return torch.sigmoid(self.last(self.scales(coarse).float()))


def build(options: Options, inputs: int, outputs: int, generator: torch.Generator) -> nn.Module:
    """Build the network; see `DeepDecoder`."""
    return DeepDecoder(inputs, outputs, options, generator)
