"""Muon: steps of equal length in all directions of a weight matrix."""

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Adam, Optimizer

MOMENTUM = 0.8  # rather than 0.95: a fit has little noise, and is short
LENGTH = 0.2  # RMS of a step's elements / lr: Adam's, so that both take the same lr
COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # of the quintic that draws singular values towards 1
# How many of the five rounds are one product. Small singular values drown in the rounding of A, and
# are out of the water after two rounds.
ROUNDS = {torch.float64: (5,), torch.float32: (5,), torch.bfloat16: (2, 2, 1)}


class Muon(Optimizer):
    """Momentum without its singular values for the weights of convolutions; Adam for the rest.

    G is the gradient of a weight W, (out, in, k, k), as a matrix, (m, n) = (out, in k k):

        M <- mu M + (1 - mu) G,  U = mu M + (1 - mu) G,  W <- W - lr 0.2 sqrt(max(m, n)) O(U)

    with O(U) near (U U^T)^(-1/2) U, see `orthogonalized`. Nothing here waits for the device.

    Args:
        theta: all parameters; those with a matrix of rank 1 are Adam's, as all that are none.
        adam: makes the optimiser of the rest, from a list of parameter groups.
        inside: number format of the products, see `orthogonalized`; all else is the weights'.

    Source: Jordan et al., "Muon: An optimizer for hidden layers in neural networks", 2024; the
        length of a step: Liu et al., "Muon is scalable for LLM training", 2025.
    """

    def __init__(
        self,
        theta: Iterable[nn.Parameter],
        adam: Callable[[list[dict[str, Any]]], Adam],
        inside: torch.dtype = torch.float32,
    ) -> None:
        self.inside = inside
        theta = list(theta)
        matrices = [p for p in theta if _is_matrix(p)]
        rest = [p for p in theta if not _is_matrix(p)]
        self.rest = adam([{"params": rest}])
        lr = self.rest.param_groups[0]["lr"]
        super().__init__([{"params": matrices}, *self.rest.param_groups], {"lr": lr})
        self._share()

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take a state back; Adam's part is Adam's again."""
        super().__setstate__(state)
        self._share()

    def _share(self) -> None:
        self.rest.param_groups, self.rest.state = self.param_groups[1:], self.state

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Change every parameter that has a gradient."""
        del closure
        group = self.param_groups[0]
        for parameters in _alike(p for p in group["params"] if p.grad is not None):
            directions = torch.stack([self._direction(p) for p in parameters])
            steps = orthogonalized(directions, self.inside)
            length = LENGTH * math.sqrt(max(steps.shape[1:]))
            for p, step in zip(parameters, steps, strict=True):
                p.sub_(step.view(p.shape) * (length * group["lr"]))
        self.rest.step()

    def _direction(self, p: nn.Parameter) -> Tensor:
        assert p.grad is not None  # noqa: S101 - narrows the type
        state = self.state[p]
        if not state:
            state["momentum"] = torch.zeros_like(p)
        momentum = state["momentum"].lerp_(p.grad, 1 - MOMENTUM)
        return p.grad.lerp(momentum, MOMENTUM).flatten(1)


def orthogonalized(matrices: Tensor, inside: torch.dtype = torch.float32) -> Tensor:
    """Draw all singular values of matrices towards 1, and leave their singular vectors alone.

    X <- (a I + b A + c A^2) X with A = X X^T, five times, from X = U / |U|.

    Args:
        matrices: U, (k, m, n).
        inside: number format of the products. In bfloat16 they differ by 3 to 7 % of |X|.

    Returns:
        (k, m, n); singular values above 0.002 |U| have become 0.68 to 1.20; zero stays zero.

    Source: Jordan et al., as above (the quintic).
    """
    is_tall = matrices.shape[1] > matrices.shape[2]
    x = matrices.mT if is_tall else matrices
    tiny = torch.finfo(x.dtype).tiny
    x = x / x.abs().amax((1, 2), keepdim=True).clamp(min=tiny)  # else squares may underflow
    x = (x / x.norm(dim=(1, 2), keepdim=True).clamp(min=tiny)).to(inside)
    for rounds in ROUNDS[inside]:
        x = _rounds_at_once(x, rounds).matmul(x)
    return (x.mT if is_tall else x).to(matrices.dtype)


def _rounds_at_once(x: Tensor, rounds: int) -> Tensor:
    """Return what so many rounds multiply X with, (k, m, m).

    All factors are polynomials of the first A and commute, so that they are multiplied with each
    other, which are small, and only their product with X.
    """
    a, b, c = COEFFICIENTS
    gram = x @ x.mT
    identity = torch.eye(gram.shape[1], dtype=x.dtype, device=x.device)
    factor: Tensor = a * identity + b * gram + c * (gram @ gram)
    product = factor
    for _ in range(rounds - 1):
        gram = factor @ gram @ factor
        factor = a * identity + b * gram + c * (gram @ gram)
        product = factor @ product
    return product


def _is_matrix(p: nn.Parameter) -> bool:
    return p.ndim > 1 and min(p.shape[0], p[0].numel()) > 1


def _alike(parameters: Iterable[nn.Parameter]) -> list[list[nn.Parameter]]:
    """Sort parameters by their shape: those of one shape are multiplied at once."""
    groups: dict[torch.Size, list[nn.Parameter]] = {}
    for p in parameters:
        groups.setdefault(p.shape, []).append(p)
    return list(groups.values())
