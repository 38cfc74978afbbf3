import pytest
import torch
from torch import nn
from torch.optim import SGD

from dip_lightning.optimizers.stability import StepLimit
from tests.prior.test_deep_image_prior import fit, make


def steps(lengths, limit, rates=None):
    """Take steps of these lengths; return the lengths of those taken, and the guard."""
    theta = [nn.Parameter(torch.zeros(2)), nn.Parameter(torch.zeros(3, 1))]
    optimizer = SGD(theta, lr=1.0)
    guard = StepLimit(limit)
    guard.attach(optimizer)
    taken = []
    for i, length in enumerate(lengths):
        before = torch.cat([p.detach().flatten() for p in theta])
        rate = optimizer.param_groups[0]["lr"] = rates[i] if rates else 1.0
        theta[0].grad = torch.tensor([0.6, 0.0]) * length / rate
        theta[1].grad = torch.tensor([[0.0], [0.8], [0.0]]) * length / rate
        optimizer.step()
        step = torch.cat([p.detach().flatten() for p in theta]) - before
        if length and torch.isfinite(step).all():
            assert float(step[3] / step[0]) == pytest.approx(0.8 / 0.6, rel=1e-3)
        taken.append(float(step.norm()))
    return taken, guard


def test_usual_steps_stay_as_they_are():
    lengths = [1.0, 1.5, 1.1, 1.2, 1.9]
    assert steps(lengths, 2.0)[0] == pytest.approx(lengths)


def test_a_burst_is_shortened_to_the_limit():
    taken, _ = steps([1.0] * 500 + [10.0, 1000.0, 1.0], 2.0)
    assert taken[500] == pytest.approx(2, rel=1e-4)
    assert taken[501] == pytest.approx(2 * 2**0.02, rel=1e-4)  # the usual length follows slowly
    assert taken[502] == pytest.approx(1, rel=1e-4)


def test_the_long_steps_of_the_beginning_are_forgotten():
    _, guard = steps([1000.0] + [1.0] * 50, 2.0)
    assert float(guard.usual) < 1.001


def test_steps_are_measured_in_learning_rates():
    rates = [0.01, 0.1, 1.0, 10.0]
    assert steps(rates, 1.0, rates)[0] == pytest.approx(rates)


def test_a_step_that_is_not_finite_is_not_remembered():
    taken, guard = steps([1.0, float("nan")], 2.0)
    assert taken[0] == pytest.approx(1)
    assert float(guard.usual) == pytest.approx(1)


def test_a_constant_image_without_steps():
    taken, guard = steps([0.0, 0.0], 2.0)
    assert taken == [0.0, 0.0]
    assert float(guard.usual) == 1


def test_the_fit_uses_it_only_if_told():
    plain, loose, tight = (fit(make(iterations=40, lr=0.001, guard=g)) for g in (None, 1e6, 1.0))
    assert torch.equal(plain.x_hat, loose.x_hat)
    assert not torch.equal(plain.x_hat, tight.x_hat)
