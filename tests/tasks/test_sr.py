import pytest
import torch

from dip_lightning.errors import UserError
from dip_lightning.operators import Downsample, pillow_downsample
from tests.conftest import smooth_image
from tests.prior.test_deep_image_prior import make


def test_observation_is_the_operators():
    task = make("sr")
    assert torch.equal(task.problem.y, Downsample(3)(smooth_image(3, 17, 13)))


def test_observation_of_pillow():
    task = make("sr", observation="pillow")
    assert torch.equal(task.problem.y, pillow_downsample(smooth_image(3, 17, 13), 3))
    assert task.problem.loss(task.problem.x) > 0


def test_loss_of_the_ground_truth_is_zero():
    task = make("sr")
    assert task.problem.loss(task.problem.x) == 0


def test_a_real_observation_is_enlarged():
    task = make("sr", y=smooth_image(1, 9, 8), factor=5)
    assert task.problem.shape == (1, 45, 40)
    for compute in task.problem.baselines().values():
        assert compute().shape == (1, 1, 45, 40)


def test_factor_larger_than_the_image():
    with pytest.raises(UserError, match="factor=16: expected at most the shorter side"):
        make("sr", factor=16)
