import pytest
import torch

from dip_lightning import baselines
from dip_lightning.baselines.arrays import channels_last, to_image
from dip_lightning.errors import UserError


def test_there_and_back_is_the_image():
    y = torch.rand(1, 3, 5, 7)
    array = channels_last(y)
    assert array[4, 6, 2] == float(y[0, 2, 4, 6])
    assert torch.equal(to_image(array.transpose(2, 0, 1).copy()), y)


@pytest.mark.parametrize("shape", [(2, 3, 9, 12), (3, 9, 12)])
@pytest.mark.parametrize(
    "method",
    [
        lambda y: baselines.total_variation(y, 10),
        lambda y: baselines.non_local_means(y, 10),
        lambda y: baselines.wiener(y, torch.ones(3, 3) / 9, 1),
        lambda y: baselines.richardson_lucy(y, torch.ones(3, 3) / 9, 1),
        lambda y: baselines.lanczos(y, (18, 24), 2),
        lambda y: baselines.biharmonic(y, torch.ones(9, 12)),
    ],
)
def test_one_image_at_a_time(method, shape):
    with pytest.raises(UserError, match=r"y: is \(.*\), expected one image, \(1, C, H, W\)"):
        method(torch.rand(shape))
