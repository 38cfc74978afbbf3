"""Invert a linear operator about which nothing more is known."""

import math
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dip_lightning.baselines.arrays import to_image
from dip_lightning.baselines.low_rank import Patches, fading, polish

ITERATIONS = 100
STEPS, NEAR = 30, 1e-5  # to the nearest image; what may be left of the gradient's power
HIDDEN = 1e-8  # power of A(white) of that of A(noise), up to which it is rounding
# Of the polish: docs/deblurring.md.
PATCHES, SIGMAS, ONWARD = Patches(side=4, step=2, count=24), fading(20, 1.5, 40), 0.8
Operator = Callable[[Tensor], Tensor]


def adjoint_of(A: Operator, shape: tuple[int, int, int]) -> Operator:  # noqa: N803
    """Return the adjoint of a linear operator, by autograd; for any other, its gradient at grey.

    Args:
        A: from x, (1, C, H, W), to y.
        shape: (C, H, W) of x.

    Returns:
        A function from y's shape to (1, C, H, W).

    Example:
        >>> import torch
        >>> from dip_lightning.baselines import adjoint_of
        >>> adjoint = adjoint_of(lambda x: x.sum(3), (1, 2, 3))
        >>> adjoint(torch.tensor([[[1.0, 2.0]]]))
        tensor([[[[1., 1., 1.],
                  [2., 2., 2.]]]])
    """
    with torch.enable_grad():
        x = torch.full((1, *shape), 0.5, requires_grad=True)
        y = A(x)
    return lambda u: torch.autograd.grad(y, x, u, retain_graph=True)[0]


def least_squares(
    A: Operator,  # noqa: N803 - as everybody writes
    y: Tensor,
    shape: tuple[int, int, int],
    noise_std: float | None = None,
    known: Tensor | None = None,
) -> Tensor:
    """Invert a linear operator: least |A x - y|^2, by conjugate gradients (SciPy's LSQR).

    They start from the grey image that fits best, which remains where A shows nothing, or from 0.5
    if A shows no grey at all, and end when the residual is as large as the noise, or after 100
    steps.

    Args:
        A: from x, (1, C, H, W), to y.
        y: observation, real or complex.
        shape: (C, H, W) of x.
        noise_std: standard deviation of the noise in y; None: unknown.
        known: which values of y count, 0 or 1, of y's shape or one that broadcasts to it; None:
            all.

    Returns:
        (1, C, H, W), in [0, 1].

    Source: Paige & Saunders, "LSQR: An algorithm for sparse linear equations and sparse least
        squares", 1982.

    Example:
        >>> import torch
        >>> from dip_lightning.baselines import least_squares
        >>> x = torch.rand(1, 1, 6, 8)
        >>> torch.allclose(least_squares(lambda x: 2 * x, 2 * x, (1, 6, 8)), x, atol=1e-3)
        True
    """
    from scipy.sparse.linalg import LinearOperator, lsqr  # noqa: PLC0415 - slow to import

    known = torch.ones(()) if known is None else known
    adjoint = adjoint_of(A, shape)

    def forward(v: NDArray[np.float64]) -> NDArray[np.float64]:
        with torch.no_grad():
            return _flat(known * A(torch.from_numpy(v).float().reshape(1, *shape)))

    def backward(u: NDArray[np.float64]) -> NDArray[np.float64]:
        values = torch.from_numpy(u).float()
        if y.is_complex():
            values = torch.view_as_complex(values.reshape(*y.shape, 2))
        return _flat(adjoint(known * values.reshape(y.shape)))

    b, white = _flat(known * y), forward(np.ones(math.prod(shape)))
    noise = forward(np.random.default_rng(0).standard_normal(math.prod(shape)))
    is_shown = white @ white > HIDDEN * (noise @ noise)
    grey = float(np.clip(white @ b / (white @ white), 0, 1)) if is_shown else 0.5
    size = len(b), math.prod(shape)
    operator = LinearOperator(size, matvec=forward, rmatvec=backward, dtype=np.float64)
    count = float(known.expand(y.shape).sum())
    left = b - grey * white
    length = float(np.linalg.norm(left))
    enough = (noise_std or 0) * math.sqrt(count) / length if length else 1.0
    change = lsqr(operator, left, btol=max(enough, 1e-6), conlim=0, iter_lim=ITERATIONS)[0]
    return to_image((grey + change).reshape(shape))


def nearest(
    A: Operator,  # noqa: N803 - as everybody writes
    y: Tensor,
    x: Tensor,
    weight: float,
    known: Tensor | None = None,
) -> Tensor:
    """Look near an image for one that explains y: least |A u - y|^2 + weight |u - x|^2.

    By conjugate gradients on the device of the tensors, in at most 30 steps.

    Args:
        A: linear, from x, (1, C, H, W), to y; differentiable.
        y: observation.
        x: image, (1, C, H, W).
        weight: more than 0; the larger, the nearer.
        known: which values of y count, 0 or 1, of y's shape or one that broadcasts to it; None:
            all.

    Returns:
        u, (1, C, H, W).

    Source: Hestenes & Stiefel, "Methods of conjugate gradients for solving linear systems", 1952.

    Example:
        >>> import torch
        >>> from dip_lightning.baselines import nearest
        >>> nearest(lambda x: 2 * x, torch.full((1, 1, 1, 1), 2.0), torch.zeros(1, 1, 1, 1), 4.0)
        tensor([[[[0.5000]]]])
    """
    with torch.enable_grad():
        start = x.detach().requires_grad_()
        explained = A(start)

    def adjoint(u: Tensor) -> Tensor:
        return torch.autograd.grad(explained, start, u, retain_graph=True)[0]

    counts = torch.ones_like(y) if known is None else known
    change = torch.zeros_like(x)
    left = adjoint(counts * (y - A(x)))
    ahead, power = left, float(left.square().sum())
    enough = NEAR * power
    for _ in range(STEPS):
        if power <= enough:
            break
        curved = adjoint(counts * A(ahead)) + weight * ahead
        step = power / float((ahead * curved).sum())
        change, left = change + step * ahead, left - step * curved
        before, power = power, float(left.square().sum())
        ahead = left + power / before * ahead
    return (x + change).detach()


def polish_inverse(
    A: Operator,  # noqa: N803 - as everybody writes
    y: Tensor,
    x: Tensor,
    away: float,
    known: Tensor | None = None,
    bounded: Callable[[Tensor], Tensor] | None = None,
) -> Tensor:
    """Make similar patches of an image agree with each other, and the image explain y.

    `polish` in 40 passes, each of which begins with `nearest`. With sigma the noise of the pass,

        u = argmin |A u - y|^2 + (away / sigma)^2 |u - x|^2

    Args:
        A: linear, from x, (1, C, H, W), to y; differentiable.
        y: observation.
        x: image, (1, C, H, W), in [0, 1], such as a fit's.
        away: how far y may be from A u, in units of y / 255: half of the standard deviation of its
            noise.
        known: which values of y count, 0 or 1, of y's shape or one that broadcasts to it; None:
            all.
        bounded: what replaces y in each pass, computed from A x: if y is known only between bounds,
            the nearest value within them; None: y itself.

    Returns:
        (1, C, H, W), in [0, 1].

    Source: as for `polish`.

    Example:
        >>> import torch
        >>> from dip_lightning.baselines import polish_inverse
        >>> x = torch.rand(1, 1, 20, 24)
        >>> y = x.mean(3)
        >>> polish_inverse(lambda x: x.mean(3), y, torch.full_like(x, 0.5), away=0.5).shape
        torch.Size([1, 1, 20, 24])
    """

    def explaining(x: Tensor, sigma: float) -> Tensor:
        explained = y if bounded is None else bounded(A(x))
        return nearest(A, explained, x, (away / sigma) ** 2, known)

    return polish(x, explaining, PATCHES, SIGMAS, ONWARD)


def _flat(values: Tensor) -> NDArray[np.float64]:
    parts = torch.view_as_real(values) if values.is_complex() else values
    return parts.detach().double().numpy().reshape(-1)
