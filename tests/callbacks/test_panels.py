from itertools import pairwise

import pytest

from dip_lightning.callbacks.panels import logarithmic


@pytest.mark.parametrize("total", [1, 2, 9, 2000, 11000])
def test_panels_are_few_and_log_spaced(total):
    due = logarithmic(total)
    assert due[0] == 1
    assert due[-1] == total
    assert len(due) <= 8
    assert due == sorted(set(due))


def test_ratios_are_about_equal():
    due = logarithmic(10**7)
    ratios = [b / a for a, b in pairwise(due)]
    assert ratios == pytest.approx([10] * 7, rel=0.01)
