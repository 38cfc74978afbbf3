"""How an optimiser's state lies in memory."""

import torch
from torch.optim import Optimizer


def lay_out_state(optimizer: Optimizer) -> None:
    """Lay a checkpoint's state, which has the layout of its time, out as the parameters are now.

    Example:
        >>> import torch
        >>> from dip_lightning.optimizers import lay_out_state
        >>> layer = torch.nn.Conv2d(3, 4, 3).to(memory_format=torch.channels_last)
        >>> adam = torch.optim.Adam(layer.parameters())
        >>> lay_out_state(adam)
    """
    for theta, state in optimizer.state.items():
        for name, value in state.items():
            if value.shape == theta.shape:
                state[name] = torch.empty_like(theta).copy_(value)
