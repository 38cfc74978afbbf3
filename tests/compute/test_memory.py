from pathlib import Path

import pytest
import torch

from dip_lightning.compute import memory
from dip_lightning.errors import UserError
from dip_lightning.generators.skip import Options, Skip

CPU = torch.device("cpu")


def saved(channels, dtype=torch.float32):
    options = Options(down=[channels] * 2, up=[channels] * 2, skip=[2] * 2)
    network = Skip(3, 1, options, torch.Generator().manual_seed(0))
    return memory.saved_bytes_per_pixel(network, 3, dtype)


def test_what_is_saved_grows_with_the_channels():
    narrow, wide = saved(4), saved(16)
    assert 2 < wide / narrow < 4.5


def test_bfloat16_saves_less():
    assert saved(16, torch.bfloat16) < 0.9 * saved(16)


def test_one_convolution_is_counted_exactly():
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 5, 1), torch.nn.Sigmoid())
    # The input of the convolution and the output of the sigmoid, in float32.
    assert memory.saved_bytes_per_pixel(network, 3, torch.float32) == 4 * (3 + 5)


def test_a_fit_needs_z_three_times_and_what_is_saved_in_proportion():
    of_z = memory.fit_bytes_per_pixel(0, 8, CPU)
    assert of_z == 3 * 8 * 4
    of_cpu, of_gpu = (
        memory.fit_bytes_per_pixel(1000, 8, torch.device(kind)) - of_z for kind in ("cpu", "cuda")
    )
    assert 1500 < of_gpu < of_cpu < 2500


def test_refuses_in_one_sentence(monkeypatch):
    monkeypatch.setattr(memory, "free_bytes", lambda device: 2e9)
    memory.check_memory(lambda: 2000, (1000, 900), CPU)
    with pytest.raises(UserError) as error:
        memory.check_memory(lambda: 2000, (1000, 1100), CPU)
    assert "restoring 1100 x 1000 pixels needs about 2.2 GB of memory and 2.0 GB are free" in str(
        error.value
    )


@pytest.mark.parametrize(("free", "size"), [(None, (10**5, 10**5)), (2e9, (199, 199))])
def test_nothing_is_asked_where_nobody_knows_or_there_is_plenty(monkeypatch, free, size):
    def unasked():
        raise AssertionError

    monkeypatch.setattr(memory, "free_bytes", lambda device: free)
    memory.check_memory(unasked, size, CPU)


def test_a_small_image_is_refused_where_memory_is_less_than_it_takes(monkeypatch):
    monkeypatch.setattr(memory, "free_bytes", lambda device: 5e8)
    with pytest.raises(UserError, match=r"256 x 256 pixels needs about 0\.7 GB"):
        memory.check_memory(lambda: 10_000, (256, 256), CPU)


def test_peak_is_what_the_process_had():
    before = memory.peak_bytes(CPU)
    block = torch.ones(60_000_000)
    assert memory.peak_bytes(CPU) >= before
    assert memory.peak_bytes(CPU) > block.nbytes


def test_free_memory_is_plausible():
    free = memory.free_bytes(CPU)
    assert free is None or 1e7 < free < 1e14
    assert memory.free_bytes(torch.device("meta")) is None


@pytest.mark.skipif(not Path("/proc/meminfo").is_file(), reason="needs Linux")
def test_what_a_control_group_grants_counts(monkeypatch):
    monkeypatch.setattr(memory.cgroups, "free_bytes", lambda: 1234.0)
    assert memory.free_bytes(CPU) == 1234.0
    monkeypatch.setattr(memory.cgroups, "free_bytes", lambda: 1e18)
    assert memory.free_bytes(CPU) < 1e18


@pytest.mark.parametrize(
    ("free", "remedy"),
    [
        (
            1e9,
            "use tile=704 (overlapping parts, one after the other), a smaller image",
        ),
        (1.03e6 * 4, "use a smaller image (or factor), or fewer channels"),  # not even tile=64
    ],
)
def test_names_the_largest_tile_that_fits(monkeypatch, free, remedy):
    monkeypatch.setattr(memory, "free_bytes", lambda device: free)
    with pytest.raises(UserError) as error:
        memory.check_memory(lambda: 2000, (1000, 1100), CPU)
    assert remedy in str(error.value)
    if "tile=" in remedy:
        memory.check_memory(lambda: 2000, (704, 704), CPU)


def test_a_deep_network_is_measured_at_a_size_that_it_takes():
    def of_scales(count):
        options = Options(down=[4] * count, up=[4] * count, skip=[2] * count)
        network = Skip(3, 1, options, torch.Generator().manual_seed(0))
        return memory.saved_bytes_per_pixel(network, 3, torch.float32)

    assert of_scales(8) == pytest.approx(of_scales(7), rel=0.02)
