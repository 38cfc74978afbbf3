import math
from functools import partial
from itertools import pairwise

import pytest

from dip_lightning.optimizers import halved, warmup_cosine
from dip_lightning.prior.settings import FitSettings


def test_warmup_cosine_rises_and_falls():
    course = partial(warmup_cosine, rise=4, iterations=105, end=0.02)
    factors = [course(t) for t in range(105)]
    assert factors[:5] == [0.25, 0.5, 0.75, 1.0, 1.0]
    assert factors[54] == pytest.approx(0.02 + 0.98 * (1 + math.cos(math.pi / 2)) / 2)
    assert factors[-1] == pytest.approx(0.02)
    assert all(a >= b for a, b in pairwise(factors[4:]))


@pytest.mark.parametrize(("iterations", "rise"), [(1, 0), (9, 0), (30, 3), (499, 49), (3000, 50)])
def test_the_rise_is_a_tenth_of_a_short_fit(iterations, rise):
    assert FitSettings(schedule="warmup_cosine", iterations=iterations).rise == rise
    course = partial(warmup_cosine, rise=rise, iterations=iterations, end=0.02)
    assert course(max(0, rise - 1)) == 1
    if rise:
        assert course(0) == pytest.approx(1 / rise)


def test_a_rate_that_is_halved():
    found = [halved(t, iterations=100) for t in (0, 39, 40, 60, 80, 99)]
    assert found == [1, 1, 0.5, 0.25, 0.125, 0.125]
