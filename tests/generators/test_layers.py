import numpy as np
import pytest
import torch
from torch import nn

from dip_lightning.generators.layers import (
    Conv,
    conv_down,
    initialise,
    reflected_indices,
)


@pytest.mark.parametrize("kernel", [1, 3, 5])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("padding", ["reflect", "zeros"])
def test_conv_equals_pytorchs_own_padding(kernel, stride, padding, generator):
    ours = Conv(3, 4, kernel, stride=stride, padding=padding)
    initialise(ours, generator)
    theirs = nn.Conv2d(3, 4, kernel, stride, kernel // 2, padding_mode=padding)
    theirs.load_state_dict(ours.state_dict())
    x = torch.rand(1, 3, 17, 13, generator=generator)
    torch.testing.assert_close(ours(x), theirs(x))


def test_conv_follows_the_precision_of_its_input(generator):
    conv = Conv(3, 4, 3)
    x = torch.rand(1, 3, 9, 7, generator=generator)
    low = conv(x.bfloat16())
    assert low.dtype == torch.bfloat16
    low.float().sum().backward()
    assert conv.weight.grad.dtype == torch.float32
    torch.testing.assert_close(low.float(), conv(x), rtol=0.02, atol=0.02)


@pytest.mark.parametrize("mode", ["stride", "average", "max", "lanczos2", "lanczos3"])
def test_conv_down_halves(mode):
    layers = nn.Sequential(*conv_down(3, 5, 3, mode=mode, padding="reflect"))
    assert layers(torch.rand(1, 3, 16, 12)).shape == (1, 5, 8, 6)
    assert sum(p.numel() for p in layers.parameters()) == 5 * 3 * 9 + 5


def test_initialise_matches_pytorchs_distribution(generator):
    conv = Conv(64, 64, 3)
    default = conv.weight.detach().clone()
    initialise(conv, generator)
    assert not torch.equal(conv.weight, default)
    assert conv.weight.abs().max() <= default.abs().max() * 1.01
    assert abs(float(conv.weight.detach().std() / default.std()) - 1) < 0.02


@pytest.mark.parametrize(("size", "before", "after"), [(5, 2, 3), (3, 9, 10), (1, 4, 4), (2, 3, 0)])
def test_reflected_indices_equal_numpys_reflection(size, before, after):
    line = np.arange(size)
    expected = np.pad(line, (before, after), mode="reflect")
    assert reflected_indices(size, before, after).tolist() == expected.tolist()
