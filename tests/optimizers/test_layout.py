import torch
from torch import nn

from dip_lightning.optimizers import lay_out_state


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
