"""What counts as an operator, a deepinv Physics included."""

from collections.abc import Callable

from torch import Tensor

Operator = Callable[[Tensor], Tensor]


def noise_free(A: Operator) -> Operator:  # noqa: N803 - as everybody writes
    """Return A itself; for a deepinv Physics, whose call adds noise, the operator inside."""
    inner = getattr(A, "A", None)
    return inner if callable(inner) and hasattr(A, "A_adjoint") else A
