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


class Scaled(torch.autograd.Function):
    """A gradient that is wrong by a twentieth."""

    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, u):
        return 1.05 * u


class Rounded(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.round()

    @staticmethod
    def backward(ctx, u):
        return u


class Detached(torch.nn.Module):
    """Its result has a gradient, but not with respect to x."""

    def __init__(self):
        super().__init__()
        self.gain = torch.nn.Parameter(torch.ones(()))

    def forward(self, x):
        return self.gain * x.detach()


class Plain(torch.nn.Module):
    """Its kernel is no buffer, and stays in float32."""

    def __init__(self, channels):
        super().__init__()
        self.kernel = torch.ones(channels, 1, 3, 3) / 9

    def forward(self, x):
        return torch.nn.functional.conv2d(x, self.kernel, groups=len(self.kernel))


class Physics(torch.nn.Module):
    """As those of deepinv: its call adds noise."""

    def forward(self, x):
        y = self.A(x)
        return y + torch.rand_like(y)

    def A(self, x):  # noqa: N802 - deepinv's name
        return x.mean(3)

    def A_adjoint(self, y):  # noqa: N802
        raise NotImplementedError


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
        (lambda x: 1e-7 * x.square(), {}, "A: is not linear, A.2 x - 3 z. is not"),
        (Scaled.apply, {}, "A: its gradient is not its adjoint"),
        (Scaled.apply, {"is_linear": False}, "A: its gradient is not that of a"),
        (Rounded.apply, {"is_linear": False}, "A: its gradient is not that of a"),
        (lambda x: (x + x.detach()) ** 2, {"is_linear": False}, "A: its gradient is not that of a"),
        (lambda x: 2 * x, {"keeps_constants": True}, "A: does not keep constants"),
        (lambda x: x + torch.rand_like(x), {}, "A: returns something else when it is asked again"),
        (lambda x: x.half(), {}, "A: returns torch.float16 for an image of torch.float32"),
        (lambda x: x.detach(), {}, "A: has no gradient"),
        (lambda x: 1 / (x * 0), {}, "A: returns values that are not finite"),
        (lambda x: (0 * x).sqrt(), {"is_linear": False}, "A: has a gradient that is not finite"),
        (lambda x: x.tolist(), {}, "A: returns list, expected a tensor"),
        (lambda x: torch.from_numpy(2 * x.numpy()), {}, "A: has no gradient, .* .RuntimeError: "),
        (Detached(), {}, "A: has no gradient"),
        (lambda x: x.mul_(2), {}, "A: changes the image that it is given"),
        (lambda x: x[..., 20:], {}, r"A: returns nothing, a tensor of shape .1, 3, 17, 0."),
        (lambda x: x @ x, {}, r"A: cannot compute an image of shape .1, 3, 17, 13. .RuntimeError"),
        (Blur(torch.ones(19, 19)), {}, "x: is 13 x 17 pixels, expected at least 19 x 19"),
    ],
)
def test_a_broken_law_is_named(broken, claims, said):
    with pytest.raises(UserError, match=said):
        library.check(broken, SHAPE, **claims)


@pytest.mark.parametrize("apply", [Scaled.apply, WrongGradient.apply])
@pytest.mark.parametrize("is_linear", [True, False])
def test_a_wrong_gradient_is_found_in_a_large_image(apply, is_linear):
    with pytest.raises(UserError, match="A: its gradient is not"):
        library.check(apply, (3, 512, 512), is_linear=is_linear)


OWN = {
    "complex": torch.fft.rfft2,
    "mean": lambda x: x.mean(3),
    "plain attribute": Plain(3),
    "small": lambda x: 1e-6 * x,
    "physics": Physics(),
}


@pytest.mark.parametrize("shape", [(3, 9, 8), (3, 200, 301)])
@pytest.mark.parametrize("operator", OWN.values(), ids=OWN)
def test_one_of_ones_own_keeps_them(operator, shape):
    library.check(operator, shape)


CURVED = {
    "exp": torch.exp,
    "steep": lambda x: (10 * x - 5).sigmoid(),
    "clipped": lambda x: (2 * x).clamp(0, 1),
    "module": torch.nn.Hardtanh(0, 0.5),
    "faint": lambda x: 1e-6 * x.square(),
}


@pytest.mark.parametrize("shape", [SHAPE, (3, 200, 301)])
@pytest.mark.parametrize("operator", CURVED.values(), ids=CURVED)
def test_one_that_is_not_linear_does_too(operator, shape):
    library.check(operator, shape, is_linear=False)


def test_gradients_may_be_off_outside():
    with torch.no_grad():
        library.check(lambda v: v.mean(3), (3, 9, 8))
