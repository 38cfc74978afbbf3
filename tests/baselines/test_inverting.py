import pytest
import torch

from dip_lightning.baselines import adjoint_of, least_squares, nearest, polish_inverse
from dip_lightning.metrics import psnr
from dip_lightning.operators import Blur, gaussian_kernel
from tests.conftest import smooth_image
from tests.operators.damages import Fourier, Pooled

SHAPE = (2, 9, 12)


@pytest.mark.parametrize("A", [Pooled(3), Fourier(SHAPE).A], ids=["real", "complex"])
def test_the_adjoint(A, generator):  # noqa: N803
    v = torch.rand(1, *SHAPE, generator=generator)
    like = A(v)
    u = torch.randn(like.shape, dtype=like.dtype, generator=generator)
    moved, back = (A(v) * u.conj()).real.sum(), (v * adjoint_of(A, SHAPE)(u)).sum()
    torch.testing.assert_close(moved, back, rtol=1e-4, atol=1e-4)


def test_what_can_be_inverted_is():
    x = smooth_image(3, 15, 17)
    full = Fourier((15, 17), keep=2).A
    assert psnr(least_squares(full, full(x), (3, 15, 17)), x) > 80


def test_of_what_is_hidden_the_smoothest_is_taken():
    x = smooth_image(1, 8, 12)
    pooled = Pooled(3)
    found = least_squares(pooled, pooled(x), (1, 8, 12))
    torch.testing.assert_close(found, pooled(x).repeat_interleave(3, 3), rtol=0, atol=1e-4)


def test_it_ends_at_the_noise(generator):
    x = smooth_image(1, 31, 33)
    blur = Blur(gaussian_kernel(1.5))
    noise = 0.02 * torch.randn(blur(x).shape, generator=generator)
    y = blur(x) + noise
    told, untold = (least_squares(blur, y, (1, 31, 33), std) for std in (0.02, None))
    inner = (..., slice(6, -6), slice(6, -6))  # the blur shows nothing of the border
    assert psnr(told[inner], x[inner]) > psnr(untold[inner], x[inner]) + 3
    residual = (blur(told) - y).square().mean().sqrt()
    assert 0.01 < residual < 0.04


def test_what_is_unknown_does_not_count():
    x = smooth_image(1, 9, 12)
    known = torch.ones_like(x)
    known[..., :2] = 0
    y = torch.where(known > 0, x, 100.0)
    found = least_squares(lambda v: v + 0 * v.mean(), y, (1, 9, 12), known=known)
    torch.testing.assert_close(found[..., 2:], x[..., 2:], rtol=0, atol=1e-4)
    assert found[..., :2].std() < 1e-4  # as grey as the rest
    assert abs(found[..., 0, 0] - x[..., 2:].mean()) < 1e-3


def test_the_noise_is_that_of_the_known_values(generator):
    """As if the others were not there."""
    shape, blur = (1, 31, 34), Blur(gaussian_kernel(1.5))
    y = blur(smooth_image(*shape))
    y = y + 0.02 * torch.randn(y.shape, generator=generator)
    known = torch.zeros_like(y)
    known[..., :9] = 1
    alone = least_squares(lambda v: blur(v)[..., :9], y[..., :9], shape, 0.02)
    found = least_squares(blur, y, shape, 0.02, known=known)
    torch.testing.assert_close(found, alone, rtol=0, atol=1e-4)


@pytest.mark.parametrize("weight", [0.1, 1.0])
def test_the_nearest_image_is_that_of_the_normal_equations(weight, generator):
    x, kernel = torch.rand(1, 1, 7, 9, generator=generator), torch.ones(3, 1) / 3
    blur = Blur(kernel)
    y = torch.rand(blur(x).shape, generator=generator)
    known = (torch.rand(y.shape, generator=generator) < 0.7).float()
    found = nearest(blur, y, x, weight, known)
    rows = torch.stack([blur(unit.view_as(x)).flatten() for unit in torch.eye(x.numel())], 1)
    A, m = rows.double(), known.flatten().double()
    normal = A.T @ (m[:, None] * A) + weight * torch.eye(x.numel()).double()
    right = A.T @ (m * y.flatten().double()) + weight * x.flatten().double()
    expected = torch.linalg.solve(normal, right).view_as(x).float()
    torch.testing.assert_close(found, expected, rtol=0, atol=5e-3)
    assert not found.requires_grad


def test_an_image_that_explains_y_is_the_nearest():
    x = smooth_image(3, 9, 12)
    pooled = Pooled(3)
    torch.testing.assert_close(nearest(pooled, pooled(x), x, 1e-3), x, rtol=0, atol=1e-5)


def test_a_polished_image_explains_what_is_between_bounds(generator):
    x = smooth_image(1, 24, 27)
    pooled = Pooled(3)
    y = pooled(x) + 0.05 * (torch.rand(pooled(x).shape, generator=generator) - 0.5)

    def bounded(y_hat):
        return y_hat.clamp(y - 0.025, y + 0.025)

    within, exact = (polish_inverse(pooled, y, x, 0.1, bounded=to) for to in (bounded, None))
    assert float((pooled(within) - y).abs().max()) < 0.03
    assert float((pooled(exact) - y).abs().max()) < 0.005
    assert psnr(within, x) > psnr(exact, x) + 0.2


@pytest.mark.parametrize("side", [48, 64])
def test_where_grey_is_hidden_it_begins_in_the_middle(side):
    """Rounding of A(white) is no measurement of how bright x is; nor is nothing at all."""
    draw = torch.Generator().manual_seed(0)
    m = (torch.rand(side, side, generator=draw) < 0.6).float()
    m[0, 0] = 0
    x = smooth_image(1, side, side)

    def spectrum(v):
        return m * torch.fft.fft2(v, norm="ortho")

    found = least_squares(spectrum, spectrum(x), (1, side, side))
    assert float(found.mean()) == pytest.approx(0.5, abs=0.1)
    shifted = found - found.mean() + x.mean()  # how bright it is, nothing tells
    assert psnr(shifted, x) > 20


def test_the_grey_that_it_begins_with_is_one_of_an_image():
    y = torch.full((1, 1, 6, 8), 3.0)
    assert torch.equal(least_squares(lambda x: x, y, (1, 6, 8)), torch.ones(1, 1, 6, 8))
