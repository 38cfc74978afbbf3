import pytest
import torch
import torch.nn.functional as F

from dip_lightning.generators.fused.functions import (
    Aside,
    Convolved,
    Joined,
    Normalised,
    Padded,
    channels_joined,
)
from dip_lightning.generators.fused.launching import Border
from dip_lightning.generators.upsampling import upsampled
from tests.generators.fused.conftest import DEVICE, assert_near, draw, exact

EPSILON = 1e-5
BORDERS = [Border(), Border(1), Border(2), Border(1, mirrored=False)]


def normal(x, weight, bias):
    return F.batch_norm(x, None, None, weight, bias, training=True, eps=EPSILON)


def pad(x, border):
    mode = "reflect" if border.mirrored else "constant"
    return F.pad(x, (border.pad,) * 4, mode=mode) if border.pad else x


def assert_gradients(found, wanted, leaves, references, tolerance=1e-4):
    gradient = draw(*found.shape, seed=9)
    ours = torch.autograd.grad(found, leaves, gradient.clone())
    theirs = torch.autograd.grad(wanted, references, gradient.double()[:, : wanted.shape[1]])
    for one, other in zip(ours, theirs, strict=True):
        assert_near(one, other, tolerance)


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("size", [(4, 4), (5, 9), (16, 7)])
def test_normalised(border, size, sharing):
    leaves = [t.requires_grad_() for t in (draw(1, 5, *size), draw(5, seed=1), draw(5, seed=2))]
    references = exact(*leaves)
    found = Normalised.apply(*leaves, EPSILON, 0.2, 0, border)
    wanted = pad(F.leaky_relu(normal(*references), 0.2), border)
    assert_near(found, wanted)
    assert_gradients(found, wanted, leaves, references)


def test_normalised_inside_of_a_frame_and_of_channels(sharing):
    v = draw(1, 8, 9, 11).requires_grad_()
    weight, bias = draw(3, seed=1).requires_grad_(), draw(3, seed=2).requires_grad_()
    references = exact(v, weight, bias)
    found = Normalised.apply(v, weight, bias, EPSILON, 0.0, 1, Border())
    inside = references[0][:, :3, 1:-1, 1:-1]
    wanted = F.relu(normal(inside, *references[1:]))
    assert_near(found, wanted)
    assert_gradients(found, wanted, [v, weight, bias], references)


@pytest.mark.parametrize("mode", ["nearest", "bilinear"])
@pytest.mark.parametrize("border", [Border(1), Border(2), Border(1, mirrored=False)])
@pytest.mark.parametrize("own", [0, 3])
def test_joined(mode, border, own, sharing):
    a, s = draw(1, 5, 3, 4), draw(1, own, 6, 8, seed=3) if own else None
    weight, bias = draw(5 + own, seed=1), draw(5 + own, seed=2)
    leaves = [t.requires_grad_() for t in (a, weight, bias, *([s] if own else []))]
    references = exact(*leaves)
    found = Joined.apply(s, a, weight, bias, EPSILON, mode, border)
    below, scale, shift, *aside = references
    wanted = normal(torch.cat([*aside, upsampled(below, mode)], 1), scale, shift)
    wanted = pad(torch.cat([wanted[:, own:], wanted[:, :own]], 1), border)
    assert_near(found[:, : 5 + own], wanted)
    assert not found[:, 5 + own :].any()
    assert found.shape[1] == channels_joined(own, 5)
    assert_gradients(found, wanted, leaves, references)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("of_input", [True, False])
@pytest.mark.parametrize("beside", [True, False])
def test_convolved(stride, of_input, beside):
    if beside and DEVICE.type != "cuda":
        pytest.skip("needs a CUDA device")
    x, w = draw(1, 5, 10, 12).requires_grad_(of_input), draw(4, 5, 3, 3, seed=1).requires_grad_()
    wide, narrow = exact(x, w)
    aside = Aside(DEVICE) if beside else None
    found = Convolved.apply(x, w, stride, aside)
    wanted = F.conv2d(wide, narrow, stride=stride)
    assert_near(found, wanted)
    gradient = draw(*found.shape, seed=9)
    leaves, references = ([x, w], [wide, narrow]) if of_input else ([w], [narrow])
    if aside is not None:
        aside.fork()
    ours = torch.autograd.grad(found, leaves, gradient)
    if aside is not None:
        aside.join()
    theirs = torch.autograd.grad(wanted, references, gradient.double())
    for one, other in zip(ours, theirs, strict=True):
        assert_near(one, other, 1e-4)


@pytest.mark.parametrize("border", BORDERS)
def test_padded(border):
    z = draw(1, 4, 6, 7)
    assert torch.equal(Padded(4, DEVICE, border)(z), pad(z, border))


@pytest.mark.parametrize(
    ("own", "deep", "channels"),
    [(0, 128, 128), (4, 128, 160), (4, 64, 128), (0, 64, 64), (4, 16, 24), (128, 128, 256)],
)
def test_channels_that_convolutions_like(own, deep, channels):
    assert channels_joined(own, deep) == channels
