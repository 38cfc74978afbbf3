"""Pixels that the loss does not see, to judge a fit without a ground truth."""

import numpy as np
import pytest
import torch
from torch import nn

from dip_lightning import DeepImagePrior, Inpainting, Problem
from dip_lightning.errors import UserError
from dip_lightning.generators import Skip, SkipOptions
from dip_lightning.outcome import Fitted, measure, psnr_holdout
from dip_lightning.prior.tiles import Span, Tile
from tests.conftest import smooth_image
from tests.prior.test_deep_image_prior import SETTINGS, collected, fit, make


def held_out(prior):
    known = prior.problem.known_values()
    return (known - prior.seen).expand_as(prior.problem.y) > 0


def psnr_of_held_out(prior):
    problem, fitted = prior.problem, Fitted.of(prior)
    return psnr_holdout(problem, measure(problem, fitted, with_baselines=False), prior.seen)


PIXELWISE = [name for name in SETTINGS if name != "jpeg"]  # whose y can be held out in part


@pytest.mark.parametrize("name", PIXELWISE)
def test_the_loss_does_not_see_them(name):
    task, other = make(name, holdout=0.3), make(name, holdout=0.3)
    hidden = held_out(other)
    share = hidden.sum() / other.problem.known_values().expand_as(other.problem.y).sum()
    assert 0.1 < share < 0.5
    other.problem.y = torch.where(hidden, torch.rand_like(other.problem.y), other.problem.y)
    assert [i.loss for i in collected(task, 5)] == [i.loss for i in collected(other, 5)]


@pytest.mark.parametrize("name", PIXELWISE)
def test_psnr_of_the_held_out_pixels(name):
    task = fit(make(name, holdout=0.3, iterations=3))
    apart, framed = task.problem.A(task.x_average) - task.problem.y, task.problem.framed
    error = framed(apart)[framed(held_out(task))].double().square().mean()
    assert psnr_of_held_out(task) == pytest.approx(float(-10 * error.log10()), abs=1e-4)


def test_margins_are_of_the_fit_alone():
    def thirds(x):
        return (x[..., :-2] + x[..., 1:-1] + x[..., 2:]) / 3

    y = smooth_image(1, 9, 12)
    problem = Problem(y, A=thirds, shape=(1, 9, 14), x=y, margins=(0, 1))
    assert problem.frame == (1, 9, 12)
    assert problem.framed(torch.rand(1, 1, 9, 14)).shape == y.shape
    assert torch.equal(problem.stand_in(), y)
    assert torch.equal(problem.framed(problem.widened(y)), y)
    assert torch.equal(problem.widened(y)[..., 0], y[..., 0])
    assert Problem(y, A=thirds, x=y, margins=(0, 1)).shape == (1, 9, 14)
    with pytest.raises(UserError, match=r"x: is \(1, 1, 9, 14\), expected \(1, 1, 9, 12\)"):
        Problem(y, A=thirds, x=smooth_image(1, 9, 14), shape=(1, 9, 14), margins=(0, 1))


def test_what_is_given_keeps_no_gradient():
    y, small = torch.rand(1, 1, 20, 24, requires_grad=True), torch.nn.Conv2d(2, 1, 1)
    prior = fit(DeepImagePrior(Problem(2 * y - y), small, input_depth=2, iterations=3))
    assert prior.iteration == 3
    assert y.grad is None


@pytest.mark.parametrize("optimizer", ["adam", "muon"])
def test_only_what_is_fitted_collects_gradients(optimizer):
    """An operator's own parameters are its owner's; a network may have some that it never uses."""
    blur, network = nn.Conv2d(1, 1, 3, padding=1), nn.Sequential(nn.Conv2d(2, 4, 1))
    network.append(nn.Conv2d(4, 1, 1))
    network.register_parameter("unused", nn.Parameter(torch.ones(2)))
    frozen, fitted = network[0].weight.requires_grad_(requires_grad=False), network[1].weight
    before = [p.detach().clone() for p in (frozen, fitted)]
    problem = Problem(smooth_image(1, 11, 14), blur)
    fit(DeepImagePrior(problem, network, input_depth=2, iterations=3, optimizer=optimizer))
    assert [p.grad for p in blur.parameters()] == [None, None]
    assert [torch.equal(a, b) for a, b in zip(before, (frozen, fitted), strict=True)] == [1, 0]


def test_what_is_unknown_may_be_no_number():
    y, known = smooth_image(1, 9, 12), torch.rand(1, 1, 9, 12) > 0.3
    holed = torch.where(known, y, torch.nan)
    problem = Problem(holed, known=known, y_noise_std=0.1)
    expected = ((0.5 - y)[known] ** 2).sum() / y.numel()
    assert float(problem.loss(torch.full_like(y, 0.5))) == pytest.approx(float(expected))
    assert problem.noise_power(y) == pytest.approx(0.01 * float(known.float().mean()))
    assert holed.isnan().any()  # the user's own is as it was


def test_of_a_tile_they_are_held_out_once():
    problem = make(y=smooth_image(3, 20, 24), m=(torch.rand(1, 1, 20, 24) > 0.3).float()).problem
    seen = problem.hold_out(0.3, torch.Generator().manual_seed(0))
    everywhere = torch.ones(12, dtype=torch.float64)
    spans = Span(4, 16, everywhere), Span(0, 12, everywhere)
    tile = Tile(*spans, inside=(True, True, False, True))
    again = problem.cut(tile, seen).hold_out(0.3, torch.Generator().manual_seed(0))
    assert torch.equal(again, tile.cut(seen))
    drawn = problem.cut(tile).hold_out(0.3, torch.Generator().manual_seed(0))
    assert drawn.sum() < tile.cut(problem.known).sum()


def test_they_are_the_seeds():
    first, again, other = (make("sr", holdout=0.3, seed=seed).seen for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_known_pixels_are_pasted_but_for_them():
    task = fit(make("inpainting", holdout=0.3, keep_known=True, iterations=2))
    hidden, used = held_out(task), task.seen.expand_as(task.problem.y) == 1
    assert torch.equal(task.x_hat[used], task.problem.y[used])
    assert not (task.x_hat[hidden] == task.problem.y[hidden]).any()


def test_without_holdout_there_are_none():
    task = make("denoising")
    assert task.seen is None
    assert psnr_of_held_out(task) is None


@pytest.mark.parametrize("holdout", [1e-9, 0.9])
def test_all_or_nothing_is_refused(holdout):
    with pytest.raises(UserError, match="expected some to be left and some to be held out"):
        make("denoising", y=smooth_image(1, 1, 1), holdout=holdout)


@pytest.mark.parametrize("margins", [(6, 7), (-1, 0), 1, (1, 1, 1)])
def test_margins_leave_something(margins):
    with pytest.raises(UserError, match="margins="):
        Problem(torch.rand(1, 3, 12, 12), A=lambda x: x, shape=(3, 12, 12), margins=margins)


def test_a_loss_of_ones_own_ends_at_the_noise_of_y():
    x = smooth_image(3, 24, 20)
    y = x + 0.1 * torch.randn(x.shape, generator=torch.Generator().manual_seed(0))

    def ended(loss):
        prior = DeepImagePrior(
            Problem(y, loss=loss, y_noise_std=0.1),
            Skip(8, 3, SkipOptions([16, 16], [16, 16], [4, 4])),
            input_depth=8,
            iterations=300,
        )
        fit(prior)
        return prior.discrepancy.reached_at

    def scaled(estimate, y):
        return 0.01 * (estimate - y).square().mean()

    def absolute(estimate, y):
        return (estimate - y).abs().sum()

    alone = ended(None)
    assert 10 < alone < 300
    assert abs(ended(scaled) - alone) <= 30  # Adam hardly sees the factor
    assert 10 < ended(absolute) < 300


def test_what_is_given_may_be_filled_anew():
    y, known = torch.rand(1, 1, 8, 9), (torch.rand(1, 1, 8, 9) > 0.5).float()
    held, marked = y.clone(), known.clone()
    problem, inpainting = Problem(y, known=known, shape=[1, 8, 9]), Inpainting(y, known)
    y.zero_()
    known.zero_()
    for made in (problem, inpainting.problem):
        assert torch.equal(made.known * made.y, marked * held)
        assert torch.equal(made.known, marked)
        assert made.shape == (1, 8, 9)
    assert torch.equal(inpainting.problem.A(held), marked * held)


def test_what_is_no_number_is_unknown():
    y = torch.rand(1, 3, 7, 9)
    y[0, 1, 2, 3] = torch.nan
    problem = Problem(y)
    assert problem.known.sum() == y.numel() - 1
    assert problem.loss(torch.rand(1, 3, 7, 9)).isfinite()
    with pytest.raises(UserError, match="y: has values that are not finite: a loss of your own"):
        Problem(y, loss=lambda a, b: (a - b).abs().mean())


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"y": torch.zeros(1, 3, 7, 9, dtype=torch.uint8)}, r"y: holds torch.uint8, expected"),
        ({"known": torch.full((1, 1, 7, 9), 255.0)}, "known: has values from 255 to 255"),
        ({"known": torch.zeros(1, 1, 7, 9)}, "known: has values from 0 to 0, expected 0 and 1"),
        ({"known": torch.ones(63, 1)}, r"known: is \(63, 1\), expected y's shape, \(1, 3, 7, 9\)"),
        ({"known": torch.ones(1, 1, 1, 7, 9)}, "known: is"),
        ({"y_noise_std": -1.0}, "y_noise_std=-1.0: expected a number of 0 or more"),
        ({"x": torch.rand(1, 1, 7, 9)}, r"x: is \(1, 1, 7, 9\), expected \(1, 3, 7, 9\)"),
        ({"shape": (7, 9)}, r"shape=\(7, 9\): expected \(C, H, W\)"),
        ({"shape": 3}, r"shape=3: expected \(C, H, W\)"),
        ({"shape": (3, 7.0, 9)}, r"shape=\(3, 7.0, 9\): expected \(C, H, W\)"),
        ({"y": np.zeros((1, 3, 7, 9))}, "y: is a ndarray, expected a tensor"),
        ({"x": np.zeros((1, 3, 7, 9))}, "x: is a ndarray, expected a tensor"),
        ({"known": np.ones((1, 1, 7, 9))}, "known: is a ndarray, expected a tensor"),
        ({"x": torch.zeros(1, 3, 7, 9).byte()}, "x: holds torch.uint8, expected floats"),
        ({"x": torch.full((1, 3, 7, 9), 255.0)}, "x: has values from 255 to 255, expected 0 to 1"),
    ],
)
def test_a_mistake_is_a_sentence(given, sentence):
    with pytest.raises(UserError, match=sentence):
        Problem(**({"y": torch.rand(1, 3, 7, 9)} | given))
