import pytest
import torch
from torch import nn

from dip_lightning.config import Config
from dip_lightning.optimizers import build_optimizer, lay_out_state
from dip_lightning.optimizers.muon import Muon


@pytest.mark.parametrize(("name", "kind"), [("adam", torch.optim.Adam), ("muon", Muon)])
def test_builds_what_is_asked_for_and_its_schedule(name, kind):
    config = Config(optimizer=name, lr=0.5, beta2=0.9, schedule="warmup_cosine", warmup=4)
    theta = nn.Conv2d(2, 3, 3).parameters()
    optimizer, scheduler = build_optimizer(
        config, theta, inside=torch.float32, fused=False, capturable=False
    )
    assert type(optimizer) is kind
    assert optimizer.param_groups[-1]["betas"] == (0.9, 0.9)
    assert {group["lr"] for group in optimizer.param_groups} == {0.5 / 4}
    optimizer.step()
    scheduler.step()
    assert {group["lr"] for group in optimizer.param_groups} == {0.5 / 2}


def test_a_state_gets_the_layout_of_its_parameters():
    theta = nn.Parameter(torch.rand(2, 3, 3, 3).contiguous(memory_format=torch.channels_last))
    optimizer = torch.optim.Adam([theta])
    moment, step = torch.rand(2, 3, 3, 3), torch.tensor(7.0)
    optimizer.state[theta] = {"exp_avg": moment, "step": step}
    lay_out_state(optimizer)
    found = optimizer.state[theta]["exp_avg"]
    assert torch.equal(found, moment)
    assert found.stride() == theta.stride() != moment.stride()
    assert optimizer.state[theta]["step"] is step
