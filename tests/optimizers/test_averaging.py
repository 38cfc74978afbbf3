import pytest
import torch

from dip_lightning.optimizers.averaging import add_to_average


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.99])
def test_the_average_is_the_weighted_sum(decay):
    outputs = torch.rand(7, 1, 3, 5, 4, generator=torch.Generator().manual_seed(0)).double()
    average, weight = torch.zeros(1, 3, 5, 4).double(), torch.zeros(()).double()
    for t, x_hat in enumerate(outputs):
        add_to_average(average, weight, x_hat, decay, counts=torch.ones(()))
        weights = torch.tensor([decay ** (t - k) for k in range(t + 1)]).double()
        expected = (weights.view(-1, 1, 1, 1, 1) * outputs[: t + 1]).sum(0) / weights.sum()
        torch.testing.assert_close(average, expected)


def test_an_output_that_does_not_count_is_left_out():
    average, weight = torch.full((1, 1, 2, 2), 0.25), torch.tensor(0.4)
    add_to_average(average, weight, torch.ones(1, 1, 2, 2), 0.9, counts=torch.zeros(()))
    assert torch.equal(average, torch.full((1, 1, 2, 2), 0.25))
