import pytest
import torch

from dip_lightning import compute
from dip_lightning.errors import UserError

CPU = torch.device("cpu")


def test_a_gpu_that_is_not_there(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: False)
    assert compute.find_device("auto") == CPU
    assert compute.find_device("cpu") == CPU
    with pytest.raises(UserError, match="device=gpu"):
        compute.find_device("gpu")
    with pytest.raises(UserError, match="device=cuda:1: choose one of auto, cpu, gpu"):
        compute.find_device("cuda:1")


def test_a_gpu_that_is_there(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    assert compute.find_device("auto").type == "cuda"
    assert compute.find_device("cpu") == CPU


def test_on_apples_gpu_float32_with_the_channels_first(monkeypatch):
    """PyTorch's answers are simulated."""
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: True)
    device = compute.find_device("auto")
    assert device.type == compute.find_device("gpu").type == "mps"
    assert compute.find_device("cpu") == CPU
    assert compute.compute_dtype("auto", device) == torch.float32
    assert compute.compute_dtype("bfloat16", device) == torch.bfloat16  # it was typed
    for dtype in (torch.float32, torch.bfloat16):
        assert compute.memory_format(dtype, device) == torch.contiguous_format
