import pytest
import torch

from dip_lightning.generators import KernelNetwork


def network(start=None, seed=0):
    return KernelNetwork((5, 7), torch.Generator().manual_seed(seed), start)


def test_weights_are_those_of_a_kernel():
    kernel = network()().detach()
    assert kernel.shape == (5, 7)
    assert float(kernel.min()) > 0
    assert float(kernel.sum()) == pytest.approx(1)
    assert float(kernel.max() / kernel.min()) < 4  # about the same everywhere


def test_it_begins_with_what_it_is_given():
    start = torch.zeros(5, 7)
    start[2, 2:5] = 1 / 3
    torch.testing.assert_close(network(start)(), start, rtol=0, atol=0.01)


def test_every_weight_can_change():
    made = network(torch.eye(7)[1:6] / 5)
    made()[0, 0].backward()
    assert float(made.last.bias.grad.abs().min()) > 0
    assert float(made.last.weight.grad.abs().amax(1).min()) > 0


def test_the_seed_is_all_that_it_depends_on():
    before = torch.random.get_rng_state()
    assert torch.equal(network()(), network()())
    assert not torch.equal(network()(), network(seed=1)())
    assert torch.equal(torch.random.get_rng_state(), before)
