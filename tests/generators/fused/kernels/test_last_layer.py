import pytest
import torch
import torch.nn.functional as F

from dip_lightning.generators.fused.functions import Output
from tests.generators.fused.conftest import assert_near, draw, exact
from tests.generators.fused.test_functions import EPSILON, assert_gradients, normal


@pytest.mark.parametrize("outputs", [1, 3, 4])
def test_output(outputs, sharing):
    leaves = [draw(1, 6, 7, 9), draw(6, seed=1), draw(6, seed=2)]
    leaves += [draw(outputs, 6, 1, 1, seed=3), draw(outputs, seed=4)]
    leaves = [t.requires_grad_() for t in leaves]
    references = exact(*leaves)
    v, weight, bias, matrix, level = leaves
    found = Output.apply(v, weight, bias, EPSILON, 0.2, matrix, level)
    a = F.leaky_relu(normal(*references[:3]), 0.2)
    wanted = torch.sigmoid(F.conv2d(a, *references[3:]))
    assert_near(found, wanted)
    assert_gradients(found, wanted, leaves, references)
