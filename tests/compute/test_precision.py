import pytest
import torch

from dip_lightning import compute
from dip_lightning.compute import precision

CPU = torch.device("cpu")


def test_float32_is_not_rounded_by_convolutions(monkeypatch):
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    compute.keep_float32()
    assert torch.backends.cudnn.conv.fp32_precision != "tf32"


@pytest.mark.parametrize("fast", [False, True])
def test_auto_takes_bfloat16_where_it_is_fast(fast, monkeypatch):
    monkeypatch.setattr(precision, "has_fast_bfloat16", lambda device: fast)
    assert compute.compute_dtype("auto", CPU) == (torch.bfloat16 if fast else torch.float32)
    assert compute.compute_dtype("bfloat16", CPU) == torch.bfloat16
    assert compute.compute_dtype("float32", CPU) == torch.float32
