import statistics

import pytest
import torch
from torch import nn

from dip_lightning.generators.fused.network import Fused
from dip_lightning.generators.skip import Options, build
from tests.generators.fused.conftest import DEVICE, assert_near, draw

CASES = {
    "bilinear": {"skip": [2, 0]},
    "nearest": {"skip": [2, 0], "upsampling": ["nearest"]},
    "mixed": {"skip": [0, 3], "upsampling": ["nearest", "bilinear"]},
    "no skip": {"skip": [0, 0], "last_1x1": False},
    "wide skip": {"skip": [6, 8], "activation": "relu"},
    "zeros": {"skip": [3, 2], "padding": "zeros"},
    "large kernels": {"skip": [2, 2], "kernel_down": 5, "kernel_up": 5, "padding": "zeros"},
    "large kernels, mirrored": {"skip": [2, 2], "kernel_down": 5, "kernel_up": 3},
    "no bend": {"skip": [4, 4], "activation": "identity"},
    "many channels": {"skip": [1, 1], "down": [4, 40], "up": [4, 40]},
}
EVEN = ["bilinear", "nearest"]  # the two ways to enlarge, where nothing is cut off


def network(outputs=3, inputs=3, **options):
    settings = {"down": [4, 6], "up": [4, 5], **options}
    made = build(Options(**settings), inputs, outputs, torch.Generator().manual_seed(1))
    for i, norm in enumerate(m for m in made.modules() if isinstance(m, nn.BatchNorm2d)):
        norm.weight.data.uniform_(0.5, 1.5, generator=torch.Generator().manual_seed(i))
        norm.bias.data.uniform_(-0.3, 0.3, generator=torch.Generator().manual_seed(99 - i))
    return made.to(DEVICE).to(memory_format=torch.channels_last)


def computed(compute, z, generator):
    """The image, and every parameter's gradient of a sum that weighs its pixels differently."""
    x = compute(z)
    weights = torch.linspace(-1, 1, x.numel(), dtype=x.dtype, device=x.device).view(x.shape)
    theta = dict(generator.named_parameters())
    found = torch.autograd.grad((x * weights).sum(), list(theta.values()), allow_unused=True)
    return x.detach(), dict(zip(theta, found, strict=True))


def assert_same(generator, z, tolerance=2e-4):
    found, gradients = computed(Fused(generator, torch.float32), z, generator)
    wanted, exact = computed(generator.double(), z.double(), generator)
    generator.float()
    assert found.dtype == torch.float32
    assert_near(found, wanted, 1e-5)
    size = max(float(g.norm()) for g in exact.values())
    for name, gradient in gradients.items():
        if gradient is None:  # a normalisation takes it away again
            assert name.endswith("bias")
            assert exact[name].norm() < 1e-10 * size, name
        else:
            error = (gradient.double() - exact[name]).norm()
            assert error <= tolerance * exact[name].norm() + 1e-6 * size, name


@pytest.mark.parametrize(
    ("case", "size"),
    [*((case, (17, 11)) for case in CASES), *((case, (8, 8)) for case in EVEN)],
)
def test_equals_the_network_as_written(case, size, sharing):
    assert_same(network(**CASES[case]), draw(1, 3, *size).abs())


@pytest.mark.parametrize("outputs", [1, 2, 4])
def test_images_of_any_channels(outputs, sharing):
    assert_same(network(outputs, inputs=2, skip=[2, 2]), draw(1, 2, 12, 8))


@pytest.mark.parametrize("mode", ["nearest", "bilinear"])
def test_bfloat16_is_as_near_as_the_network_as_written(mode, sharing):
    """To float64, gradients of weights in float32 among them."""
    generator = network(skip=[4, 4], down=[16, 16], up=[16, 16], upsampling=[mode])
    z = draw(1, 3, 16, 24).abs()
    wanted, exact = computed(generator.double(), z.double(), generator)
    generator.float()
    written, theirs = computed(generator, z.bfloat16(), generator)
    found, ours = computed(Fused(generator, torch.bfloat16), z.bfloat16(), generator)
    assert found.dtype == torch.float32
    errors = [(x.double() - wanted).abs().mean() for x in (found, written)]
    assert errors[0] < 1.5 * errors[1] + 1e-4
    ratios = []  # those of few values are left to chance
    for name, gradient in ours.items():
        if gradient is None or name.endswith("norm.bias"):  # which are nearly taken away, too
            continue
        assert gradient.dtype == torch.float32
        errors = [(g.double() - exact[name]).norm() for g in (gradient, theirs[name])]
        ratios.append(float(errors[0] / errors[1]))
    assert statistics.median(ratios) < 1.6


def test_weights_are_read_anew():
    generator, z = network(skip=[2, 2]), draw(1, 3, 8, 8).abs()
    fused = Fused(generator, torch.float32)
    before = fused(z).detach()
    with torch.no_grad():
        for p in generator.parameters():
            p.mul_(1.5)
    after = fused(z).detach()
    assert not torch.equal(after, before)
    assert_near(after, generator(z).detach().double())


@pytest.mark.skipif(DEVICE.type == "cpu", reason="needs CUDA: an interpreter has one order")
def test_the_same_sums_in_the_same_order(sharing):
    generator, z = network(skip=[2, 2]), draw(1, 3, 24, 40).abs()
    with torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False):
        first, second = (computed(Fused(generator, torch.float32), z, generator) for _ in range(2))
    assert torch.equal(first[0], second[0])
    for one, other in zip(first[1].values(), second[1].values(), strict=True):
        assert one is None or torch.equal(one, other)


def test_how_many_values_the_largest_layer_has():
    fused = Fused(network(skip=[4, 4], down=[16, 16], up=[16, 16]), torch.float32)
    assert fused.most_values(torch.empty(1, 3, 21, 33)) == (24 + 3) * (36 + 3) * 24
