import pytest

from dip_lightning.generators.fused import launching
from dip_lightning.generators.fused.launching import Map, total
from tests.generators.fused.conftest import DEVICE, assert_near, draw


@pytest.mark.parametrize("shape", [(1, 3), (7, 20), (600, 9)])
def test_total(shape):
    partial = draw(*shape)
    assert_near(total(partial), partial.double().sum(0))


def test_a_program_holds_about_as_many_values():
    assert Map(128, 128, 9, 9).tile(2048) == {"PIXELS": 16, "BLOCK": 128}
    assert Map(4, 8, 9, 9).tile(2048, 8) == {"PIXELS": 128, "BLOCK": 16}
    assert Map(100, 100, 9, 9).tile(2048, 160) == {"PIXELS": 16, "BLOCK": 256}


def test_no_more_programs_than_pixels():
    assert Map(128, 128, 2, 2).programs(DEVICE) == 1
    assert Map(128, 128, 9999, 9999).programs(DEVICE) == launching._most(DEVICE)
