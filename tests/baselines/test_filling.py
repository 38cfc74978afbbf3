import torch

from dip_lightning.baselines import (
    biharmonic,
)
from dip_lightning.metrics import psnr
from dip_lightning.operators import random_mask
from tests.conftest import smooth_image


def test_biharmonic_keeps_the_known_and_restores_a_plane(generator):
    rows, columns = torch.meshgrid(
        torch.linspace(0, 0.5, 21), torch.linspace(0, 0.4, 17), indexing="ij"
    )
    x = (rows + columns).view(1, 1, 21, 17)
    m = random_mask((1, 21, 17), 0.7, per_channel=False, generator=generator)
    filled = biharmonic(m * x, m)
    assert torch.equal(filled * m, x * m)
    assert psnr(filled, x) > 40


def test_biharmonic_takes_a_mask_of_each_channel(generator):
    x = smooth_image(3, 21, 17)
    m = random_mask((3, 21, 17), 0.7, per_channel=True, generator=generator)
    assert psnr(biharmonic(m * x, m), x) > psnr(m * x, x) + 10


def test_biharmonic_of_nothing_known_is_black():
    assert biharmonic(torch.rand(1, 1, 9, 9), torch.zeros(1, 1, 9, 9)).sum() == 0


def test_biharmonic_of_a_channel_that_is_missing_is_black_there():
    x, m = smooth_image(3, 9, 12), torch.ones(1, 3, 9, 12)
    m[:, 1] = 0
    m[:, 2, 4] = 0
    filled = biharmonic(m * x, m)
    assert not filled[:, 1].any()
    torch.testing.assert_close(filled[:, 0], x[:, 0])
