"""A camera without a lens: task=operator operator=examples/operators/lensless.py:Lensless."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Lensless(nn.Module):
    """Each point of the scene casts the shadow of a coded aperture on a coarse sensor.

    Args:
        aperture: its side, pixels.
        cell: side of a cell of the sensor, pixels of the scene.
    """

    def __init__(self, aperture: int = 12, cell: int = 4) -> None:
        super().__init__()
        code = (torch.rand(aperture, aperture) < 0.5).float()  # the same for the same seed=
        self.register_buffer("code", code / code.sum())
        self.cell = cell

    def forward(self, x: Tensor) -> Tensor:
        """Return what the sensor sees, (1, C, H / cell, W / cell)."""
        size = x.shape[2:]
        shadows = torch.fft.irfft2(torch.fft.rfft2(x) * torch.fft.rfft2(self.code, s=size), s=size)
        return F.avg_pool2d(shadows, self.cell)
