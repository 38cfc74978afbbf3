import pytest
import torch

from dip_lightning.errors import UserError
from tests.conftest import smooth_image
from tests.prior.test_deep_image_prior import make


def test_drops_the_fraction():
    task = make("restoration", x=smooth_image(3, 60, 60), known=0.2)
    assert abs(float(task.problem.A.m.mean()) - 0.2) < 0.02
    assert torch.equal(task.problem.y, task.problem.x * task.problem.A.m)


@pytest.mark.parametrize(("per_channel", "channels"), [(True, 3), (False, 1)])
def test_whole_pixels_or_channels(per_channel, channels):
    assert make("restoration", per_channel=per_channel).problem.A.m.shape[1] == channels


def test_a_real_observation_needs_its_mask():
    with pytest.raises(UserError, match="task=restoration with observed= needs mask="):
        make("restoration", y=smooth_image(3, 17, 13))
