import torch

from dip_lightning.operators import Mosaic
from dip_lightning.operators.physics import noise_free
from tests.operators.test_laws import Physics


def test_a_physics_computes_without_its_noise():
    x = torch.rand(1, 3, 7, 9, generator=torch.Generator().manual_seed(0))
    assert torch.equal(noise_free(Physics())(x), x.mean(3))


def test_any_other_operator_stays_as_it_is():
    for operator in (torch.exp, Mosaic("rggb")):
        assert noise_free(operator) is operator
