import pytest
import torch

from dip_lightning.errors import UserError
from dip_lightning.operators import hole_mask, text_mask
from tests.conftest import smooth_image
from tests.prior.test_deep_image_prior import make


@pytest.mark.parametrize(
    ("mask", "draw"), [(None, text_mask), ("text", text_mask), ("hole", hole_mask)]
)
def test_mask_is_drawn_over_a_ground_truth(mask, draw):
    task = make("inpainting", mask=mask)
    assert torch.equal(task.problem.A.m, draw(17, 13))
    assert torch.equal(task.problem.y, task.problem.x * draw(17, 13))


def test_a_given_mask_is_used():
    m = torch.ones(1, 1, 17, 13)
    m[..., :4] = 0
    task = make("inpainting", y=smooth_image(3, 17, 13), m=m)
    assert torch.equal(task.problem.A.m, m)
    task.problem.y[..., :4] = 9  # what lies under the hole must not matter
    assert task.problem.loss(smooth_image(3, 17, 13)) == 0


def test_a_real_observation_needs_its_mask():
    with pytest.raises(UserError, match="task=inpainting with observed= needs mask="):
        make("inpainting", y=smooth_image(3, 17, 13))


def test_baseline_is_biharmonic():
    ((name, compute),) = make("inpainting").problem.baselines().items()
    assert name == "biharmonic"
    assert compute().shape == (1, 3, 17, 13)
