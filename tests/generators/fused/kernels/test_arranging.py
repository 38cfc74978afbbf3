import torch

from dip_lightning.generators.fused.launching import arrange
from tests.generators.fused.conftest import DEVICE, draw


def test_arranged_and_back():
    weight = draw(4, 7, 3, 3)
    arranged = torch.full((4, 16, 3, 3), torch.nan, device=DEVICE)
    arranged = arranged.contiguous(memory_format=torch.channels_last)
    arrange(weight, arranged, 2, back=False)
    assert torch.equal(arranged[:, :5], weight[:, 2:])
    assert torch.equal(arranged[:, 5:7], weight[:, :2])
    assert not arranged[:, 7:].any()
    back = torch.empty_like(weight)
    arrange(back, arranged, 2, back=True)
    assert torch.equal(back, weight)
