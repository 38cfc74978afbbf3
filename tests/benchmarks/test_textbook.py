"""The generators equal what they stand for, written out; in float64."""

import copy

import pytest
import torch

from benchmarks.textbook import written_out
from dip_lightning.generators import skip, unet

SKIP = {"down": [6, 4], "up": [5, 4], "skip": [2, 3]}
NETWORKS = {
    "bilinear": (skip, SKIP),
    "nearest": (skip, {**SKIP, "upsampling": ["nearest"]}),
    "no skip": (skip, {**SKIP, "skip": [0, 0]}),
    "identity skip": (skip, {**SKIP, "identity_skip": True}),
    "wide kernels": (skip, {**SKIP, "kernel_up": 5, "kernel_down": 5, "padding": "zeros"}),
    "U-Net": (unet, {"feature_scale": 16}),
    "U-Net, nearest": (unet, {"feature_scale": 16, "upsampling": "nearest", "padding": "zeros"}),
}


@pytest.mark.parametrize("size", [(17, 13), (96, 70)], ids=str)
@pytest.mark.parametrize("name", NETWORKS)
def test_is_the_network_as_written(name, size):
    module, options = NETWORKS[name]
    draw = torch.Generator().manual_seed(0)
    network = module.build(module.Options(**options), 3, 2, draw).double()
    written = written_out(copy.deepcopy(network))
    for either in (network, written):
        either.last.float()  # the last layer computes in float32 whatever the others do
    z = torch.rand(1, 3, *size, generator=draw, dtype=torch.float64)
    x_hat, expected = network(z), written(z)
    torch.testing.assert_close(x_hat, expected, rtol=0, atol=1e-6)
    x_hat.square().sum().backward()
    expected.square().sum().backward()
    for found, wanted in zip(network.parameters(), written.parameters(), strict=True):
        largest = float(wanted.grad.abs().max())
        torch.testing.assert_close(found.grad, wanted.grad, rtol=0, atol=1e-6 + 1e-5 * largest)
