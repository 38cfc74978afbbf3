"""Muon: steps of equal length in all directions of a weight matrix."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Adam, Optimizer

MOMENTUM = 0.8  # rather than 0.95: a fit has little noise, and is short
LENGTH = 0.2  # RMS of a step's elements / lr: Adam's, so that both take the same lr
COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # of the quintic that draws singular values towards 1
LAYOUTS = torch.contiguous_format, torch.channels_last
# Rounds that may become one product: in bfloat16 small singular values drown in the rounding of A,
# and are out of the water after two rounds.
AT_ONCE = {torch.float64: 5, torch.float32: 5, torch.bfloat16: 2}


class Muon(Optimizer):
    """Momentum without its singular values for the weights of convolutions; Adam for the rest.

    G is the gradient of a weight W, (out, in, k, k), as a matrix, (m, n) = (out, in k k):

        M <- mu M + (1 - mu) G,  U = mu M + (1 - mu) G,  W <- W - lr 0.2 O(U) / rms(O(U))

    with O(U) on the way from U to (U U^T)^(-1/2) U, see `orthogonalized`. Nothing here waits for
    the device.

    Args:
        theta: all parameters; those with a matrix of rank 1 are Adam's, as all that are none.
        adam: makes the optimiser of the rest, from a list of parameter groups.
        rounds: 5 is Muon; what fewer do, see `orthogonalized`.
        inside: number format of the products, see `orthogonalized`; all else is the weights'.
        beside: groups of parameters that are Adam's whatever their shape, each with its own rate.

    Source: Jordan et al., "Muon: An optimizer for hidden layers in neural networks", 2024; the
        length of a step: Liu et al., "Muon is scalable for LLM training", 2025.

    Example:
        >>> import torch
        >>> from dip_lightning.optimizers import Muon
        >>> layer = torch.nn.Conv2d(3, 4, 3)
        >>> muon = Muon(layer.parameters(), lambda rest: torch.optim.Adam(rest, lr=0.01))
        >>> layer(torch.rand(1, 3, 8, 8)).square().mean().backward()
        >>> muon.step()
    """

    def __init__(
        self,
        theta: Iterable[nn.Parameter],
        adam: Callable[[list[dict[str, Any]]], Adam],
        rounds: int = 5,
        inside: torch.dtype = torch.float32,
        *,
        beside: Iterable[dict[str, Any]] = (),
    ) -> None:
        self.rounds, self.inside = rounds, inside
        theta = list(theta)
        matrices = [p for p in theta if _is_matrix(p)]
        for p in matrices:
            if not any(p.is_contiguous(memory_format=layout) for layout in LAYOUTS):
                p.data = p.data.contiguous()  # of others, a matrix is a copy
        rest = [p for p in theta if not _is_matrix(p)]
        self.rest = adam([{"params": rest}, *beside])
        lr = self.rest.param_groups[0]["lr"]
        super().__init__([{"params": matrices}, *self.rest.param_groups], {"lr": lr})
        self._share()

    def __getstate__(self) -> dict[str, Any]:
        """Add what PyTorch's optimizers have not, for copies and for files."""
        own = {"rounds": self.rounds, "inside": self.inside, "rest": self.rest}
        return {**super().__getstate__(), **own}

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
        theta = [p for p in group["params"] if p.grad is not None]
        directions = dict(zip(theta, self._directions(theta), strict=True))
        for parameters in _alike(theta):
            directed = torch.stack([_as_matrix(directions[p], p) for p in parameters])
            steps = orthogonalized(directed, self.rounds, self.inside)
            rms = steps.square().mean((1, 2), keepdim=True).sqrt()
            steps *= LENGTH / rms.clamp(min=torch.finfo(rms.dtype).tiny)
            steps *= group["lr"]
            torch._foreach_sub_([_as_matrix(p, p) for p in parameters], list(steps.unbind()))
        self.rest.step()

    def _directions(self, theta: list[nn.Parameter]) -> list[Tensor]:
        for p in theta:
            if not self.state[p]:
                self.state[p]["momentum"] = torch.zeros_like(p)
        if not theta:
            return []
        momenta = [self.state[p]["momentum"] for p in theta]
        gradients = [p.grad for p in theta if p.grad is not None]
        torch._foreach_lerp_(momenta, gradients, 1 - MOMENTUM)
        return list(torch._foreach_lerp(gradients, momenta, MOMENTUM))  # noqa: SLF001 - all at once


def _as_matrix(x: Tensor, like: Tensor) -> Tensor:
    """x, (out, in, k, k), as a matrix, its columns in the order that `like` has in memory."""
    return x.flatten(1) if like.is_contiguous() else x.movedim(1, -1).flatten(1)


def orthogonalized(
    matrices: Tensor, rounds: int = 5, inside: torch.dtype = torch.float32
) -> Tensor:
    """Draw singular values of matrices towards 1, and leave their singular vectors alone.

    X <- (a I + b A + c A^2) X with A = X X^T, from X = U / |U|. A round multiplies a small singular
    value by a = 3.4, and keeps a large one between 0.68 and 1.20. Five rounds lift those above
    0.002 |U|, two those above 0.07 |U|: what fits an image slowly, such as noise, then stays slow.

    Args:
        matrices: U, (k, m, n).
        rounds: how many, at least 1.
        inside: number format of the products. In bfloat16 they differ by 3 to 7 % of |X|.

    Returns:
        (k, m, n); zero stays zero.

    Source: Jordan et al., as above (the quintic).

    Example:
        >>> import torch
        >>> from dip_lightning.optimizers.muon import orthogonalized
        >>> found = orthogonalized(torch.diag(torch.tensor([1.0, 0.2]))[None])
        >>> bool((torch.linalg.svdvals(found) > 0.6).all())
        True
    """
    is_tall = matrices.shape[1] > matrices.shape[2]
    x = matrices.mT if is_tall else matrices
    tiny = torch.finfo(x.dtype).tiny
    x = x / x.abs().amax((1, 2), keepdim=True).clamp(min=tiny)  # else squares may underflow
    x = (x / x.norm(dim=(1, 2), keepdim=True).clamp(min=tiny)).to(inside)
    while rounds:
        at_once = min(rounds, AT_ONCE[inside])
        x = _rounds_at_once(x, at_once).matmul(x)
        rounds -= at_once
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
    return p.is_floating_point() and p.ndim > 1 and min(p.shape[0], p[0].numel()) > 1


def _alike(parameters: Iterable[nn.Parameter]) -> list[list[nn.Parameter]]:
    """Sort parameters by their shape: those of one shape are multiplied at once."""
    groups: dict[torch.Size, list[nn.Parameter]] = {}
    for p in parameters:
        groups.setdefault(p.shape, []).append(p)
    return list(groups.values())
