"""Kernels run on a GPU where there is one, else in Triton's interpreter."""

from importlib.util import find_spec

import pytest
import torch

if find_spec("triton") is None:  # it comes with PyTorch for CUDA, and on Linux with [dev]
    collect_ignore_glob = ["*"]

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


def draw(*shape: int, seed: int = 0) -> torch.Tensor:
    """Values of all sizes, on the device, channels last where there are channels."""
    x = torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(DEVICE)
    return x.contiguous(memory_format=torch.channels_last) if x.ndim == 4 else x


def exact(*tensors: torch.Tensor) -> list[torch.Tensor]:
    """The same in float64, as leaves whose gradients are wanted."""
    return [t.detach().double().requires_grad_() for t in tensors]


def assert_near(found: torch.Tensor, wanted: torch.Tensor, tolerance: float = 1e-5) -> None:
    """Compare with a reference in float64, the whole tensors."""
    assert found.shape == wanted.shape
    found, wanted = found.detach().double(), wanted.detach()
    assert (found - wanted).norm() <= tolerance * max(1e-6, float(wanted.norm()))


@pytest.fixture(autouse=True)
def float32_is_float32(monkeypatch):
    """cuDNN would round to TF32, with 10 bits."""
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)


@pytest.fixture(params=["small", "large"])
def sharing(request, monkeypatch):
    """Both ways of sharing work: a program sees all pixels, or some of them."""
    from dip_lightning.generators.fused import launching

    monkeypatch.setattr(launching, "SMALL", 10**9 if request.param == "small" else 0)
    monkeypatch.setattr(launching, "SUM_TILE", 256)  # so that several programs share a sum
    return request.param
