"""An operator of the user's own, made from a name and its options."""

import inspect
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from inspect import Parameter
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from dip_lightning.errors import CodeError, UserError, said
from dip_lightning.operators.laws import check
from dip_lightning.operators.named import find
from dip_lightning.operators.physics import Operator, noise_free

NAMED = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)
SHAPES = ("shape", "img_size")  # where an operator says what x it takes; deepinv's is the second
GRAY = 2  # axes of the shape of an image without channels


class OwnOperator(nn.Module):
    """The user's own A; errors that it raises name it.

    Args:
        inner: function, module or deepinv Physics, whose noise is left out.
        name: what the user calls it.

    Attributes:
        is_linear: whether it is, as found by `check`.
    """

    def __init__(self, inner: Operator, name: str) -> None:
        super().__init__()
        self.inner, self.name = inner, name
        self.is_linear = False

    def forward(self, x: Tensor) -> Tensor:
        """Return A(x).

        Raises:
            CodeError: A has raised something.
        """
        try:
            return noise_free(self.inner)(x)
        except Exception as error:
            if torch.cuda.is_available() and torch.cuda.is_current_stream_capturing():
                raise  # the fit goes on without a graph
            raise CodeError(f"operator={self.name}: raised {said(error)}") from error

    @property
    def shape(self) -> tuple[int, int, int] | None:
        """(C, H, W) of x, if the operator has it as an attribute `shape` or `img_size`."""
        for attribute in SHAPES:
            told = getattr(self.inner, attribute, None)
            if isinstance(told, tuple | list) and all(isinstance(side, int) for side in told):
                sides = (1, *told) if len(told) == GRAY else tuple(told)
                if len(sides) == GRAY + 1:
                    return sides[0], sides[1], sides[2]
        return None

    def check(self, shape: tuple[int, int, int]) -> None:
        """Check what a fit relies on, see `laws.check`; A need not be linear.

        Args:
            shape: (C, H, W) of x.

        Raises:
            UserError: names the law that is broken.
        """
        try:
            check(self.inner, shape, is_linear=False)
        except UserError as error:
            sentence = f"operator={self.name}: {str(error).removeprefix('A: ')}"
            if error.__cause__ is None:
                raise UserError(sentence) from None
            raise CodeError(sentence) from error.__cause__
        with suppress(Exception):  # outside of [0, 1] it may raise anything
            check(self.inner, shape)
            self.is_linear = True


class _Told:
    """A function of x and its options."""

    def __init__(self, function: Callable[..., Tensor], options: Mapping[str, Any]) -> None:
        self.function, self.options = function, options

    def __call__(self, x: Tensor) -> Tensor:
        return self.function(x, **self.options)


def build(name: str, options: Mapping[str, Any], seed: int) -> OwnOperator:
    """Make the operator that `operator=` and `operator.<option>=` describe.

    A class, or a function that makes an operator, is called with the options. A function whose
    first argument is not one of them is A itself, and that argument is x.

    Args:
        name: module:name or file.py:name.
        options: its keyword arguments; a list becomes a tuple.
        seed: for what it draws while it is made, with PyTorch, NumPy or Python.

    Raises:
        UserError: there is no such operator, or an option is missing or unknown.
        CodeError: it raises something.
    """
    found = find(name)
    given = _checked(name, found, options)
    if _is_operator(found, given):
        return OwnOperator(_Told(found, given) if given else found, name)
    with _seeded(seed):
        try:
            made = found(**given)
        except Exception as error:
            raise CodeError(f"operator={name}: cannot be made ({said(error)})") from error
    if not callable(made):
        kind = type(made).__name__
        raise UserError(f"operator={name}: makes {kind}, expected a module or a function")
    return OwnOperator(made, name)


def check_options(name: str, options: Mapping[str, Any]) -> None:
    """Check that there is such an operator, and that it takes the options; see `build`."""
    _checked(name, find(name), options)


def _is_operator(found: Any, options: Mapping[str, Any]) -> bool:
    """Say whether what was found is A itself, not what makes it."""
    if isinstance(found, nn.Module):
        return True
    first = next(iter(_parameters(found)), None)
    return (
        inspect.isfunction(found)
        and first is not None
        and first.kind in {Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD}
        and first.default is Parameter.empty
        and first.name not in options
    )


def _checked(name: str, found: Any, options: Mapping[str, Any]) -> dict[str, Any]:
    given = {key: _frozen(value) for key, value in options.items()}
    if isinstance(found, nn.Module):
        if given:
            raise UserError(f"operator.{next(iter(given))}: {name} is made already, and takes none")
        return given
    parameters = _parameters(found)
    taken = [p for p in parameters if p.kind in NAMED]
    if _is_operator(found, given):
        taken = [p for p in taken if p is not parameters[0]]
    takes_any = not parameters or any(p.kind is Parameter.VAR_KEYWORD for p in parameters)
    names = [p.name for p in taken]
    for key, value in given.items():
        if key not in names and not takes_any:
            listed = f"it takes {', '.join(names)}" if names else "it takes none"
            raise UserError(f"operator.{key}={value}: {name} has no such argument; {listed}")
    for p in taken:
        if p.default is Parameter.empty and p.name not in given:
            raise UserError(f"operator.{p.name}=: {name} needs a value for it")
    return given


def _parameters(found: Any) -> list[Parameter]:
    try:
        return list(inspect.signature(found).parameters.values())
    except (TypeError, ValueError):  # compiled code need not have a signature
        return []


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Let PyTorch, NumPy and Python draw from a seed; afterwards they continue as before."""
    before = random.getstate(), np.random.get_state()  # noqa: NPY002 - what users draw from
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        try:
            yield
        finally:
            random.setstate(before[0])
            np.random.set_state(before[1])  # noqa: NPY002
