import math
from functools import partial

import pytest

from dip_lightning.prior.stopping import EVERY, Discrepancy

DISTANCES = [1 / t for t in range(1, 101)]  # at iteration 40 0.025, at 50 0.02


def looked(power, sizes, distances=DISTANCES, share=0.5):
    found, done = Discrepancy(share), 0
    for size in sizes:
        done += size
        found.look(done, partial(float, distances[done - 1]), lambda: power)
    return found


@pytest.mark.parametrize("sizes", [[10] * 10, [1] * 100, [7, 3] * 10, [10, 4, 6, 1, 9] * 3 + [10]])
def test_the_first_tenth_iteration_that_is_at_the_level(sizes):
    assert looked(0.0402, sizes).reached_at == 50
    assert looked(0.0398, sizes).reached_at == 60
    assert looked(0.001, sizes).reached_at is None


def test_without_a_level_it_is_never_over():
    assert looked(None, [10] * 10, [0.0] * 100).reached_at is None


def test_a_distance_that_is_not_finite_is_not_at_the_level():
    assert looked(9.0, [10], [math.nan] * 10).reached_at is None


def test_nobody_looks_in_between():
    def never():
        raise AssertionError

    found = Discrepancy(1.0)
    found.look(EVERY - 1, never, never)
    found.look(EVERY, never, lambda: None)
    found.reached_at = 30
    found.look(40, never, never)
    assert found.reached_at == 30
    Discrepancy(0.0).look(EVERY, never, never)
