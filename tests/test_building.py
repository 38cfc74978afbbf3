"""Whether the fit that a configuration describes has enough memory."""

import pytest
import torch

import dip_lightning as dip
from dip_lightning import Problem, building
from dip_lightning.config import config_folder
from dip_lightning.errors import UserError
from dip_lightning.tasks.blind_deblurring import BlindlyBlurredImage
from tests.cli.test_run import config
from tests.conftest import smooth_image

NETWORKS = (config_folder() / "network").glob("*.yaml")
CPU = torch.device("cpu")
PROBLEM = Problem(torch.zeros(1, 3, 8, 8))


@pytest.mark.parametrize(("precision", "measured"), [("float32", 10.9e3), ("bfloat16", 6.6e3)])
def test_what_a_fit_of_the_papers_network_takes(monkeypatch, precision, measured):
    """Measured: 10.1 to 10.9 kB in float32, 6.2 to 6.6 in bfloat16 (docs/benchmarks.md)."""
    asked = []
    monkeypatch.setattr(building.memory, "check_memory", lambda *given, **_: asked.append(given))
    building.check_memory(
        config("preset=paper", f"precision={precision}"), PROBLEM, (1024, 600), torch.device("cpu")
    )
    ((per_pixel, size, _),) = asked
    assert size == (1024, 600)
    assert measured < per_pixel() < 1.2 * measured


@pytest.mark.parametrize("network", sorted(path.stem for path in NETWORKS))
def test_where_memory_is_plentiful_every_network_fits(monkeypatch, network):
    monkeypatch.setattr(building.memory, "PROBE", 64)
    asked = []
    monkeypatch.setattr(building.memory, "check_memory", lambda *given, **_: asked.append(given))
    given = config(f"network={network}", "precision=float32")
    building.check_memory(given, PROBLEM, (64, 64), torch.device("cpu"))
    assert asked[0][0]() < building.memory.PLENTY / 2


@pytest.mark.parametrize("task", ["denoising", "blind_deblurring", "operator"])
def test_a_tile_is_recommended_where_there_are_tiles(monkeypatch, task):
    monkeypatch.setattr(building.memory, "free_bytes", lambda _: 6e8)
    y = smooth_image(1, 24, 24)
    problem = {
        "denoising": dip.Denoising(y).problem,
        "blind_deblurring": BlindlyBlurredImage(y, (3, 3)),
        "operator": Problem(y, A=torch.square, shape=(1, 24, 24)),
    }[task]
    with pytest.raises(UserError, match="GB are free; use ") as error:
        building.check_memory(config("network=skip"), problem, (600, 700), CPU)
    assert ("use tile=" in str(error.value)) == (task == "denoising")


def test_a_network_of_the_users_is_not_tried_at_another_size(monkeypatch):
    class Fixed(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.places = torch.nn.Parameter(torch.zeros(1, 3, 40, 48))

        def forward(self, z):
            return torch.sigmoid(self.places + z[:, :3])

    monkeypatch.setattr(building.memory, "free_bytes", lambda _: 1e7)
    keys = {"network": Fixed(), "iterations": 2, "device": "cpu", "progress": False}
    assert dip.restore(smooth_image(3, 40, 48), **keys).metrics["status"] == "finished"


def test_one_call_is_refused_as_well(monkeypatch):
    monkeypatch.setattr(building.memory, "free_bytes", lambda _: 1e7)
    with pytest.raises(UserError, match=r"restoring 48 x 40 pixels .* use a smaller image"):
        dip.restore(smooth_image(3, 40, 48), device="cpu", progress=False)
