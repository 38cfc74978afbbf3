import pytest
import torch

from dip_lightning.baselines import estimate_kernel
from dip_lightning.baselines.kernel_estimate import _cleaned, _to_simplex
from dip_lightning.metrics import kernel_similarity
from dip_lightning.operators import Blur, motion_kernel
from tests.conftest import smooth_image


def boxes(height, width):
    """A gray image of rectangles, whose edges a blur shows."""
    draw, image = torch.Generator().manual_seed(0), torch.full((1, 1, height, width), 0.5)
    for _ in range(40):
        top, left = (int(torch.randint(side - 12, (), generator=draw)) for side in (height, width))
        high, wide = (int(torch.randint(5, 25, (), generator=draw)) for _ in range(2))
        image[..., top : top + high, left : left + wide] = float(torch.rand((), generator=draw))
    return image


def test_a_motion_is_found():
    truth = motion_kernel(9, 30)
    y = Blur(truth)(boxes(95, 87)).expand(1, 3, -1, -1)
    found = estimate_kernel(y, (11, 11))
    assert kernel_similarity(found, truth) > 0.9
    assert kernel_similarity(torch.ones(11, 11), truth) < 0.5
    assert float(found.sum()) == pytest.approx(1, abs=1e-5)
    assert float(found.min()) >= 0


def test_it_lies_in_the_middle():
    skewed = torch.zeros(9, 9)
    skewed[0, :4] = 0.25
    found = estimate_kernel(Blur(skewed)(boxes(80, 80)), (9, 9))
    for axis in range(2):
        place = float((found.sum(1 - axis) * torch.arange(9)).sum())
        assert place == pytest.approx(4, abs=0.6)


@pytest.mark.parametrize("size", [(3, 3), (5, 13), (13, 3)])
def test_any_odd_size(size):
    assert estimate_kernel(smooth_image(1, 21, 19), size).shape == size


def test_the_nearest_weights_of_a_kernel():
    weights = torch.tensor([[0.9, 0.5], [-0.3, 0.1]])
    torch.testing.assert_close(_to_simplex(weights), torch.tensor([[0.7, 0.3], [0.0, 0.0]]))


def test_what_is_found_is_moved_to_the_middle_and_loses_nothing():
    kernel = torch.zeros(7, 9)
    kernel[0:6, 0] = 0.1
    kernel[5, 0:5] = 0.1
    found = _cleaned(kernel / kernel.sum())
    assert found[found > 0].tolist() == pytest.approx([0.1] * 10)
    heavy = torch.zeros(7, 9)  # its centre of mass, in the middle, would leave no room for the rest
    heavy[3, 0], heavy[3, 1:9] = 0.6, 0.05
    torch.testing.assert_close(_cleaned(heavy), heavy)


def test_specks_are_no_part_of_a_kernel():
    kernel = torch.zeros(9, 9)
    kernel[3:6, 4], kernel[0, 0], kernel[8, 8] = 0.32, 0.02, 0.02
    found = _cleaned(kernel)
    assert found[3:6, 4].tolist() == pytest.approx([1 / 3] * 3)
    assert float(found.sum()) == pytest.approx(1)


def test_of_nothing_but_specks_the_heaviest_is_the_kernel():
    kernel = torch.zeros(17, 17)
    kernel[::2, ::2] = 1 / 82
    kernel[4, 4] = 2 / 82
    found = _cleaned(kernel)
    assert found[8, 8] == 1
    assert float(found.sum()) == 1
