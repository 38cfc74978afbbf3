"""What happens inside the optimiser, iteration by iteration, for the study of sudden drops."""

from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim import Optimizer

from dip_lightning.callbacks.table import Table
from dip_lightning.generators.skip import Join
from dip_lightning.generators.upsampling import upsampled
from dip_lightning.metrics import decibels
from dip_lightning.optimizers.stability import parameters
from dip_lightning.prior.deep_image_prior import DeepImagePrior

MEASURED = ("gradient_norm", "update_ratio", "surprise", "surprised", "second_moment", "batch_std")
COLUMNS = ("iteration", "loss", "psnr", *MEASURED)


class Diagnostics(Callback):
    """Write diagnostics.csv, one row for each iteration.

    - gradient_norm: |g|, all parameters.
    - update_ratio: |theta_t - theta_(t-1)| / |theta_(t-1)|.
    - surprise: RMS of g / sqrt(v), v Adam's second moment before it sees g, of the parameter
      tensor where it is largest; about 1 while gradients stay what they were.
    - surprised: which tensor that is, counted from the input; Muon's come first, and surprise none.
    - second_moment: RMS of g as Adam remembers it, sqrt(mean v), v after the step.
    - batch_std: smallest standard deviation of a channel before batch normalisation.

    Args:
        path: the CSV file.
    """

    def __init__(self, path: Path) -> None:
        self.table, self.rows = Table(path, COLUMNS), list[list[str]]()
        self._before: list[Tensor] = []
        self._measured: list[Tensor] = []
        self._stds: list[Tensor] = []

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the file, and look before and after every step of the optimiser."""
        self.table.begin()
        self.watch(pl_module)
        (optimizer,) = trainer.optimizers
        optimizer.register_step_pre_hook(self._look_before)
        optimizer.register_step_post_hook(self._look_after)

    def watch(self, network: nn.Module) -> None:
        """Look at what comes to each batch normalisation from now on."""
        for module in network.modules():
            if isinstance(module, _BatchNorm):
                module.register_forward_pre_hook(self._look_inside)
            elif isinstance(module, Join):  # whose batch norm is part of its convolution
                module.register_forward_pre_hook(self._look_inside_join)

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint keeps: the rows."""
        return {"rows": self.rows}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a checkpoint; rows that were written after it are computed again."""
        self.rows = list(state_dict["rows"])
        self.table.fill(self.rows)

    @torch.no_grad()
    def _look_inside(self, _module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        self._stds.append(_smallest_std(inputs[0]))

    @torch.no_grad()
    def _look_inside_join(self, join: Join, inputs: tuple[Tensor | None, Tensor]) -> None:
        s, x = inputs
        std = _smallest_std(upsampled(x, join.mode))
        self._stds.append(std if s is None else torch.minimum(std, _smallest_std(s)))

    @torch.no_grad()
    def _look_before(self, optimizer: Optimizer, _args: Any, _kwargs: Any) -> None:
        theta = parameters(optimizer)
        self._before = [p.clone() for p in theta]
        surprises = surprise(optimizer)
        largest, where = torch.stack(surprises).max(0) if surprises else theta[0].new_zeros(2)
        gradient = torch.stack([p.grad.norm() for p in theta if p.grad is not None]).norm()
        self._measured.append(torch.stack([gradient, largest, where.to(gradient.dtype)]))

    @torch.no_grad()
    def _look_after(self, optimizer: Optimizer, _args: Any, _kwargs: Any) -> None:
        theta = parameters(optimizer)
        pairs = zip(theta, self._before, strict=True)
        update = torch.stack([(p - before).norm() for p, before in pairs]).norm()
        size = torch.stack([before.norm() for before in self._before]).norm()
        states = [optimizer.state[p] for p in theta]
        moments = [state["exp_avg_sq"] for state in states if "exp_avg_sq" in state]
        moment = sum(v.sum() for v in moments) / max(1, sum(v.numel() for v in moments))
        gradient, largest, where = self._measured.pop()
        std = torch.stack(self._stds).min() if self._stds else gradient.new_zeros(())
        self._stds = []
        row = (gradient, update / size, largest, where, torch.as_tensor(moment).sqrt(), std)
        self._measured.append(torch.stack(row))

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Write the rows of the chunk that has just been computed."""
        assert isinstance(pl_module, DeepImagePrior)  # noqa: S101 - narrows the type
        first = pl_module.iteration - len(pl_module.iterates) + 1
        measured = torch.stack(self._measured).tolist()
        self._measured = []
        rows = []
        for i, (iterate, row) in enumerate(zip(pl_module.iterates, measured, strict=True)):
            psnr = decibels(iterate.error)
            values = (first + i, iterate.loss, "" if psnr is None else psnr, *row)
            rows.append([f"{v:.6g}" if isinstance(v, float) else str(v) for v in values])
        self.rows += rows
        self.table.append(rows)


def _smallest_std(x: Tensor) -> Tensor:
    return x.float().var((0, 2, 3)).min().sqrt()


def surprise(optimizer: Optimizer) -> list[Tensor]:
    """Compare the gradients with what Adam remembers: RMS of g / sqrt(v), for each tensor.

    Args:
        optimizer: Adam, before the step; v is its bias-corrected second moment.

    Returns:
        A scalar for each parameter tensor, 0 for Muon's; an empty list before the first step.

    Source: Shazeer & Stern, "Adafactor", 2018, section 6 (update clipping).
    """
    found = []
    for group in optimizer.param_groups:
        for p in group["params"]:
            state = optimizer.state[p]
            if not state:
                return []
            if "exp_avg_sq" not in state:  # Muon's
                found.append(p.new_zeros(()))
                continue
            corrected = state["exp_avg_sq"] / (1 - group["betas"][1] ** state["step"])
            found.append((p.grad.square() / (corrected + group["eps"] ** 2)).mean().sqrt())
    return found
