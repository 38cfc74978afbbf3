"""What changes theta: the optimiser, and the course of its rate."""

from collections.abc import Iterable
from functools import partial

import torch
from torch import nn
from torch.optim import Adam, Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler

from dip_lightning.config import Config
from dip_lightning.optimizers.muon import Muon
from dip_lightning.optimizers.schedule import learning_rate_factor


def build_optimizer(
    config: Config,
    theta: Iterable[nn.Parameter],
    *,
    inside: torch.dtype,
    fused: bool,
    capturable: bool,
) -> tuple[Optimizer, LRScheduler]:
    """Build the optimiser of all parameters and the schedule of its learning rate.

    Args:
        config: `optimizer`, `muon_rounds`, `lr`, `beta2`, `epsilon`; `schedule` and what it needs.
        theta: parameters of the generator.
        inside: number format of Muon's products; Adam computes in that of the weights.
        fused: whether all of Adam is one operation, where the device has it.
        capturable: whether a CUDA graph is to hold it.
    """
    adam = partial(
        Adam,
        lr=config.lr,
        betas=(0.9, config.beta2),
        eps=config.epsilon,
        fused=fused,
        capturable=capturable,
    )
    optimizer: Optimizer
    if config.optimizer == "muon":
        optimizer = Muon(theta, adam, config.muon_rounds, inside)
    else:
        optimizer = adam(theta)

    def factor(iteration: int) -> float:
        return learning_rate_factor(config, iteration)

    return optimizer, LambdaLR(optimizer, factor)


def lay_out_state(optimizer: Optimizer) -> None:
    """Lay a checkpoint's state, which has the layout of its time, out as the parameters are now."""
    for theta, state in optimizer.state.items():
        for name, value in state.items():
            if value.shape == theta.shape:
                state[name] = torch.empty_like(theta).copy_(value)
