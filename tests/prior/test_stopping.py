import math
from functools import partial

import pytest

from dip_lightning.prior.stopping import EVERY, SHARE, Bend, Discrepancy

DISTANCES = [1 / t for t in range(1, 101)]  # at iteration 40 0.025, at 50 0.02


def never():
    raise AssertionError


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
    found = Discrepancy(1.0)
    found.look(EVERY - 1, never, never)
    found.look(EVERY, never, lambda: None)
    found.reached_at = 30
    found.look(40, never, never)
    assert found.reached_at == 30
    Discrepancy(0.0).look(EVERY, never, never)


def course(image=1e4, noise=1.0, turn=20.0):
    """Losses of a fit that learns the image by and by, and noise slowly all the time."""
    for t in range(EVERY, 1001, EVERY):
        yield t, image * math.exp(-t / turn) + noise * (1 + t / 300) ** -0.5


def bend_of(losses):
    bend = Bend()
    for t, loss in losses:
        bend.add(t, loss)
        if bend.is_reached:
            return t
    return None


@pytest.mark.parametrize("turn", [10.0, 20.0, 40.0])
def test_the_bend_is_where_the_image_is_learnt(turn):
    """There a part of what is left is the image's, whatever the units."""
    at = bend_of(course(turn=turn))
    assert 1e-3 < dict(course(noise=0, turn=turn))[at] < 1
    assert bend_of((t, 7e-3 * loss) for t, loss in course(turn=turn)) == at


def test_a_loss_that_falls_ever_as_fast_has_no_bend():
    assert bend_of((t, t**-2.0) for t in range(EVERY, 1001, EVERY)) is None


def test_a_loss_that_tells_nothing_is_left_out():
    bend = Bend()
    for loss in (math.nan, math.inf, 0.0):
        bend.add(100, loss)
    assert (bend.losses, bend.is_reached) == ([], False)


def correlated(share=SHARE, level=1.0, after=0, until=1000, found=None):
    found = found or Discrepancy(share, is_white=False)
    for t, loss in course():
        if after < t <= until:
            found.look(t, partial(float, loss), lambda: level)
    return found


def test_correlated_noise_ends_at_the_bend_where_the_level_is_near():
    at = correlated().reached_at
    assert at == bend_of(course())
    assert correlated(level=1.2).reached_at == at
    assert correlated(level=9.0).reached_at < at
    assert correlated(level=0.5).reached_at > at
    assert correlated(level=1e-9).reached_at is None
    assert correlated(level=None).reached_at is None


def test_a_loss_without_a_bend_ends_well_below_the_level():
    found = Discrepancy(SHARE, is_white=False)
    for t in range(EVERY, 1001, EVERY):
        found.look(t, partial(float, t**-2.0), lambda: 1e-4)
    assert found.reached_at == 130  # 130^-2 < 0.6e-4 < 120^-2


def test_a_discrepancy_of_more_than_one_needs_no_bend():
    early, later = correlated(share=99.0).reached_at, correlated(share=9.0).reached_at
    assert early < later < correlated().reached_at
    losses = dict(course())
    for share, at in ((99.0, early), (9.0, later)):  # the level itself, neither more nor less
        assert losses[at] <= share < losses[at - EVERY]


@pytest.mark.parametrize("cut", [50, 120, 160])
def test_a_fit_that_goes_on_finds_the_same_bend(cut):
    begun = correlated(until=cut)
    assert begun.reached_at is None
    again = Discrepancy(SHARE, is_white=False)
    again.load_state_dict(begun.state_dict())
    assert correlated(after=cut, found=again).reached_at == correlated().reached_at


def test_white_noise_has_no_bend():
    found = Discrepancy(1.0)
    assert found.state_dict() == {}
    found.load_state_dict({})
    assert found.bend is None
