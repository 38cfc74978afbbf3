import numpy as np
import pytest

from dip_lightning.runs.drops import Drop, find_drops

T = np.arange(1, 401)
RISING = 30 + 4 * (1 - np.exp(-T / 100))


def test_a_rising_curve_with_noise_has_no_drop():
    noise = np.random.default_rng(0).normal(0, 0.2, len(T))
    assert find_drops(T, RISING + noise) == []


def test_a_slow_loss_is_no_drop():
    assert find_drops(T, 30 - T / 100) == []


def test_two_drops_are_found_where_they_are():
    curve = RISING.copy()
    for at, depth in ((150, 3.0), (300, 8.0)):
        curve[at : at + 20] -= np.linspace(depth, 0, 20)
    first, second = find_drops(T, curve)
    assert (first.start, first.bottom) == (150, 151)
    assert first.depth == pytest.approx(3, abs=0.05)
    assert (second.start, second.bottom) == (300, 301)
    assert second.depth == pytest.approx(8, abs=0.05)
    assert 160 < first.end < 175
    assert 315 < second.end < 325


def test_a_drop_at_the_end_has_no_end():
    curve = RISING.copy()
    curve[-5:] -= 6
    (drop,) = find_drops(T, curve)
    assert drop == Drop(395, 396, None, pytest.approx(6, abs=0.1))


def test_a_curve_with_few_rows():
    assert find_drops([], []) == []
    assert find_drops([61, 71, 81], [20, 10, 25]) == [Drop(61, 71, 81, 10.0)]


def test_the_beginning_does_not_count():
    assert find_drops([1, 11, 21, 51, 61], [20, 10, 25, 26, 27]) == []
