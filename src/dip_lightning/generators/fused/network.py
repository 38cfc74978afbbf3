"""The hourglass network on a CUDA device, of fused kernels and cuDNN's convolutions."""

from collections.abc import Sequence
from typing import Any, final

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from dip_lightning.generators.fused.functions import (
    MULTIPLE,
    Aside,
    Convolved,
    Joined,
    Normalised,
    Output,
    Padded,
    channels_joined,
    multiple,
)
from dip_lightning.generators.fused.launching import Border, arrange, channels_last
from dip_lightning.generators.layers import AnySize, Conv
from dip_lightning.generators.skip import Scale, Skip


@final
class Fused(AnySize):
    """What a `Skip` network computes, with the same parameters, in fewer passes over memory.

    Biases in front of a normalisation, which takes them away again, are left out: they get no
    gradient.

    Args:
        network: whose parameters are used.
        dtype: of the activations; normalisation and the last layer are float32.
    """

    def __init__(self, network: Skip, dtype: torch.dtype) -> None:
        super().__init__(network.multiple, network.least)
        self.network = network
        on_cuda = network.last.weight.is_cuda
        self.aside = Aside(network.last.weight.device) if on_cuda else None
        self.rounded = _Rounded(network, dtype, self.aside)
        first = network.scales.down[0]
        assert isinstance(first, Conv)  # noqa: S101 - narrows the type
        self.padded = Padded(first.in_channels, first.weight.device, _border(first))

    def most_values(self, z: Tensor) -> int:
        """Return how many values the largest tensor has at most, its border included."""
        pixels, options = 1, self.network.options
        pad = max(options.kernel_down, options.kernel_up)
        for side in z.shape[-2:]:
            pixels *= max(self.least, multiple(side, self.multiple)) + pad
        return pixels * max(max(target.shape[:2]) for target in self.rounded.targets)

    def generate(self, z: Tensor) -> Tensor:
        """Generate an image whose sides every scale can halve."""
        scales, matrix = self.network.scales, self.network.last
        v, norm, bend = self._scale(scales, self.padded(z), self.rounded())
        slope = _slope(bend)
        image: Tensor = Output.apply(v, *_affine(norm), slope, matrix.weight, matrix.bias)  # type: ignore[no-untyped-call]
        return image

    def _scale(
        self, scale: Scale, x: Tensor, weights: dict[nn.Module, Tensor]
    ) -> tuple[Tensor, nn.BatchNorm2d, nn.Module]:
        """Transform x, padded, up to what is left to normalise and bend."""
        s, plain = None, Border()
        down: list[Any] = list(scale.down)
        conv, norm, bend, refine, *rest = down
        if scale.skip is not None:
            narrow: list[Any] = list(scale.skip)  # type: ignore[call-overload]
            own, frame = _pointwise(x, weights[narrow[0]]), _border(conv).pad
            s = _normalised(own, narrow[1], narrow[2], plain, frame)
        v = self._convolved(x, weights[conv], 2)
        v = self._convolved(_normalised(v, norm, bend, _border(refine)), weights[refine])
        norm, bend, *deeper = rest
        if deeper:
            x = _normalised(v, norm, bend, _border(deeper[0].down[0]))
            v, norm, bend = self._scale(deeper[0], x, weights)
        a, join = _normalised(v, norm, bend, plain), scale.join
        joined = Joined.apply(s, a, *_affine(join.norm), join.mode, _border(join.conv))  # type: ignore[no-untyped-call]
        v = self._convolved(joined, weights[join.conv])
        up: list[Any] = list(scale.up)
        norm, bend, *rest = up
        if rest:
            v = self._convolved(_normalised(v, norm, bend, plain), weights[rest[0]])
            norm, bend = rest[1:]
        return v, norm, bend

    def _convolved(self, x: Tensor, weight: Tensor, stride: int = 1) -> Tensor:
        y: Tensor = Convolved.apply(x, weight, stride, self.aside)  # type: ignore[no-untyped-call]
        return y


def _pointwise(x: Tensor, weight: Tensor) -> Tensor:
    # A 1x1 convolution is a product of matrices, in this layout without a copy.
    return F.linear(x.permute(0, 2, 3, 1), weight.flatten(1)).permute(0, 3, 1, 2)


def _normalised(
    v: Tensor, norm: nn.BatchNorm2d, bend: nn.Module, border: Border, frame: int = 0
) -> Tensor:
    slope = _slope(bend)
    result: Tensor = Normalised.apply(v, *_affine(norm), slope, frame, border)  # type: ignore[no-untyped-call]
    return result


def _slope(bend: nn.Module) -> float:
    if isinstance(bend, nn.LeakyReLU):
        return bend.negative_slope
    return 0.0 if isinstance(bend, nn.ReLU) else 1.0


def _affine(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor, float]:
    return norm.weight, norm.bias, norm.eps


def _border(conv: nn.Module) -> Border:
    assert isinstance(conv, Conv)  # noqa: S101 - narrows the type
    return Border(conv.kernel_size[0] // 2, conv.border == "reflect")


class _Rounded:
    """The weights of all convolutions in the activations' number format, as kernels want them.

    Channels are filled up with zeros, and a's come first where `Joined` has them so. What the
    convolutions read stays in place: only its values are new in each iteration.
    """

    def __init__(self, network: Skip, dtype: torch.dtype, aside: Aside | None) -> None:
        self.aside = aside
        scales = [m for m in network.modules() if isinstance(m, Scale)]
        joins = {scale.join.conv: scale.join.skip for scale in scales}
        narrow = {scale.skip[0] for scale in scales if isinstance(scale.skip, nn.Sequential)}
        self.convs = [m for m in network.scales.modules() if isinstance(m, Conv)]
        self.targets: list[Tensor] = []
        self.owns: list[int | None] = []
        for conv in self.convs:
            rows, columns, *kernel = conv.weight.shape
            if conv in narrow:
                rows = multiple(rows, MULTIPLE)
            own = joins.get(conv)
            if own is not None:
                columns = channels_joined(own, columns - own)
            target = torch.zeros(rows, columns, *kernel, dtype=dtype, device=conv.weight.device)
            self.targets.append(channels_last(target))
            self.owns.append(own)

    def __call__(self) -> dict[nn.Module, Tensor]:
        """Round all weights."""
        weights = [conv.weight for conv in self.convs]
        rounded = _Copied.apply(self.targets, self.owns, self.aside, *weights)  # type: ignore[no-untyped-call]
        return dict(zip(self.convs, rounded, strict=True))


class _Copied(Function):
    """Copy weights to where they are wanted; those of joining convolutions are arranged."""

    @staticmethod
    def forward(
        ctx: Any, targets: list[Tensor], owns: list[int | None],
        aside: Aside | None, *weights: Tensor,
    ) -> tuple[Tensor, ...]:  # fmt: skip
        ctx.of = owns, aside, weights
        if aside is not None:
            aside.fork()
        _copy(weights, targets, owns, back=False)
        return tuple(target.detach() for target in targets)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        owns, aside, weights = ctx.of
        if aside is not None:
            aside.join()
        results = [channels_last(torch.empty_like(weight)) for weight in weights]
        _copy(results, gradients, owns, back=True)
        return None, None, None, *results


def _copy(
    weights: Sequence[Tensor], wide: Sequence[Tensor], owns: list[int | None], *, back: bool
) -> None:
    whole = []
    for weight, wider, own in zip(weights, wide, owns, strict=True):
        if own is None:
            whole.append((_flat(wider)[: weight.numel()], _flat(weight)))
        else:
            arrange(channels_last(weight), channels_last(wider), own, back=back)
    wides, narrow = ([pair[i] for pair in whole] for i in (0, 1))
    torch._foreach_copy_(*((narrow, wides) if back else (wides, narrow)))


def _flat(weight: Tensor) -> Tensor:
    return channels_last(weight).permute(0, 2, 3, 1).view(-1)
