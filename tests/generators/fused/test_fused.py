import pytest
import torch

from dip_lightning.generators import build
from dip_lightning.generators.fused import NotFusedError, fused
from tests.generators.fused.conftest import DEVICE, assert_near, draw

TINY = {"name": "skip", "generator": "skip", "down": [4, 6], "up": [4, 5], "skip": [2, 0]}


def made(outputs=3, **options):
    network = build({**TINY, **options}, 3, outputs, torch.Generator().manual_seed(0))
    return network.to(DEVICE).to(memory_format=torch.channels_last)


def test_computes_what_the_generator_does():
    network, z = made(), draw(1, 3, 9, 14).abs()
    found = fused(network, z)(z)
    assert_near(found, network(z).double())
    assert all(p.grad is None for p in network.parameters())


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"downsampling": "average"}, "downsampling=stride"),
        ({"identity_skip": True}, "identity_skip=false"),
        ({"kernel_skip": 3}, "kernel_skip=1"),
        ({"activation": "elu"}, "activation=elu"),
        ({"outputs": 5}, "up to 4 channels, not 5"),
    ],
)
def test_what_has_no_kernels_is_said(options, reason):
    with pytest.raises(NotFusedError, match=reason):
        fused(made(**options), draw(1, 3, 8, 8))


def test_only_the_hourglass_has_any():
    network = build({"name": "unet", "generator": "unet"}, 3, 3, torch.Generator())
    with pytest.raises(NotFusedError, match="only generator=skip"):
        fused(network, draw(1, 3, 8, 8))


def test_a_compiler_that_fails_is_no_end(monkeypatch):
    from dip_lightning.generators.fused import network

    def broken(*_):
        raise RuntimeError("Failed to find C compiler.\nPlease specify via CC")

    monkeypatch.setattr(network, "_Rounded", broken)
    with pytest.raises(NotFusedError, match=r"^Failed to find C compiler$"):
        fused(made(), draw(1, 3, 8, 8))


def test_an_image_of_more_values_than_they_count(monkeypatch):
    monkeypatch.setattr("dip_lightning.generators.fused.MOST_VALUES", 999)
    with pytest.raises(NotFusedError, match="has more values"):
        fused(made(), draw(1, 3, 8, 9))


def test_a_full_memory_is_not_taken_for_a_broken_compiler(monkeypatch):
    from dip_lightning.generators.fused import network

    def full(*_):
        raise torch.cuda.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(network, "_Rounded", full)
    with pytest.raises(torch.cuda.OutOfMemoryError):
        fused(made(), draw(1, 3, 8, 8))
