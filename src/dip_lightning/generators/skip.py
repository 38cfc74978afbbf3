"""The hourglass network with skip connections, the generator of the Deep Image Prior paper."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dip_lightning.errors import UserError
from dip_lightning.generators.layers import (
    ACTIVATIONS,
    DOWNSAMPLINGS,
    PADDINGS,
    UPSAMPLINGS,
    AnySize,
    Conv,
    conv_down,
    initialise,
    norm_activation,
)
from dip_lightning.generators.upsampling import norm_upsampled, same_conv, upsampled_conv


@dataclass
class Options:
    """What conf/network/*.yaml may set for this generator; one list entry per scale, finest first.

    Raises:
        UserError: a list of another length, or a value that is not allowed.

    Example:
        >>> from dip_lightning.generators import SkipOptions
        >>> SkipOptions(down=[16, 32], up=[16, 32], skip=[4, 4]).upsampling
        ['bilinear', 'bilinear']
    """

    down: list[int] = field(default_factory=lambda: [128] * 5)
    up: list[int] = field(default_factory=lambda: [128] * 5)
    skip: list[int] = field(default_factory=lambda: [4] * 5)
    kernel_down: int = 3
    kernel_up: int = 3
    kernel_skip: int = 1
    identity_skip: bool = False
    upsampling: list[str] = field(default_factory=lambda: ["bilinear"])
    downsampling: str = "stride"
    padding: str = "reflect"
    activation: str = "leaky_relu"
    last_1x1: bool = True

    def __post_init__(self) -> None:
        """Check lengths, ranges and choices, and repeat a single upsampling for every scale."""
        scales = len(self.down)
        if len(self.upsampling) == 1:
            self.upsampling = list(self.upsampling) * scales
        for name in ("down", "up", "skip", "upsampling"):
            given = getattr(self, name)
            if len(given) != scales or not scales:
                raise UserError(
                    f"network.{name}={list(given)}: expected as many entries as "
                    f"network.down has scales ({scales}, at least 1)"
                )
        for name, least in (("down", 1), ("up", 1), ("skip", 0)):
            if min(getattr(self, name)) < least:
                raise UserError(
                    f"network.{name}={list(getattr(self, name))}: "
                    f"expected channel counts of {least} or more"
                )
        for name in ("kernel_down", "kernel_up", "kernel_skip"):
            if getattr(self, name) < 1 or getattr(self, name) % 2 == 0:
                raise UserError(f"network.{name}={getattr(self, name)}: expected an odd number")
        self._check_choices()

    def _check_choices(self) -> None:
        choices: list[tuple[str, str, Sequence[str]]] = [
            ("downsampling", self.downsampling, DOWNSAMPLINGS),
            ("padding", self.padding, PADDINGS),
            ("activation", self.activation, list(ACTIVATIONS)),
            *(("upsampling", mode, UPSAMPLINGS) for mode in self.upsampling),
        ]
        for name, given, allowed in choices:
            if given not in allowed:
                raise UserError(f"network.{name}={given}: choose one of {', '.join(allowed)}")


@final
class Join(nn.Module):
    """Join the skip branch with the coarser scales, normalise and convolve: one upsampled input.

    (s, x) -> conv(norm([s, upsample(x)])), where upsampling costs next to nothing (see
    `generators.upsampling`).

    Args:
        skip: channels of s; 0: there is no s.
        deep: channels of x.
        outputs: channels of the result.
        options: kernel_up and padding.
        mode: of the upsampling.
    """

    def __init__(self, skip: int, deep: int, outputs: int, options: Options, mode: str) -> None:
        super().__init__()
        self.skip, self.mode = skip, mode
        self.norm = nn.BatchNorm2d(skip + deep, track_running_stats=False)
        self.conv = Conv(skip + deep, outputs, options.kernel_up, padding=options.padding)

    def forward(self, s: Tensor | None, x: Tensor) -> Tensor:
        """Transform s, (B, skip, 2 H, 2 W), and x, (B, deep, H, W), to (B, outputs, 2 H, 2 W)."""
        weight, bias, border = self.conv.weight, self.conv.bias, self.conv.border
        own, others = slice(self.skip), slice(self.skip, None)
        x = norm_upsampled(x, self.norm, others, self.mode)
        joined = upsampled_conv(x, weight[:, others], bias, mode=self.mode, padding=border)
        if s is None:
            return joined
        scale, shift = self.norm.weight[own], self.norm.bias[own]
        s = F.batch_norm(s, None, None, scale, shift, training=True, eps=self.norm.eps)
        return joined + same_conv(s, weight[:, own], None, border)


@final
class Scale(nn.Module):
    """One scale: halve, let the coarser scales work, double, join the skip branch, refine.

    x -> up(join(skip(x), deeper(down(x))))

    With `identity_skip` the skip branch is its input; without channels there is none.
    """

    def __init__(self, options: Options, index: int, inputs: int) -> None:
        super().__init__()
        o, down, up, skip = options, options.down[index], options.up[index], options.skip[index]
        inner = index + 1 < len(o.down)
        self.skip: nn.Module | None = None
        if o.identity_skip:
            self.skip, skip = nn.Identity(), inputs
        elif skip:
            conv = Conv(inputs, skip, o.kernel_skip, padding=o.padding)
            self.skip = nn.Sequential(conv, *norm_activation(skip, o.activation))
        self.down = nn.Sequential(
            *conv_down(inputs, down, o.kernel_down, mode=o.downsampling, padding=o.padding),
            *norm_activation(down, o.activation),
            Conv(down, down, o.kernel_down, padding=o.padding),
            *norm_activation(down, o.activation),
            *([Scale(o, index + 1, down)] if inner else []),
        )
        deep = o.up[index + 1] if inner else down
        self.join = Join(skip, deep, up, o, o.upsampling[index])
        self.up = nn.Sequential(
            *norm_activation(up, o.activation),
            *([Conv(up, up, 1), *norm_activation(up, o.activation)] if o.last_1x1 else []),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Transform x, (B, inputs, H, W), H and W even, to (B, up, H, W)."""
        skipped = None if self.skip is None else self.skip(x)
        refined: Tensor = self.up(self.join(skipped, self.down(x)))
        return refined


@final
class Skip(AnySize):
    """Map z to an image: x_hat = sigmoid(conv_1x1(scales(z))).

    Args:
        inputs: channels of z.
        outputs: channels of x_hat.
        options: the architecture.
        generator: source of the initial weights, on the CPU; None: PyTorch's own.

    Source: Ulyanov et al., "Deep Image Prior", 2018, supplementary material.

    Example:
        >>> import torch
        >>> from dip_lightning.generators import Skip, SkipOptions
        >>> network = Skip(4, 3, SkipOptions([8, 8], [8, 8], [2, 0]))
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
        multiple = 2 ** len(options.down)
        # The coarsest map must be larger than the reflection, and hold two values to normalise;
        # skip branches and the other convolutions work on maps at least twice as large.
        kernels = (options.kernel_down, options.kernel_up, (options.kernel_skip + 1) // 2)
        least = multiple * max(2, *(kernel // 2 + 1 for kernel in kernels))
        super().__init__(multiple, least)
        self.options = options
        self.scales = Scale(options, 0, inputs)
        self.last = Conv(options.up[0], outputs, 1)
        initialise(self, generator or torch.default_generator)

    def generate(self, z: Tensor) -> Tensor:
        """Generate an image whose sides every scale can halve."""
        return torch.sigmoid(self.last(self.scales(z).float()))


def build(options: Options, inputs: int, outputs: int, generator: torch.Generator) -> nn.Module:
    """Build the network; see `Skip`."""
    return Skip(inputs, outputs, options, generator)
