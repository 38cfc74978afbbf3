import pytest
import torch

from dip_lightning.operators import Mask, hole_mask, random_mask, text_mask


@pytest.mark.parametrize("known", [0.1, 0.5, 0.9])
def test_random_mask_keeps_the_fraction(known, generator):
    m = random_mask((3, 101, 97), known, per_channel=False, generator=generator)
    assert m.shape == (1, 1, 101, 97)
    spread = (known * (1 - known) / m.numel()) ** 0.5
    assert abs(float(m.mean()) - known) < 4 * spread


def test_random_mask_per_channel_draws_each_channel(generator):
    m = random_mask((3, 40, 40), 0.5, per_channel=True, generator=generator)
    assert m.shape == (1, 3, 40, 40)
    assert not torch.equal(m[:, 0], m[:, 1])


def test_random_mask_repeats_with_its_generator():
    draws = [
        random_mask((1, 9, 7), 0.5, per_channel=False, generator=torch.Generator().manual_seed(5))
        for _ in range(2)
    ]
    assert torch.equal(*draws)


@pytest.mark.parametrize("draw", [hole_mask, text_mask])
@pytest.mark.parametrize("size", [(8, 8), (17, 13), (40, 300)])
def test_drawn_masks_hide_some_and_keep_most(draw, size):
    m = draw(*size)
    assert m.shape == (1, 1, *size)
    assert set(m.unique().tolist()) == {0.0, 1.0}
    assert 0.5 < m.mean() < 0.99


def test_hole_is_in_the_middle():
    m = hole_mask(9, 12)[0, 0]
    assert m[3:6, 4:8].sum() == 0
    assert m.sum() == 9 * 12 - 3 * 4


def test_mask_hides_missing_pixels():
    m = torch.tensor([[[[0.0, 1.0]]]])
    assert torch.equal(Mask(m)(torch.full((1, 3, 1, 2), 0.7))[0, :, 0, 0], torch.zeros(3))
