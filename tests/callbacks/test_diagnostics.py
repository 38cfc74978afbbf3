import copy
import csv

import pytest
import torch
from torch import nn
from torch.optim import Adam

from benchmarks.textbook import written_out
from dip_lightning.callbacks.diagnostics import COLUMNS, Diagnostics, surprise
from tests.prior.test_deep_image_prior import NETWORK, fit, make


def rows(path):
    with path.open() as file:
        return [{k: float(v) for k, v in row.items()} for row in csv.DictReader(file)]


@pytest.mark.parametrize(("chunk", "optimizer"), [(1, "adam"), (4, "adam"), (4, "muon")])
def test_every_iteration_is_measured_and_none_changed(tmp_path, chunk, optimizer):
    plain = fit(make(iterations=9, optimizer=optimizer), chunk)
    looked = Diagnostics(tmp_path / "diagnostics.csv")
    watched = fit(make(iterations=9, optimizer=optimizer), chunk, [looked])
    assert torch.equal(plain.x_hat, watched.x_hat)
    measured = rows(looked.table.path)
    assert tuple(measured[0]) == COLUMNS
    assert [row["iteration"] for row in measured] == list(range(1, 10))
    assert measured[0]["surprise"] == 0
    for row in measured[1:]:
        for name in ("gradient_norm", "update_ratio", "surprise", "second_moment", "batch_std"):
            assert row[name] > 0


def test_updates_and_moments_are_adams(tmp_path):
    module = nn.Linear(2, 1, bias=False)
    optimizer = Adam(module.parameters(), lr=0.5)
    before = module.weight.detach().clone()
    looked = Diagnostics(tmp_path / "diagnostics.csv")
    optimizer.register_step_pre_hook(looked._look_before)
    optimizer.register_step_post_hook(looked._look_after)
    module.weight.grad = torch.tensor([[3.0, 4.0]])
    optimizer.step()
    gradient, ratio, surprised, _, moment, _ = looked._measured[0].tolist()
    assert gradient == pytest.approx(5)
    # Adam's first step has the length lr in every coordinate.
    assert ratio == pytest.approx(0.5 * 2**0.5 / float(before.norm()))
    assert surprised == 0
    assert moment == pytest.approx((0.001 * (9 + 16) / 2) ** 0.5)


def test_surprise_is_one_for_gradients_that_stay_the_same():
    theta = nn.Parameter(torch.tensor([1.0, -2.0]))
    optimizer = Adam([theta], lr=0.1)
    assert surprise(optimizer) == []
    for _ in range(3):
        theta.grad = torch.tensor([0.3, -0.1])
        optimizer.step()
    assert float(surprise(optimizer)[0]) == pytest.approx(1, rel=1e-4)
    theta.grad = torch.tensor([3.0, -1.0])
    assert float(surprise(optimizer)[0]) == pytest.approx(10, rel=1e-4)


@pytest.mark.parametrize("mode", ["nearest", "bilinear"])
def test_every_batch_norm_is_looked_into(mode, tmp_path):
    """Those that are part of a convolution, too: as in the network written out."""
    task = make(network={**NETWORK, "upsampling": [mode]}, iterations=1)
    written, stds = written_out(copy.deepcopy(task.network)), []
    for module in written.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.register_forward_pre_hook(
                lambda _, inputs: stds.append(inputs[0].detach().std((0, 2, 3)).min())
            )
    looked = Diagnostics(tmp_path / "diagnostics.csv")
    looked.watch(task)
    task.network(task.z)
    written(task.z)
    assert len(stds) == sum(isinstance(module, nn.BatchNorm2d) for module in written.modules())
    torch.testing.assert_close(looked._stds, stds)
