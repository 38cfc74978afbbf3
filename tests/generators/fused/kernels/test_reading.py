import pytest
import torch

from dip_lightning.generators.fused.launching import (
    UPSAMPLINGS,
    Border,
    Map,
    Normalisation,
)
from dip_lightning.generators.upsampling import upsampled
from tests.generators.fused.conftest import DEVICE, assert_near, draw


@pytest.mark.parametrize("mode", UPSAMPLINGS)
@pytest.mark.parametrize("size", [(1, 1), (1, 3), (2, 2), (5, 4)])
def test_pixels_upsampled_as_they_are_read(mode, size):
    a = draw(1, 3, *size)
    height, width = 2 * size[0], 2 * size[1]
    shape = Map(3, 3, height, width, up=UPSAMPLINGS[mode])
    zeros, ones = torch.zeros(3, device=DEVICE), torch.ones(3, device=DEVICE)
    found = torch.empty(1, 3, height, width, device=DEVICE)
    found = found.contiguous(memory_format=torch.channels_last)
    norm = Normalisation(a, shape, ones, zeros, 1.0, torch.cat([zeros, ones]))
    norm.write(found, Border(), 3, 3)
    assert_near(found, upsampled(a.double(), mode))
