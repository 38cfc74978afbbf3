"""The hourglass network on a CUDA device, of fused kernels and cuDNN's convolutions."""

from typing import Any, final

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd import Function

from dip_lightning.generators.fused.functions import (
    MULTIPLE,
    Border,
    Joined,
    Normalised,
    Output,
    channels_joined,
    padded,
)
from dip_lightning.generators.layers import AnySize, Conv
from dip_lightning.generators.skip import Scale, Skip

SLOPES = {nn.LeakyReLU: 0.2, nn.ReLU: 0.0, nn.Identity: 1.0}


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
        self.network, self.rounded = network, _Rounded(network, dtype)

    def generate(self, z: Tensor) -> Tensor:
        """Generate an image whose sides every scale can halve."""
        scales, last = self.network.scales, self.network.last
        weights = self.rounded()
        v, norm, slope = _scale(scales, padded(z, _border(scales.down[0])), weights)
        image: Tensor = Output.apply(v, *_affine(norm), slope, last.weight, last.bias)  # type: ignore[no-untyped-call]
        return image


def _scale(
    scale: Scale, x: Tensor, weights: dict[nn.Module, Tensor]
) -> tuple[Tensor, nn.BatchNorm2d, float]:
    """Transform x, padded, up to what is left to normalise and bend."""
    s = None
    if scale.skip is not None:
        conv, norm, bend = scale.skip
        frame = _border(scale.down[0]).pad
        s = _normalised(F.conv2d(x, weights[conv]), norm, bend, frame=frame)
    conv, norm, bend, refine, *rest = scale.down
    v = F.conv2d(x, weights[conv], stride=2)
    v = F.conv2d(_normalised(v, norm, bend, _border(refine)), weights[refine])
    norm, slope, deeper = rest[0], SLOPES[type(rest[1])], rest[2:]
    if deeper:
        x = _normalised(v, *rest[:2], _border(deeper[0].down[0]))
        v, norm, slope = _scale(deeper[0], x, weights)
    a = Normalised.apply(v, *_affine(norm), slope, 0, Border())  # type: ignore[no-untyped-call]
    join, border = scale.join, _border(scale.join.conv)
    joined = Joined.apply(s, a, *_affine(join.norm), join.mode, border)  # type: ignore[no-untyped-call]
    v = F.conv2d(joined, weights[join.conv])
    norm, bend, *rest = scale.up
    if rest:
        conv, last, last_bend = rest
        v = F.conv2d(_normalised(v, norm, bend), weights[conv])
        norm, bend = last, last_bend
    return v, norm, SLOPES[type(bend)]


def _normalised(
    v: Tensor, norm: nn.BatchNorm2d, bend: nn.Module, border: Border = Border(), frame: int = 0
) -> Tensor:
    slope = SLOPES[type(bend)]
    result: Tensor = Normalised.apply(v, *_affine(norm), slope, frame, border)  # type: ignore[no-untyped-call]
    return result


def _affine(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor, float]:
    return norm.weight, norm.bias, norm.eps


def _border(conv: nn.Module) -> Border:
    assert isinstance(conv, Conv)
    return Border(conv.kernel_size[0] // 2, conv.border == "reflect")


class _Rounded:
    """The weights of all convolutions in the activations' number format, as kernels want them.

    Channels are filled up with zeros to a multiple of 8, and a's come first where `Joined` has
    them so. What the convolutions read stays in place: only its values are new in each iteration.
    """

    def __init__(self, network: Skip, dtype: torch.dtype) -> None:
        scales = [m for m in network.modules() if isinstance(m, Scale)]
        joins = {scale.join.conv: scale.join.skip for scale in scales}
        narrow = {scale.skip[0] for scale in scales if scale.skip is not None}
        self.convs = [m for m in network.scales.modules() if isinstance(m, Conv)]
        self.targets: list[Tensor] = []
        self.parts: list[tuple[int, ...]] = []
        for conv in self.convs:
            outputs, inputs, *kernel = conv.weight.shape
            own = joins.get(conv, 0)
            rows = -(-outputs // MULTIPLE) * MULTIPLE if conv in narrow else outputs
            columns = channels_joined(own, inputs - own) if conv in joins else inputs
            target = torch.zeros(rows, columns, *kernel, dtype=dtype, device=conv.weight.device)
            self.targets.append(target.contiguous(memory_format=torch.channels_last))
            self.parts.append((own, columns))

    def __call__(self) -> dict[nn.Module, Tensor]:
        """Round all weights."""
        weights = [conv.weight for conv in self.convs]
        rounded = _Copied.apply(self.targets, self.parts, *weights)  # type: ignore[no-untyped-call]
        return dict(zip(self.convs, rounded, strict=True))


class _Copied(Function):
    """Copy weights to where they are wanted, all that lie in one piece at once."""

    @staticmethod
    def forward(
        ctx: Any, targets: list[Tensor], parts: list[tuple[int, ...]], *weights: Tensor
    ) -> tuple[Tensor, ...]:
        ctx.parts, ctx.like = parts, weights
        _copy([_pieces(t, w, p) for t, w, p in zip(targets, weights, parts, strict=True)])
        return tuple(target.detach() for target in targets)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        results = [torch.empty_like(w) for w in ctx.like]
        pairs = zip(gradients, results, ctx.parts, strict=True)
        _copy([[(r, g) for g, r in _pieces(g, r, p)] for g, r, p in pairs])
        return None, None, *results


def _pieces(wide: Tensor, weight: Tensor, part: tuple[int, ...]) -> list[tuple[Tensor, Tensor]]:
    # Where each piece of a weight lies in its wider form.
    own, columns = part
    outputs, inputs = weight.shape[:2]
    wide = wide[:outputs]
    if not own and columns == inputs:
        return [(_flat(wide), _flat(weight))]
    deep = inputs - own
    pairs = [(wide[:, :deep], weight[:, own:]), (wide[:, deep:inputs], weight[:, :own])]
    return pairs if own else pairs[:1]


def _flat(weight: Tensor) -> Tensor:
    return weight.contiguous(memory_format=torch.channels_last).permute(0, 2, 3, 1).view(-1)


def _copy(pairs: list[list[tuple[Tensor, Tensor]]]) -> None:
    flat = [pair for group in pairs for pair in group if pair[0].ndim == 1]
    torch._foreach_copy_([to for to, _ in flat], [of for _, of in flat])
    for group in pairs:
        for to, of in group:
            if to.ndim > 1:
                to.copy_(of)
