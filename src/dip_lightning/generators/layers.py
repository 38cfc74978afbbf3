"""Building blocks of the generators, independent of the precision of their input."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dip_lightning.generators.upsampling import same_conv, upsampled_conv
from dip_lightning.operators.downsample import Downsample

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "leaky_relu": lambda: nn.LeakyReLU(0.2, inplace=True),
    "relu": lambda: nn.ReLU(inplace=True),
    "elu": lambda: nn.ELU(inplace=True),
    "silu": lambda: nn.SiLU(inplace=True),
    "identity": nn.Identity,
}
PADDINGS = ("reflect", "zeros")
DOWNSAMPLINGS = ("stride", "average", "max", "lanczos2", "lanczos3")
UPSAMPLINGS = ("nearest", "bilinear")


class Conv(nn.Conv2d):
    """A "same" convolution computed in the precision of its input.

    The parameters stay float32 and are rounded on each call, so that Adam never sees rounding.

    Args:
        inputs: channels of the input.
        outputs: channels of the output.
        kernel: side of the kernel, odd.
        stride: distance of the samples.
        padding: "reflect" or "zeros".
    """

    def __init__(
        self, inputs: int, outputs: int, kernel: int, *, stride: int = 1, padding: str = "reflect"
    ) -> None:
        super().__init__(inputs, outputs, kernel, stride)
        self.border = padding

    def forward(self, x: Tensor) -> Tensor:
        """Convolve x, (B, inputs, H, W), to (B, outputs, ceil(H / stride), ceil(W / stride))."""
        return same_conv(x, self.weight, self.bias, self.border, self.stride[0])


class UpsampledConv(Conv):
    """Double height and width, then convolve, in the precision of the input.

    Args:
        inputs: channels of the input.
        outputs: channels of the output.
        kernel: side of the kernel, odd.
        mode: "nearest" or "bilinear" (pixel areas aligned).
        padding: "reflect" or "zeros".
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, *, mode: str, padding: str) -> None:
        super().__init__(inputs, outputs, kernel, padding=padding)
        self.mode = mode

    def forward(self, x: Tensor) -> Tensor:
        """Enlarge x, (B, inputs, H, W), to (B, outputs, 2 H, 2 W)."""
        return upsampled_conv(x, self.weight, self.bias, mode=self.mode, padding=self.border)


class Transposed(nn.ConvTranspose2d):
    """Double height and width by a transposed 4x4 convolution, in the precision of its input.

    Args:
        inputs: channels of the input.
        outputs: channels of the output.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 4, 2, 1)

    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]
        """Enlarge x, (B, inputs, H, W), to (B, outputs, 2 H, 2 W)."""
        bias = None if self.bias is None else self.bias.to(x.dtype)
        return F.conv_transpose2d(x, self.weight.to(x.dtype), bias, stride=2, padding=1)


class AnySize(nn.Module, ABC):
    """A generator for images of any size.

    z is mirrored at its border up to the next size that the network can take, and the image
    cropped back. A size that fits is left as it is.

    Args:
        multiple: the network takes sides that are multiples of this, pixels.
        least: and at least this, itself a multiple.
    """

    def __init__(self, multiple: int, least: int) -> None:
        super().__init__()
        self.multiple, self.least = multiple, least

    @abstractmethod
    def generate(self, z: Tensor) -> Tensor:
        """Generate the image, (1, outputs, H, W), float32, of a z whose sides fit."""

    def forward(self, z: Tensor) -> Tensor:
        """Generate the image.

        Args:
            z: input, (1, inputs, H, W), float32 or bfloat16, which sets the precision.

        Returns:
            x_hat, (1, outputs, H, W), float32, in [0, 1].
        """
        height, width = z.shape[-2:]
        starts = []
        for dim in (-2, -1):
            size = z.shape[dim]
            fitted = max(self.least, -(-size // self.multiple) * self.multiple)
            before = (fitted - size) // 2
            starts.append(before)
            if fitted != size:
                after = fitted - size - before
                z = z.index_select(dim, reflected_indices(size, before, after, z.device))
        top, left = starts
        return self.generate(z)[..., top : top + height, left : left + width]


def norm_activation(channels: int, activation: str) -> list[nn.Module]:
    """Normalise by the statistics of this very image, then apply the activation.

    A DIP fit never leaves training mode, so no running statistics are kept.
    """
    norm = nn.BatchNorm2d(channels, track_running_stats=False)
    return [norm, ACTIVATIONS[activation]()]


def conv_down(
    inputs: int, outputs: int, kernel: int, *, mode: str, padding: str
) -> list[nn.Module]:
    """Halve height and width: by a stride, or by a full convolution and a pooling `mode`."""
    if mode == "stride":
        return [Conv(inputs, outputs, kernel, stride=2, padding=padding)]
    pools: dict[str, Callable[[], nn.Module]] = {
        "average": lambda: nn.AvgPool2d(2),
        "max": lambda: nn.MaxPool2d(2),
        "lanczos2": lambda: Downsample(2, "lanczos2"),
        "lanczos3": lambda: Downsample(2, "lanczos3"),
    }
    return [Conv(inputs, outputs, kernel, padding=padding), pools[mode]()]


def initialise(module: nn.Module, generator: torch.Generator) -> None:
    """Draw every layer's parameters from U(-b, b), b = 1 / sqrt(fan in), torch's default.

    Args:
        module: changed in place.
        generator: source of randomness, on the CPU.
    """
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            # PyTorch's fan in of each: the second dimension times the kernel's area.
            bound = 1 / math.sqrt(layer.weight[0].numel())
            nn.init.uniform_(layer.weight, -bound, bound, generator=generator)
            if layer.bias is not None:
                nn.init.uniform_(layer.bias, -bound, bound, generator=generator)


def reflected_indices(
    size: int, before: int, after: int, device: torch.device | str = "cpu"
) -> Tensor:
    """Index a line of `size` pixels, mirrored about its ends as often as needed.

    Returns:
        Indices, (before + size + after,), int64: 2 1 | 0 1 2 ... without repeating the edge.
    """
    period = max(1, 2 * (size - 1))
    position = torch.arange(-before, size + after, device=device) % period
    return torch.minimum(position, period - position) if size > 1 else torch.zeros_like(position)
