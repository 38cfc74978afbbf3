"""The fit as a notebook writes it: plain PyTorch modules, nothing done for speed."""

import torch
from torch import Tensor, nn

from dip_lightning.generators.layers import Conv, UpsampledConv
from dip_lightning.generators.skip import Join

PADDINGS = {"reflect": nn.ReflectionPad2d, "zeros": nn.ZeroPad2d}


class WrittenJoin(nn.Module):
    """Upsample, join, normalise, pad and convolve, one after the other."""

    def __init__(self, join: Join) -> None:
        super().__init__()
        self.upsample = _upsample(join.mode)
        self.norm, self.conv = join.norm, _plain(join.conv)

    def forward(self, s: Tensor | None, x: Tensor) -> Tensor:
        """See `Join`."""
        parts = [] if s is None else [s]
        return self.conv(self.norm(torch.cat([*parts, self.upsample(x)], dim=1)))


def written_out(network: nn.Module) -> nn.Module:
    """Replace the suite's layers by what they stand for, with the same parameters, in place."""
    for name, child in list(network.named_children()):
        if isinstance(child, Join):
            setattr(network, name, WrittenJoin(child))
        elif isinstance(child, UpsampledConv):
            setattr(network, name, nn.Sequential(_upsample(child.mode), _plain(child)))
        elif isinstance(child, Conv):
            setattr(network, name, _plain(child))
        else:
            written_out(child)
    return network


def _upsample(mode: str) -> nn.Module:
    align = None if mode == "nearest" else False
    return nn.Upsample(scale_factor=2, mode=mode, align_corners=align)


def _plain(conv: Conv) -> nn.Module:
    plain = nn.Conv2d(conv.in_channels, conv.out_channels, conv.kernel_size, conv.stride)
    plain.weight, plain.bias = conv.weight, conv.bias
    reach = conv.kernel_size[0] // 2
    return nn.Sequential(PADDINGS[conv.border](reach), plain) if reach else plain
