"""The paper's settings give the curves that were written down once."""

import json

import pytest
import torch

from dip_lightning import compute
from tests.golden.curves import FILE, ITERATIONS, JOBS, everything_in_float64, precise_task, task
from tests.prior.test_deep_image_prior import collected

GOLDEN = json.loads(FILE.read_text())


@pytest.mark.parametrize("name", JOBS)
def test_curve_is_the_golden_one(name, monkeypatch):
    monkeypatch.setattr(compute, "compute_dtype", lambda *_: torch.float64)
    with everything_in_float64():
        losses = [iterate.loss for iterate in collected(precise_task(name), chunk=5)]
    torch.testing.assert_close(losses, GOLDEN[name], rtol=1e-6, atol=0)


@pytest.mark.parametrize("name", JOBS)
def test_float32_begins_as_the_golden_curve(name):
    losses = [iterate.loss for iterate in collected(task(name), chunk=ITERATIONS)]
    assert len(losses) == ITERATIONS
    assert losses[0] == pytest.approx(GOLDEN[name][0], rel=1e-5)
    assert losses[1] == pytest.approx(GOLDEN[name][1], rel=0.1)
