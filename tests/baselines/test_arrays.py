import torch

from dip_lightning.baselines.arrays import channels_last, to_image


def test_there_and_back_is_the_image():
    y = torch.rand(1, 3, 5, 7)
    array = channels_last(y)
    assert array[4, 6, 2] == float(y[0, 2, 4, 6])
    assert torch.equal(to_image(array.transpose(2, 0, 1).copy()), y)
