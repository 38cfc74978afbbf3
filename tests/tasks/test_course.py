import math

import pytest

from dip_lightning.tasks.course import EVERY, Discrepancy

LOSSES = [1 / t for t in range(1, 101)]  # the mean of 41 ... 50 is 0.0220, of 51 ... 60 0.0181


def looked(level, sizes, losses=LOSSES):
    found, done = Discrepancy(), 0
    for size in sizes:
        found.look(losses[done : done + size], done := done + size, lambda: level)
    return found


@pytest.mark.parametrize("sizes", [[10] * 10, [1] * 100, [7, 3] * 10, [10, 4, 6, 1, 9] * 3 + [10]])
def test_the_first_ten_iterations_whose_mean_is_at_the_level(sizes):
    assert looked(0.0221, sizes).reached_at == 50
    assert looked(0.0219, sizes).reached_at == 60
    assert looked(0.001, sizes).reached_at is None


def test_without_a_level_it_is_never_over():
    assert looked(None, [10] * 10, [0.0] * 100).reached_at is None


def test_a_loss_that_is_not_finite_is_not_at_the_level():
    assert looked(9.0, [10], [math.nan] * 10).reached_at is None


@pytest.mark.parametrize("cut", [3, EVERY, 27])
def test_goes_on_from_its_state(cut):
    first, second = looked(0.0221, [1] * cut), Discrepancy()
    second.load_state_dict(first.state_dict())
    for done in range(cut, 70):
        second.look([LOSSES[done]], done + 1, lambda: 0.0221)
    assert second.reached_at == 50
