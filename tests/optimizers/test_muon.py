import copy
from functools import partial

import pytest
import torch
from torch import nn
from torch.optim import Adam
from torch.optim.lr_scheduler import LambdaLR

from dip_lightning.optimizers.muon import LENGTH, MOMENTUM, Muon, orthogonalized

SHAPES = ((5, 3, 3, 3), (5, 3, 3, 3), (4, 4, 1, 1), (7, 2, 1, 1), (1, 5, 1, 1), (5,), ())


def draw(*shape, seed=0, dtype=torch.float32):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def made(lr=0.01, layout=torch.contiguous_format):
    theta = [draw(*shape, seed=i) for i, shape in enumerate(SHAPES)]
    theta = [t.contiguous(memory_format=layout) if t.ndim == 4 else t for t in theta]
    parameters = [nn.Parameter(t) for t in theta]
    return parameters, Muon(parameters, partial(Adam, lr=lr))


def run(parameters, optimizer, steps):
    for step in steps:
        for i, p in enumerate(parameters):
            p.grad = draw(*p.shape, seed=1000 * step + i)
        optimizer.step()
    return [p.detach().clone() for p in parameters]


def iterated(u, rounds=5):
    """The definition, one product after the other, in float64."""
    x = u.double() / u.double().norm()
    for _ in range(rounds):
        gram = x @ x.T
        x = 3.4445 * x + (-4.7750 * gram + 2.0315 * gram @ gram) @ x
    return x


@pytest.mark.parametrize("rounds", [1, 2, 3, 5])
@pytest.mark.parametrize("shape", [(6, 40), (40, 6), (8, 8), (2, 3)])
def test_orthogonalized_is_the_iteration(shape, rounds):
    u = torch.stack([draw(*shape, seed=3), 1e-9 * draw(*shape, seed=4)])
    found = orthogonalized(u, rounds)
    for one, matrix in zip(found, u, strict=True):
        wide = shape[0] <= shape[1]
        wanted = iterated(matrix, rounds) if wide else iterated(matrix.T, rounds).T
        torch.testing.assert_close(one.double(), wanted, atol=2e-4, rtol=2e-3)


def test_orthogonalized_keeps_singular_vectors_and_evens_singular_values():
    left = torch.linalg.qr(draw(6, 6, seed=1, dtype=torch.float64))[0]
    right = torch.linalg.qr(draw(20, 6, seed=2, dtype=torch.float64))[0]
    values = torch.tensor([1.0, 0.5, 0.1, 0.03, 0.01, 0.0025], dtype=torch.float64)
    found = orthogonalized((left * values @ right.T)[None].float())[0].double()
    inside = left.T @ found @ right
    assert (inside.diagonal() > 0.68).all()
    assert (inside.diagonal() < 1.21).all()
    assert (inside - inside.diagonal().diag()).abs().max() < 1e-2


@pytest.mark.parametrize(("decades", "rounds"), [(0.5, 5), (2, 5), (3, 5), (2, 1), (2, 2), (2, 3)])
def test_orthogonalized_in_bfloat16_is_near_the_iteration(decades, rounds):
    """Were all five rounds one product, the error would be 7 |X| at three decades."""
    left = torch.linalg.qr(draw(2, 64, 64, seed=1, dtype=torch.float64))[0]
    right = torch.linalg.qr(draw(2, 300, 64, seed=2, dtype=torch.float64))[0]
    u = ((left * torch.logspace(0, -decades, 64, dtype=torch.float64)) @ right.mT).float()
    found = orthogonalized(u, rounds, torch.bfloat16)
    assert found.dtype == torch.float32
    wanted = torch.stack([iterated(one, rounds) for one in u])
    assert (found.double() - wanted).norm() < 0.08 * wanted.norm()


@pytest.mark.parametrize("inside", [torch.float32, torch.bfloat16])
def test_zero_stays_zero(inside):
    assert torch.equal(orthogonalized(torch.zeros(1, 3, 4), inside=inside), torch.zeros(1, 3, 4))


@pytest.mark.parametrize("size", [1e-42, 1e-24, 1e24])
def test_the_size_of_a_gradient_does_not_matter(size):
    """Its squares alone would underflow, or overflow."""
    usual, extreme = orthogonalized(draw(1, 6, 15)), orthogonalized(size * draw(1, 6, 15))
    torch.testing.assert_close(extreme, usual, atol=0.02 if size < 1e-38 else 1e-5, rtol=0)


def test_a_matrix_follows_pytorchs_muon():
    ours, theirs = (nn.Parameter(draw(6, 15)) for _ in range(2))
    settings = {"weight_decay": 0.0, "momentum": MOMENTUM, "adjust_lr_fn": "match_rms_adamw"}
    reference = torch.optim.Muon([theirs], lr=0.1, **settings)
    optimizer = Muon([ours], partial(Adam, lr=0.1))
    for step in range(6):
        ours.grad, theirs.grad = (draw(6, 15, seed=10 + step) for _ in range(2))
        optimizer.step()
        reference.step()
    # PyTorch multiplies in bfloat16, and leaves the length of O(U) to chance.
    moved, wanted = (p.detach() - draw(6, 15) for p in (ours, theirs))
    assert (moved * wanted).sum() > 0.999 * moved.norm() * wanted.norm()
    assert moved.norm() == pytest.approx(float(wanted.norm()), rel=0.15)


@pytest.mark.parametrize("rounds", [1, 2, 5])
def test_a_step_is_as_long_as_adams(rounds):
    p = nn.Parameter(torch.zeros(16, 8, 3, 3))
    p.grad = draw(16, 8, 3, 3)
    Muon([p], partial(Adam, lr=0.5), rounds).step()
    assert p.detach().square().mean().sqrt() == pytest.approx(0.5 * LENGTH, rel=1e-5)


def test_a_gradient_of_zero_moves_nothing():
    p = nn.Parameter(draw(4, 3, 3, 3))
    p.grad = torch.zeros_like(p)
    Muon([p], partial(Adam, lr=10.0)).step()
    assert torch.equal(p.detach(), draw(4, 3, 3, 3))


def test_fewer_rounds_leave_small_singular_values_behind():
    left = torch.linalg.qr(draw(6, 6, seed=1, dtype=torch.float64))[0]
    right = torch.linalg.qr(draw(20, 6, seed=2, dtype=torch.float64))[0]
    values = torch.logspace(0, -3, 6, dtype=torch.float64)
    u = (left * values @ right.T)[None].float()
    spread = [torch.linalg.svdvals(orthogonalized(u, rounds))[0] for rounds in (1, 2, 3, 4, 5)]
    smallest = [float(s[-1] / s[0]) for s in spread]
    assert smallest == sorted(smallest)
    assert smallest[1] < 0.03
    assert smallest[4] > 0.3


def test_the_rest_is_adams():
    parameters, optimizer = made()
    found = run(parameters, optimizer, range(4))
    alone = [nn.Parameter(draw(*shape, seed=i)) for i, shape in enumerate(SHAPES)]
    wanted = run(alone, Adam(alone, lr=0.01), range(4))
    assert all(torch.equal(*pair) for pair in zip(found[4:], wanted[4:], strict=True))
    assert not any(torch.allclose(*pair) for pair in zip(found[:4], wanted[:4], strict=True))


def test_the_layout_of_weights_changes_nothing():
    found = run(*made(layout=torch.channels_last), range(3))
    for one, other in zip(found, run(*made(), range(3)), strict=True):
        torch.testing.assert_close(one, other)


def test_goes_on_from_its_state_bit_for_bit():
    parameters, optimizer = made()
    wanted = run(parameters, optimizer, range(5))
    first, optimizer = made()
    run(first, optimizer, range(2))
    second = [nn.Parameter(p.detach().clone()) for p in first]
    other = Muon(second, partial(Adam, lr=99.0))
    other.load_state_dict(optimizer.state_dict())
    found = run(second, other, range(2, 5))
    assert all(torch.equal(*pair) for pair in zip(found, wanted, strict=True))


def test_a_schedule_reaches_both_parts():
    parameters, optimizer = made()
    LambdaLR(optimizer, lambda step: 0.0)
    before = [p.detach().clone() for p in parameters]
    assert all(
        torch.equal(*pair) for pair in zip(run(parameters, optimizer, [0]), before, strict=True)
    )


def test_parameters_without_a_gradient_stay():
    parameters, optimizer = made()
    parameters[0].grad = draw(5, 3, 3, 3)
    optimizer.step()
    assert not torch.equal(parameters[0].detach(), draw(5, 3, 3, 3))
    assert torch.equal(parameters[1].detach(), draw(5, 3, 3, 3, seed=1))


@pytest.mark.parametrize("shape", [(4, 3, 1, 1), (4,)])
def test_one_part_may_be_empty(shape):
    p = nn.Parameter(draw(*shape))
    p.grad = draw(*shape, seed=1)
    Muon([p], partial(Adam, lr=0.1)).step()
    assert not torch.equal(p.detach(), draw(*shape))


def test_a_copy_goes_on_as_the_optimizer_does():
    parameters, optimizer = made()
    run(parameters, optimizer, range(2))
    others, copied = copy.deepcopy((parameters, optimizer))
    after = run(parameters, optimizer, range(2, 4))
    assert all(map(torch.equal, run(others, copied, range(2, 4)), after))


def test_weights_in_any_order_in_memory_are_changed():
    parameters, optimizer = made()
    turned = nn.Parameter(
        parameters[0].detach().clone().transpose(0, 1).contiguous().transpose(0, 1)
    )
    other = Muon([turned], partial(Adam, lr=0.01))
    assert torch.equal(run([turned], other, range(2))[0], run(parameters, optimizer, range(2))[0])
