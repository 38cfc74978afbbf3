import math
from itertools import pairwise

import pytest

from dip_lightning.config import Config
from dip_lightning.optimizers.schedule import learning_rate_factor


def test_constant_is_constant():
    config = Config(iterations=10)
    assert [learning_rate_factor(config, t) for t in range(10)] == [1.0] * 10


def test_warmup_cosine_rises_and_falls():
    config = Config(schedule="warmup_cosine", iterations=105, warmup=4, lr_end=0.02)
    factors = [learning_rate_factor(config, t) for t in range(105)]
    assert factors[:5] == [0.25, 0.5, 0.75, 1.0, 1.0]
    assert factors[54] == pytest.approx(0.02 + 0.98 * (1 + math.cos(math.pi / 2)) / 2)
    assert factors[-1] == pytest.approx(0.02)
    assert all(a >= b for a, b in pairwise(factors[4:]))


@pytest.mark.parametrize(("iterations", "rise"), [(1, 0), (9, 0), (30, 3), (499, 49), (3000, 50)])
def test_the_rise_is_a_tenth_of_a_short_fit(iterations, rise):
    config = Config(schedule="warmup_cosine", iterations=iterations)
    assert config.rise == rise
    assert learning_rate_factor(config, max(0, rise - 1)) == 1
    if rise:
        assert learning_rate_factor(config, 0) == pytest.approx(1 / rise)
