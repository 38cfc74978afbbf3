"""A recorder on the CPU that stands in for a CUDA graph: the same rules, the same effects."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

aten = torch.ops.aten
HOST_READS = {aten._local_scalar_dense.default, aten.equal.default, aten.is_nonzero.default}
HOST_WRITES = {aten.lift_fresh.default}  # torch.tensor([1.0, 2.0])
READ_OUTSIDE_ATEN = {Tensor.cpu, Tensor.numpy, Tensor.tolist, Tensor.__array__}


class TapeRecorder:
    """Record an iteration operator by operator.

    `capture` computes the iteration, notes every operator with its arguments and results, and puts
    everything back that was there before. `replay` computes the operators again, on the same
    tensors, and writes their results into the tensors noted. As in a CUDA graph, what is a number
    on the host keeps the value that it had, and the host can neither read nor write a tensor.

    Args:
        generator: source of randomness of the iteration.
        breaks_at: operator at which the capture fails, from 0; None: it does not.
    """

    def __init__(self, generator: torch.Generator, breaks_at: int | None = None) -> None:
        self.generator, self.breaks_at = generator, breaks_at
        self.warm_ups = self.replays = 0
        self.operators: list[tuple[Any, Any, Any, Any]] = []

    def warm_up(self, iterate: Callable[[], Tensor]) -> Tensor:
        self.warm_ups += 1
        return iterate()

    def capture(self, iterate: Callable[[], Tensor]) -> Tensor:
        before = self.generator.get_state()
        writing = _Writing(self.operators, self.breaks_at)
        try:
            with _NoLookingAround(), writing:
                return iterate()
        finally:
            writing.restore()
            self.generator.set_state(before)

    def replay(self) -> None:
        self.replays += 1
        with torch.no_grad():
            for operator, arguments, named, results in self.operators:
                again = operator(*arguments, **named)
                for old, new in zip(_tensors(results), _tensors(again), strict=True):
                    if _place(old) != _place(new):  # neither a view nor changed in place
                        old.copy_(new)


class _Writing(TorchDispatchMode):
    def __init__(self, operators, breaks_at):
        super().__init__()
        self.operators, self.breaks_at = operators, breaks_at
        self.own: set[int] = set()
        self.before: dict[int, tuple[Any, Any]] = {}

    def __torch_dispatch__(self, operator, types, arguments=(), named=None):
        named = named or {}
        if operator in HOST_READS | HOST_WRITES:
            raise RuntimeError(f"{operator} is not permitted during a capture")
        if len(self.operators) == self.breaks_at:
            raise RuntimeError("out of tape\nat the end of it")
        self._remember(operator, arguments, named)
        results = operator(*arguments, **named)
        noted = (tree_map(_itself, arguments), tree_map(_itself, named))
        self.operators.append((operator, *noted, results))
        given = {_place(tensor) for tensor in _tensors((arguments, named))}
        self.own |= {_place(tensor) for tensor in _tensors(results)} - given
        return results

    def _remember(self, operator, arguments, named):
        for position, declared in enumerate(operator._schema.arguments):
            if declared.alias_info is None or not declared.alias_info.is_write:
                continue
            value = arguments[position] if position < len(arguments) else named.get(declared.name)
            for tensor in _tensors(value):
                place = _place(tensor)
                if place not in self.own and place not in self.before:
                    storage = tensor.untyped_storage()
                    self.before[place] = (storage, storage.clone())

    def restore(self):
        for storage, before in self.before.values():
            storage.copy_(before)


class _NoLookingAround(TorchFunctionMode):
    def __torch_function__(self, function, types, arguments=(), named=None):
        if function in READ_OUTSIDE_ATEN:
            raise RuntimeError(f"{function.__name__} is not permitted during a capture")
        return function(*arguments, **(named or {}))


def _itself(value):
    return value


def _tensors(values) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(values) if isinstance(leaf, Tensor)]


def _place(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()
