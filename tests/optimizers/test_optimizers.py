import pytest
import torch
from torch import nn

from dip_lightning.config import Config
from dip_lightning.optimizers import build_optimizer
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
