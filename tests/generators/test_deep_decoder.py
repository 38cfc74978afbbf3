import pytest

from dip_lightning.errors import UserError
from dip_lightning.generators.deep_decoder import DeepDecoder, Options
from tests.generators.laws import check_generator, make

TINY = {"scales": 3, "channels": 6}


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
