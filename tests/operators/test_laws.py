"""Laws that hold for every linear operator A."""

import pytest
import torch

from dip_lightning.operators import Downsample, Mask, Mosaic, random_mask
from tests.conftest import smooth_image

SHAPE = (3, 17, 13)


def operators():
    mask = random_mask(SHAPE, 0.4, per_channel=True, generator=torch.Generator().manual_seed(1))
    yield "mask", Mask(mask)
    for factor in (1, 2, 3, 4, 7, 13):
        for phase in (0.0, 0.5):
            yield f"lanczos2 x{factor} phase {phase}", Downsample(factor, "lanczos2", phase)
    yield "lanczos3 x4", Downsample(4, "lanczos3")
    yield "mosaic", Mosaic("grbg")


@pytest.fixture(params=operators(), ids=lambda pair: pair[0])
def operator(request):
    return request.param[1].double()


def test_is_linear(operator):
    a, b = smooth_image(*SHAPE, seed=1).double(), smooth_image(*SHAPE, seed=2).double()
    combined = operator(2 * a - 3 * b)
    torch.testing.assert_close(combined, 2 * operator(a) - 3 * operator(b), rtol=0, atol=1e-12)


def test_gradient_is_the_adjoint(operator):
    x = smooth_image(*SHAPE, seed=1).double().requires_grad_()
    y = operator(x)
    u = torch.randn(y.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    (adjoint,) = torch.autograd.grad(y, x, u)
    v = torch.randn(x.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(4))
    torch.testing.assert_close((operator(v) * u).sum(), (v * adjoint).sum())


def test_channels_do_not_mix(operator):
    if isinstance(operator, Mosaic):
        pytest.skip("one channel holds all of them")
    x = smooth_image(*SHAPE).double()
    alone = torch.cat([x[:, :1], torch.zeros_like(x[:, 1:])], dim=1)
    torch.testing.assert_close(operator(alone)[:, 0], operator(x)[:, 0])


def test_keeps_float32(operator):
    assert operator.float()(smooth_image(*SHAPE)).dtype == torch.float32
