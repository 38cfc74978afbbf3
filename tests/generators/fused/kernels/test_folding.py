import pytest
import torch
import torch.nn.functional as F

from dip_lightning.generators.fused.launching import Border, Map, fold
from tests.generators.fused.conftest import assert_near, draw, exact


@pytest.mark.parametrize("size", [(2, 2), (3, 5), (4, 4), (5, 3), (6, 11)])
@pytest.mark.parametrize("pad", [1, 2])
def test_folding_is_the_gradient_of_reflection(size, pad):
    if min(size) <= pad:
        pytest.skip("reflection needs more lines than it mirrors")
    height, width = size
    gradient = draw(1, 3, height + 2 * pad, width + 2 * pad)
    (x,) = exact(draw(1, 3, height, width))
    (wanted,) = torch.autograd.grad(F.pad(x, (pad,) * 4, mode="reflect"), x, gradient.double())
    fold(gradient, Map(3, 3, height, width), Border(pad), 3)
    assert_near(gradient[..., pad:-pad, pad:-pad], wanted)


def test_zeros_have_no_gradient_to_bring_home():
    gradient = draw(1, 3, 6, 6)
    before = gradient.clone()
    fold(gradient, Map(3, 3, 4, 4), Border(1, mirrored=False), 3)
    assert torch.equal(gradient, before)
