import pytest
import torch

from dip_lightning.errors import UserError
from dip_lightning.generators.resnet import Options, Residual, ResNet
from tests.generators.laws import check_generator, make

TINY = {"blocks": 2, "channels": 4}


def test_is_a_generator():
    check_generator(ResNet, Options(**TINY))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"blocks": 0}, "network.blocks=0: expected 1 or more"),
        ({"activation": "tanh"}, "network.activation=tanh: choose one of"),
    ],
)
def test_refuses_what_makes_no_network(options, sentence):
    with pytest.raises(UserError, match=sentence):
        Options(**options)


def test_has_as_many_parameters_as_its_description():
    network = make(ResNet, Options(), inputs=32)
    conv = 32 * 32 * 9 + 32
    expected = conv + 10 * 2 * (conv + 2 * 32) + 32 * 3 * 9 + 3
    assert sum(p.numel() for p in network.parameters()) == expected


def test_a_block_that_changes_nothing_returns_its_input():
    block, x = Residual(Options(**TINY)), torch.rand(1, 4, 7, 5)
    torch.nn.init.zeros_(block.body[-1].weight)
    assert torch.equal(block(x), x)
