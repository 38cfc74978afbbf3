import pytest

from dip_lightning.errors import UserError
from dip_lightning.generators.unet import Options, UNet
from tests.generators.laws import check_generator, make

TINY = {"feature_scale": 16}


def test_is_a_generator():
    check_generator(UNet, Options(**TINY))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"feature_scale": 0}, "network.feature_scale=0: expected 1 to 64"),
        ({"norm": "layer"}, "network.norm=layer: choose one of batch, instance"),
        (
            {"upsampling": "cubic"},
            "network.upsampling=cubic: choose one of nearest, bilinear, deconv",
        ),
    ],
)
def test_refuses_what_makes_no_network(options, sentence):
    with pytest.raises(UserError, match=sentence):
        Options(**options)


@pytest.mark.parametrize(
    "option",
    [{"upsampling": u} for u in ("nearest", "bilinear", "deconv")]
    + [{"norm": "instance"}, {"padding": "zeros"}],
    ids=str,
)
def test_every_option_is_a_generator(option):
    check_generator(UNet, Options(**{**TINY, **option}))


def test_has_as_many_parameters_as_the_reference():
    network = make(UNet, Options(), inputs=32)
    assert sum(p.numel() for p in network.parameters()) == 2_164_899
