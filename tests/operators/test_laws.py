"""Laws that hold for every linear operator A, and what a broken one is told."""

import pytest
import torch

from dip_lightning import operators as library
from dip_lightning.errors import UserError
from dip_lightning.operators import Blur, Downsample, Mask, Mosaic, disk_kernel, random_mask
from tests.conftest import smooth_image

SHAPE = (3, 17, 13)


def operators():
    mask = random_mask(SHAPE, 0.4, per_channel=True, generator=torch.Generator().manual_seed(1))
    yield "mask", Mask(mask)
    for factor in (1, 2, 3, 4, 7, 13):
        for phase in (0.0, 0.5):
            yield f"lanczos2 x{factor} phase {phase}", Downsample(factor, "lanczos2", phase)
    yield "lanczos3 x4", Downsample(4, "lanczos3")
    yield "blur", Blur(disk_kernel(2.3))
    yield "mosaic", Mosaic("grbg")


@pytest.fixture(params=operators(), ids=lambda pair: pair[0])
def operator(request):
    return request.param[1].double()


def test_keeps_the_laws(operator):
    keeps_constants = not isinstance(operator, Mask)
    library.check(operator.float(), SHAPE, keeps_constants=keeps_constants)


def test_channels_do_not_mix(operator):
    if isinstance(operator, Mosaic):
        pytest.skip("one channel holds all of them")
    x = smooth_image(*SHAPE).double()
    alone = torch.cat([x[:, :1], torch.zeros_like(x[:, 1:])], dim=1)
    torch.testing.assert_close(operator(alone)[:, 0], operator(x)[:, 0])


class WrongGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.flip(3)

    @staticmethod
    def backward(ctx, u):
        return u  # of x, not of its mirror image


@pytest.mark.parametrize(
    ("broken", "claims", "said"),
    [
        (lambda x: x.square(), {}, "A: is not linear, A.2 x - 3 z. is not"),
        (WrongGradient.apply, {}, "A: its gradient is not its adjoint"),
        (lambda x: (x + x.detach()) ** 2, {"is_linear": False}, "A: its gradient is not that of a"),
        (lambda x: 2 * x, {"keeps_constants": True}, "A: does not keep constants"),
        (lambda x: x + torch.rand_like(x), {}, "A: returns something else when it is asked again"),
        (lambda x: x.half(), {}, "A: returns torch.float16 for an image of torch.float32"),
        (lambda x: x.detach(), {}, "A: has no gradient"),
        (lambda x: 1 / (x * 0), {}, "A: returns values that are not finite"),
        (lambda x: (0 * x).sqrt(), {"is_linear": False}, "A: has a gradient that is not finite"),
        (lambda x: x.tolist(), {}, "A: returns list, expected a tensor"),
    ],
)
def test_a_broken_law_is_named(broken, claims, said):
    with pytest.raises(UserError, match=said):
        library.check(broken, SHAPE, **claims)


@pytest.mark.parametrize(
    "operator", [torch.fft.rfft2, lambda x: x.mean(3)], ids=["complex", "mean"]
)
def test_one_of_ones_own_keeps_them(operator):
    library.check(operator, (3, 9, 8))


def test_one_that_is_not_linear_does_too():
    library.check(torch.exp, SHAPE, is_linear=False)
