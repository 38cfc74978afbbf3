import pytest
import torch

from dip_lightning.errors import UserError
from dip_lightning.generators.deep_decoder import DeepDecoder, Options
from tests.generators.laws import check_generator, make

TINY = {"scales": 2, "channels": 6}


def test_is_a_generator():
    check_generator(DeepDecoder, Options(**TINY))


@pytest.mark.parametrize(
    ("options", "sentence"), [({"scales": 0}, "network.scales=0: expected 1 or more")]
)
def test_refuses_what_makes_no_network(options, sentence):
    with pytest.raises(UserError, match=sentence):
        Options(**options)


def test_has_as_many_parameters_as_its_description():
    """Six 1x1 convolutions of 128 channels with biases, two numbers a channel to normalise."""
    network = make(DeepDecoder, Options(), inputs=128)
    expected = 6 * (128 * 128 + 128 + 2 * 128) + 128 * 3 + 3
    assert sum(p.numel() for p in network.parameters()) == expected


def test_an_image_that_leaves_one_pixel_is_refused():
    network = make(DeepDecoder, Options(scales=4, channels=6))
    with pytest.raises(UserError, match=r"network.scales=4: expected an image of more than 16 pix"):
        network(torch.rand(1, 4, 16, 13))
    shown = network(torch.rand(1, 4, 13, 17))
    assert float(shown.detach().std()) > 0
