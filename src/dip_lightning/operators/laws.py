"""The laws of an operator, checked on numbers drawn at random."""

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn

from dip_lightning.errors import UserError

Operator = Callable[[Tensor], Tensor]
TOLERANCE = {
    torch.float32: 1e-4,
    torch.float64: 1e-6,
}  # of what is compared; weights may be float32
STEP = {torch.float32: 1e-2, torch.float64: 1e-5}  # of a finite difference


def check(
    A: Operator,  # noqa: N803 - as everybody writes
    shape: tuple[int, int, int],
    *,
    is_linear: bool = True,
    keeps_constants: bool = False,
) -> None:
    """Check that an operator of your own does what a fit relies on.

    It returns the same numbers twice, in the number format of x, all finite; it is linear; its
    gradient is its adjoint, <A v, u> = <v, A^T u>, and finite. Of one that is not linear, the
    gradient is compared with a finite difference.

    Args:
        A: function or module from x, (1, C, H, W) in [0, 1], to y.
        shape: (C, H, W) of x.
        is_linear: A(a x + b z) = a A(x) + b A(z).
        keeps_constants: an image of one value gives a y of that value.

    Raises:
        UserError: names the law that is broken, and by how much.

    Example:
        >>> from dip_lightning import operators
        >>> operators.check(lambda x: x.mean(3), (3, 20, 24))
        >>> operators.check(lambda x: x.mean(3) + 1, (3, 20, 24))
        Traceback (most recent call last):
            ...
        dip_lightning.errors.UserError: A: is not linear, A(2 x - 3 z) is not 2 A(x) - 3 A(z) by 2
    """
    draw = torch.Generator().manual_seed(0)
    x, z = (torch.rand(1, *shape, generator=draw) for _ in range(2))
    _check_values(A, x)
    if isinstance(A, nn.Module):
        A, x, z = copy.deepcopy(A).double(), x.double(), z.double()
    with torch.no_grad():
        if is_linear:
            found, expected = A(2 * x - 3 * z), 2 * A(x) - 3 * A(z)
            _compare(found, expected, "is not linear, A(2 x - 3 z) is not 2 A(x) - 3 A(z)")
        if keeps_constants:
            found = A(torch.full_like(x, 0.5))
            half = torch.full_like(found, 0.5)
            _compare(found, half, "does not keep constants, A(0.5) differs from 0.5")
    _check_gradient(A, x, z, is_linear=is_linear)


def _check_values(A: Operator, x: Tensor) -> None:  # noqa: N803
    y = A(x)
    if not isinstance(y, Tensor):
        raise UserError(f"A: returns {type(y).__name__}, expected a tensor")
    if y.dtype not in {x.dtype, x.dtype.to_complex()}:
        raise UserError(f"A: returns {y.dtype} for an image of {x.dtype}, expected its format")
    if not y.isfinite().all():
        raise UserError("A: returns values that are not finite, expected numbers")
    again = A(x)
    if y.shape != again.shape or not torch.equal(y, again):
        raise UserError("A: returns something else when it is asked again, expected the same")
    if not y.requires_grad and not A(x.requires_grad_()).requires_grad:
        raise UserError("A: has no gradient, expected a function that autograd can differentiate")
    x.requires_grad_(False)  # noqa: FBT003


def _check_gradient(A: Operator, x: Tensor, v: Tensor, *, is_linear: bool) -> None:  # noqa: N803
    x = x.clone().requires_grad_()
    y = A(x)
    draw = torch.Generator().manual_seed(1)
    u = torch.randn(y.shape, dtype=y.dtype, generator=draw)
    (adjoint,) = torch.autograd.grad(y, x, u)
    if not adjoint.isfinite().all():
        raise UserError("A: has a gradient that is not finite, expected numbers")
    with torch.no_grad():
        if is_linear:
            moved, law = A(v), "its gradient is not its adjoint, <A v, u> differs from <v, A^T u>"
        else:
            step = STEP[x.dtype]
            moved = (A(x + step * v) - A(x - step * v)) / (2 * step)
            law = "its gradient is not that of a finite difference, they differ"
        found, expected = (moved * u.conj()).real.sum(), (v * adjoint).sum()
        _compare(found, expected, law, like=moved.abs().norm() * u.abs().norm())


def _compare(found: Tensor, expected: Tensor, law: str, like: Tensor | float | None = None) -> None:
    apart = float((found - expected).abs().max())
    size = float(expected.abs().max()) if like is None else float(like)
    dtype = expected.real.dtype if expected.is_complex() else expected.dtype
    if not apart <= TOLERANCE[dtype] * max(size, 1):
        raise UserError(f"A: {law} by {apart:.3g}")
