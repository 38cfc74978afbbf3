"""Pixels that the loss does not see, to judge a fit without a ground truth."""

import pytest
import torch

from dip_lightning.errors import UserError
from dip_lightning.results.report import _psnr_holdout
from tests.conftest import smooth_image
from tests.tasks.test_base import SETTINGS, collected, fit, make


@pytest.mark.parametrize("name", SETTINGS)
def test_the_loss_does_not_see_them(name):
    task, other = make(name, holdout=0.3), make(name, holdout=0.3)
    held_out = other.held_out().expand_as(other.y) > 0
    share = held_out.sum() / other.known().expand_as(other.y).sum()
    assert 0.1 < share < 0.5
    other.y = torch.where(held_out, torch.rand_like(other.y), other.y)
    assert [i.loss for i in collected(task, 5)] == [i.loss for i in collected(other, 5)]


@pytest.mark.parametrize("name", SETTINGS)
def test_psnr_of_the_held_out_pixels(name):
    task = fit(make(name, holdout=0.3, iterations=3))
    held_out = task.held_out().expand_as(task.y) > 0
    error = (task.A(task.x_average) - task.y)[held_out].double().square().mean()
    assert _psnr_holdout(task) == pytest.approx(float(-10 * error.log10()), abs=1e-4)


def test_they_are_the_seeds():
    first, again, other = (make("sr", holdout=0.3, seed=seed).used for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_known_pixels_are_pasted_but_for_them():
    task = fit(make("inpainting", holdout=0.3, keep_known=True, iterations=2))
    held_out, used = (m.expand_as(task.y) == 1 for m in (task.held_out(), task.used))
    assert torch.equal(task.x_hat[used], task.y[used])
    assert not (task.x_hat[held_out] == task.y[held_out]).any()


def test_without_holdout_there_are_none():
    task = make("denoising")
    assert task.held_out() is None
    assert _psnr_holdout(task) is None


@pytest.mark.parametrize("holdout", [1e-9, 0.9])
def test_all_or_nothing_is_refused(holdout):
    with pytest.raises(UserError, match="expected some to be left and some to be held out"):
        make("denoising", y=smooth_image(1, 1, 1), holdout=holdout)
