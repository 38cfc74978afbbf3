"""A blur kernel as the output of a small network."""

import math

import torch
from torch import Tensor, nn

from dip_lightning.generators.layers import initialise

INPUTS, HIDDEN = 200, 1000  # as published
SCALE = 0.1  # of its input
FLOOR = 1e-3  # of the greatest weight: what is less at the start could hardly grow


class KernelNetwork(nn.Module):
    """A fully connected network from fixed noise to weights that are positive and sum to 1.

    k = softmax(W2 relu6(W1 z + b1) + b2)

    Args:
        size: (kh, kw) of the kernel.
        generator: source of z and of the initial weights, on the CPU.
        start: initial kernel, (kh, kw), which sums to 1; None: about the same weight everywhere.

    Source: Ren et al., "Neural Blind Deconvolution Using Deep Priors", CVPR 2020.

    Example:
        >>> import torch
        >>> from dip_lightning.generators import KernelNetwork
        >>> kernel = KernelNetwork((5, 7), torch.Generator().manual_seed(0))()
        >>> kernel.shape, round(kernel.sum().item(), 4)
        (torch.Size([5, 7]), 1.0)
    """

    z: Tensor

    def __init__(
        self, size: tuple[int, int], generator: torch.Generator, start: Tensor | None = None
    ) -> None:
        super().__init__()
        self.size = size
        z = SCALE * torch.rand(INPUTS, generator=generator)
        self.register_buffer("z", z, persistent=False)
        # PyTorch's layers draw weights as they are made, which `generator` then overwrites.
        with torch.random.fork_rng(devices=[]):
            self.first = nn.Linear(INPUTS, HIDDEN)
            self.last = nn.Linear(HIDDEN, math.prod(size))
        initialise(self, generator)
        if start is not None:
            with torch.no_grad():
                self.last.weight.zero_()
                self.last.bias.copy_((start + FLOOR * start.max()).log().flatten())

    def forward(self) -> Tensor:
        """Return k, (kh, kw), float32."""
        hidden = nn.functional.relu6(self.first(self.z))
        weights: Tensor = self.last(hidden).softmax(0)
        return weights.view(self.size)
