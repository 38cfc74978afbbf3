import sys

import pytest
import torch

from dip_lightning import compute
from dip_lightning.compute import allocator, precision
from dip_lightning.errors import UserError

CPU = torch.device("cpu")


def test_glibc_takes_the_allocator_settings():
    glibc = sys.platform.startswith("linux") and allocator._libc_name() is not None
    assert compute.keep_freed_memory() == glibc


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


def test_a_gpu_that_is_not_there(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: False)
    assert compute.find_device("auto") == CPU
    assert compute.find_device("cpu") == CPU
    with pytest.raises(UserError, match="device=gpu"):
        compute.find_device("gpu")


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
