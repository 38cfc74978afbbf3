"""What keeps a fit from dropping suddenly."""

from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

MEMORY = 0.98  # decay of the usual length, about 50 iterations, at most


class StepLimit:
    """Shorten a step that is longer than usual: d <- d min(1, limit * usual / |d|).

    d = theta_t - theta_(t-1) is the optimiser's step, all parameters together, and `usual` the
    running geometric mean of |d| / lr after shortening. Nothing here waits for the device, and what
    is remembered stays in place, as a CUDA graph needs it.

    Adam becomes unstable where the loss is curved too much for its second moment: an oscillation
    grows by half in each iteration, until the PSNR has fallen by decibels and the second moment
    has grown. Its amplitude is that of the steps, which a limit keeps small. See docs/study.md.

    Args:
        limit: how many times its usual length a step may have.

    Example:
        >>> import torch
        >>> from dip_lightning.optimizers import StepLimit
        >>> layer = torch.nn.Conv2d(3, 4, 3)
        >>> adam = torch.optim.Adam(layer.parameters(), lr=0.01)
        >>> StepLimit(1.2).attach(adam)
        >>> layer(torch.rand(1, 3, 8, 8)).square().mean().backward()
        >>> adam.step()
    """

    def __init__(self, limit: float) -> None:
        self.limit = limit
        self.usual: Tensor | None = None
        self.steps: Tensor
        self._before: list[Tensor] = []

    def attach(self, optimizer: Optimizer) -> None:
        """Watch every step of an optimiser from now on."""
        optimizer.register_step_pre_hook(self._remember)
        optimizer.register_step_post_hook(self._shorten)

    def state_dict(self) -> dict[str, Tensor]:
        """Return what it remembers; empty before the first step."""
        return {} if self.usual is None else {"usual": self.usual, "steps": self.steps}

    def load_state_dict(self, state: dict[str, Tensor], device: torch.device) -> None:
        """Go on from what it remembered."""
        if state:
            usual, steps = (state[name].to(device, copy=True) for name in ("usual", "steps"))
            self.usual, self.steps = usual, steps

    @torch.no_grad()
    def _remember(self, optimizer: Optimizer, _args: Any, _kwargs: Any) -> None:
        theta = parameters(optimizer)
        self._before = [torch.empty_like(p) for p in theta]
        torch._foreach_copy_(self._before, theta)

    @torch.no_grad()
    def _shorten(self, optimizer: Optimizer, _args: Any, _kwargs: Any) -> None:
        theta = parameters(optimizer)
        rate = optimizer.param_groups[0]["lr"]
        steps = torch._foreach_sub(theta, self._before)  # noqa: SLF001 - all at once
        lengths = torch._foreach_norm(steps)  # noqa: SLF001
        length = torch.stack(lengths).norm() / rate
        one, usable = torch.ones_like(length), length.isfinite() & (length > 0)
        if self.usual is None:
            self.usual, self.steps = torch.where(usable, length, one), torch.zeros_like(length)
        kept = torch.minimum(length, self.limit * self.usual)
        factor = torch.where(usable, kept / length, one)
        torch._foreach_mul_(steps, 1 - factor)
        torch._foreach_sub_(theta, steps)  # what is too much of them
        self._before = []
        # Steps shrink fast in the beginning, and the memory grows with what there is to remember.
        self.steps.add_(one)
        weight = 1 - ((1 + self.steps) / (10 + self.steps)).clamp(max=MEMORY)
        self.usual.mul_(torch.where(usable, kept / self.usual, one) ** weight)


def parameters(optimizer: Optimizer) -> list[Tensor]:
    """List all parameters that an optimiser changes."""
    return [p for group in optimizer.param_groups for p in group["params"]]
