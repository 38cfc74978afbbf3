"""The laws of an operator, checked on numbers drawn at random."""

import copy

import torch
from torch import Tensor, nn

from dip_lightning.errors import UserError, said
from dip_lightning.operators.physics import Operator, noise_free

# Of what is compared; a module's weights may be float32 inside of float64.
TOLERANCE = {torch.float32: 1e-4, torch.float64: 1e-6}
STEP = {torch.float32: 3e-3, torch.float64: 1e-5}  # of a finite difference
DIFFERENCE_TOLERANCE = {torch.float32: 5e-3, torch.float64: 1e-4}  # A may have kinks, and curve


def check(
    A: Operator,  # noqa: N803 - as everybody writes
    shape: tuple[int, int, int],
    *,
    is_linear: bool = True,
    keeps_constants: bool = False,
) -> None:
    """Check that an operator of your own does what a fit relies on.

    It returns the same numbers twice, in the number format of x, all finite, and leaves x
    unchanged; it is linear; its gradient is its adjoint, <A v, u> = <v, A^T u>, and finite. If it
    is not linear, its gradient is compared with a finite difference. A module is checked in
    float64 if it can compute in it, and left unchanged.

    Args:
        A: function or module from x, (1, C, H, W) in [0, 1], to y; for a `deepinv` Physics, its
            noise-free part is used.
        shape: (C, H, W) of x.
        is_linear: A(a x + b z) = a A(x) + b A(z).
        keeps_constants: an image of one value gives a y of that value.

    Raises:
        UserError: names the law that is broken, and by how much; or what A itself raised.

    Example:
        >>> from dip_lightning import operators
        >>> operators.check(lambda x: x.mean(3), (3, 20, 24))
        >>> operators.check(lambda x: x.mean(3) + 1, (3, 20, 24))
        Traceback (most recent call last):
            ...
        dip_lightning.errors.UserError: A: is not linear, A(2 x - 3 z) is not 2 A(x) - 3 A(z) by 2
    """
    draw = torch.Generator().manual_seed(0)
    # A finite difference is to stay in [0, 1].
    x, z = (0.05 + 0.9 * torch.rand(1, *shape, generator=draw) for _ in range(2))
    _check_values(noise_free(A), x)
    precise = _in_double(A, x)
    A, x, z = (noise_free(A), x, z) if precise is None else (precise, x.double(), z.double())
    with torch.no_grad():
        if is_linear:
            _check_linear(A, x, z)
        if keeps_constants:
            found = A(torch.full_like(x, 0.5))
            half = torch.full_like(found, 0.5)
            law = "does not keep constants, A(0.5) differs from 0.5"
            _compare(found, half, law, like=0.5, tolerance=TOLERANCE)
    _check_gradient(A, x, z, is_linear=is_linear)


def _check_values(A: Operator, x: Tensor) -> None:  # noqa: N803
    given = x.clone()
    try:
        with torch.no_grad():
            y, again = A(given), A(x.clone())
    except UserError:
        raise
    except Exception as error:  # of a user's own code, anything
        shape = tuple(x.shape)
        raise UserError(f"A: cannot compute an image of shape {shape} ({said(error)})") from error
    if not isinstance(y, Tensor):
        raise UserError(f"A: returns {type(y).__name__}, expected a tensor")
    if not torch.equal(given, x):
        raise UserError("A: changes the image that it is given, expected it to stay as it is")
    if not y.numel():
        raise UserError(f"A: returns nothing, a tensor of shape {tuple(y.shape)}, expected values")
    if y.dtype not in {x.dtype, x.dtype.to_complex()}:
        raise UserError(f"A: returns {y.dtype} for an image of {x.dtype}, expected its format")
    if not y.isfinite().all():
        raise UserError("A: returns values that are not finite, expected numbers")
    if y.shape != again.shape or not torch.equal(y, again):
        raise UserError("A: returns something else when it is asked again, expected the same")


def _in_double(A: Operator, x: Tensor) -> Operator | None:  # noqa: N803
    """Return a copy of a module in float64; None if it cannot compute in it."""
    if not isinstance(A, nn.Module):
        return None
    try:
        doubled = noise_free(copy.deepcopy(A).double())
        with torch.no_grad():
            y = doubled(x.double())
    except Exception:  # noqa: BLE001 - some tensor of it stays in float32, or it has no copy
        return None
    return doubled if y.dtype in {torch.float64, torch.complex128} else None


def _check_linear(A: Operator, x: Tensor, z: Tensor) -> None:  # noqa: N803
    of_x, of_z = A(x), A(z)
    law = "is not linear, A(2 x - 3 z) is not 2 A(x) - 3 A(z)"
    size = 2 * of_x.abs().max() + 3 * of_z.abs().max()
    _compare(A(2 * x - 3 * z), 2 * of_x - 3 * of_z, law, like=size, tolerance=TOLERANCE)


def _check_gradient(A: Operator, x: Tensor, v: Tensor, *, is_linear: bool) -> None:  # noqa: N803
    with torch.no_grad():
        if is_linear:
            moved, law = A(v), "its gradient is not its adjoint, <A v, u> differs from <v, A^T u>"
        else:
            step = STEP[x.dtype]
            moved = (A(x + step * v) - A(x - step * v)) / (2 * step)
            law = "its gradient is not that of a finite difference, they differ"
    # A u that had nothing to do with A v would leave <A v, u> near 0, and any error with it.
    draw = torch.Generator().manual_seed(1)
    noise = torch.randn(moved.shape, dtype=moved.dtype, generator=draw)
    spread = moved.abs().square().mean().sqrt()
    u = moved + noise * (spread if spread > 0 else 1)
    adjoint = _pulled_back(A, x, u)
    found, expected = (moved * u.conj()).real.sum(), (v * adjoint).sum()
    tolerance = TOLERANCE if is_linear else DIFFERENCE_TOLERANCE
    like = moved.abs().norm() * u.abs().norm()
    _compare(found, expected, law, like=like, tolerance=tolerance)


def _pulled_back(A: Operator, x: Tensor, u: Tensor) -> Tensor:  # noqa: N803
    """Return the gradient of <A x, u> with respect to x."""
    missing = "A: has no gradient, expected a function that autograd can differentiate"
    x = x.clone().requires_grad_()
    try:
        with torch.enable_grad():
            y = A(x)
        found = torch.autograd.grad(y, x, u, allow_unused=True)[0] if y.requires_grad else None
    except Exception as error:
        raise UserError(f"{missing} ({said(error)})") from error
    if found is None:
        raise UserError(missing)
    if not found.any():
        raise UserError("A: has a gradient of 0 everywhere, so that no fit can follow it")
    if not found.isfinite().all():
        raise UserError("A: has a gradient that is not finite, expected numbers")
    return found


def _compare(
    found: Tensor,
    expected: Tensor,
    law: str,
    *,
    like: Tensor | float,
    tolerance: dict[torch.dtype, float],
) -> None:
    apart = float((found - expected).abs().max())
    dtype = expected.real.dtype if expected.is_complex() else expected.dtype
    if not apart <= tolerance[dtype] * float(like):
        raise UserError(f"A: {law} by {apart:.3g}")
