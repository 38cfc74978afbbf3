import pytest
import torch
import torch.nn.functional as F

from dip_lightning.generators.fused.launching import UPSAMPLINGS, Border, Map, Normalisation, floats
from dip_lightning.generators.upsampling import upsampled
from tests.generators.fused.conftest import assert_near, draw, exact


@pytest.mark.parametrize("mode", UPSAMPLINGS)
@pytest.mark.parametrize("size", [(1, 4), (2, 2), (3, 5)])
def test_gradient_below_the_upsampling(mode, size, sharing):
    a, weight, bias = draw(1, 4, *size), draw(4, seed=1), draw(4, seed=2)
    height, width = 2 * size[0], 2 * size[1]
    shape = Map(4, 4, height, width, up=UPSAMPLINGS[mode])
    norm = Normalisation(a, shape, weight, bias, 1.0, floats(a, 8))
    into = draw(1, 4, height, width)
    norm.apply(into, Border(), 4, 4, 1e-5)
    gradient = draw(1, 4, height, width, seed=5)
    below, sums = norm.gradient_below(gradient, 0, 4)
    references = exact(a, weight, bias)
    wide = upsampled(references[0], mode)
    wanted = F.batch_norm(wide, None, None, *references[1:], training=True, eps=1e-5)
    theirs = torch.autograd.grad(wanted, references, gradient.double())
    for one, other in zip((below, sums[4:], sums[:4]), theirs, strict=True):
        assert_near(one, other, 1e-4)
