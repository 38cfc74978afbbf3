import pytest
import torch

from dip_lightning.errors import UserError
from dip_lightning.generators.skip import Options, Skip

NARROW = [16, 32, 64, 128, 128]
TINY = {"down": [4, 6], "up": [4, 5], "skip": [2, 0]}


def make(inputs=3, outputs=3, seed=0, **options):
    return Skip(inputs, outputs, Options(**options), torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(
    ("inputs", "outputs", "options", "parameters"),
    [
        (32, 3, {}, 2_217_831),
        (32, 1, {}, 2_217_573),
        (3, 3, {"down": (d := [8, 16, 32, 64, 128]), "up": d, "skip": [0, 0, 0, 4, 4]}, 572_827),
        (
            32,
            3,
            {"down": NARROW, "up": NARROW, "skip": [0] * 5, "downsampling": "average"},
            1_027_379,
        ),
        (32, 3, {"skip": [128] * 5, "upsampling": ["nearest"]}, 3_002_627),
        (2, 3, {"skip": [0] * 5, "upsampling": ["nearest"]}, 2_157_955),
        (
            1,
            3,
            {
                "down": (wide := [*NARROW, 128]),
                "up": wide,
                "skip": [0] * 6,
                "kernel_down": 5,
                "last_1x1": False,
                "upsampling": ["nearest"],
            },
            2_996_467,
        ),
    ],
)
def test_has_as_many_parameters_as_the_reference(inputs, outputs, options, parameters):
    network = make(inputs, outputs, **options)
    assert sum(p.numel() for p in network.parameters()) == parameters


@pytest.mark.parametrize("size", [(8, 8), (8, 31), (17, 13), (32, 32), (33, 40)])
@pytest.mark.parametrize("channels", [1, 3, 5])
def test_takes_any_size_and_channels(size, channels):
    x_hat = make(3, channels, **TINY)(torch.rand(1, 3, *size))
    assert x_hat.shape == (1, channels, *size)
    assert x_hat.min() > 0
    assert x_hat.max() < 1


@pytest.mark.parametrize("size", [(8, 8), (9, 15), (33, 65)])
def test_five_scales_take_eight_pixels(size):
    network = make(3, 1, down=[4] * 5, up=[4] * 5, skip=[2] * 5, kernel_down=5)
    assert network(torch.rand(1, 3, *size)).isfinite().all()


def test_a_size_that_fits_is_left_alone():
    network = make(**TINY)
    z = torch.rand(1, 3, 16, 24)
    unpadded = torch.sigmoid(network.last(network.scales(z)))
    assert torch.equal(network(z), unpadded)


@pytest.mark.parametrize(
    "option",
    [
        {"kernel_down": 5, "kernel_up": 1, "kernel_skip": 3},
        {"upsampling": ["nearest", "bilinear"]},
        *({"downsampling": d} for d in ("stride", "average", "max", "lanczos2", "lanczos3")),
        {"padding": "zeros"},
        *({"activation": a} for a in ("leaky_relu", "relu", "elu", "silu", "identity")),
        {"last_1x1": False},
    ],
    ids=str,
)
def test_every_option_gives_a_gradient_everywhere(option):
    network = make(**{**TINY, **option})
    network(torch.rand(1, 3, 17, 13)).square().mean().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name


def test_weights_come_from_the_generator_alone():
    torch.manual_seed(1)
    first = make(seed=7, **TINY)
    torch.manual_seed(2)
    second, third = make(seed=7, **TINY), make(seed=8, **TINY)
    z = torch.rand(1, 3, 16, 16)
    assert torch.equal(first(z), second(z))
    assert not torch.equal(first(z), third(z))


def test_bfloat16_is_close_to_float32():
    network, z = make(**TINY), torch.rand(1, 3, 17, 13)
    low = network(z.bfloat16())
    assert low.dtype == torch.float32
    torch.testing.assert_close(low, network(z), rtol=0, atol=0.05)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"skip": [4]}, "network.skip"),
        ({"down": []}, "network.down"),
        ({"up": [0] * 5}, "network.up"),
        ({"kernel_up": 2}, "network.kernel_up=2"),
        ({"upsampling": ["cubic"]}, "network.upsampling=cubic: choose one of nearest, bilinear"),
        ({"activation": "tanh"}, "network.activation=tanh"),
        ({"padding": "wrap"}, "network.padding=wrap"),
    ],
)
def test_refuses_what_makes_no_network(options, named):
    with pytest.raises(UserError, match=named.replace(".", r"\.")):
        Options(**options)
