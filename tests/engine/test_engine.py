import sys

import pytest
import torch

from dip_lightning import engine
from dip_lightning.errors import UserError

CPU = torch.device("cpu")


def test_glibc_takes_the_allocator_settings():
    glibc = sys.platform.startswith("linux") and engine._libc_name() is not None
    assert engine.keep_freed_memory() == glibc


def test_float32_is_not_rounded_by_convolutions(monkeypatch):
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    engine.keep_float32()
    assert torch.backends.cudnn.conv.fp32_precision != "tf32"


@pytest.mark.parametrize("fast", [False, True])
def test_auto_takes_bfloat16_where_it_is_fast(fast, monkeypatch):
    monkeypatch.setattr(engine, "has_fast_bfloat16", lambda device: fast)
    assert engine.compute_dtype("auto", CPU) == (torch.bfloat16 if fast else torch.float32)
    assert engine.compute_dtype("bfloat16", CPU) == torch.bfloat16
    assert engine.compute_dtype("float32", CPU) == torch.float32


def test_chunks_are_half_a_second_long():
    paces = iter([None, 0.3, 0.01, 0.0001, 9.0, 0.01])
    assert list(engine.Chunks(110, None, lambda: next(paces))) == [1, 2, 50, 50, 1, 6]


@pytest.mark.parametrize(("total", "fixed"), [(20, 7), (3, 50), (10, 5)])
def test_fixed_chunks_cover_the_fit(total, fixed):
    sizes = list(engine.Chunks(total, fixed, lambda: 1.0))
    assert sum(sizes) == total
    assert max(sizes) <= fixed
    assert set(sizes[:-1]) <= {fixed}


@pytest.mark.parametrize(
    ("fixed", "done", "sizes"),
    [(None, 0, [10, 10, 5]), (7, 0, [7, 3, 7, 3, 5]), (50, 12, [8, 5])],
)
def test_chunks_end_where_somebody_looks(fixed, done, sizes):
    chunks = engine.Chunks(25, fixed, lambda: 0.01, lambda: done, every=10)
    assert list(chunks) == sizes


def test_a_gpu_that_is_not_there(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: False)
    assert engine.find_device("auto") == CPU
    assert engine.find_device("cpu") == CPU
    with pytest.raises(UserError, match="device=gpu"):
        engine.find_device("gpu")


def test_a_gpu_that_is_there(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    assert engine.find_device("auto").type == "cuda"
    assert engine.find_device("cpu") == CPU


def test_on_apples_gpu_float32_with_the_channels_first(monkeypatch):
    """PyTorch's answers are simulated."""
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: True)
    device = engine.find_device("auto")
    assert device.type == engine.find_device("gpu").type == "mps"
    assert engine.find_device("cpu") == CPU
    assert engine.compute_dtype("auto", device) == torch.float32
    assert engine.compute_dtype("bfloat16", device) == torch.bfloat16  # it was typed
    for dtype in (torch.float32, torch.bfloat16):
        assert engine.memory_format(dtype, device) == torch.contiguous_format
