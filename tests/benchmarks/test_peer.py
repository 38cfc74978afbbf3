"""The quality benchmark's peer: what is taken of its curve, and a small fit where it is there."""

import sys

import pytest
import torch

from benchmarks import peer
from dip_lightning.prior.problem import Problem
from tests.conftest import smooth_image

CURVE = [(8.0, 20.0), (16.0, 26.0), (40.0, 24.0)]


def test_the_first_iterations_of_a_curve_are_a_method():
    found = peer.method("two", CURVE, 2)
    assert found.psnr == [20.0, 26.0, 26.0, 26.0, 26.0]
    assert (found.end, found.seconds, found.highest) == (26.0, 16.0, 26.0)


def test_a_fit_that_was_cut_short_has_no_end_and_its_time_follows_from_its_pace():
    found = peer.method("ten", CURVE, 10)
    assert found.psnr == [20.0, 26.0, 24.0, 24.0, 24.0]
    assert (found.end, found.seconds, found.highest) == (None, 160.0, 26.0)


def test_without_the_peer_a_sentence_says_what_it_needs(monkeypatch):
    monkeypatch.setitem(sys.modules, "deepinv", None)
    assert "needs deepinv 0.5" in peer.missing()


@pytest.mark.skipif(peer.missing() is not None, reason="needs deepinv")
@pytest.mark.parametrize("seconds", [60.0, 0.0])
def test_a_fit_of_the_peer_has_a_point_for_each_iteration(seconds):
    x = smooth_image(3, 18, 16)
    curve = peer.curve_of_deepinv(Problem(x, x=x), seconds, 120)
    assert len(curve) == (120 if seconds else peer.SHORT)
    assert curve == sorted(curve, key=lambda point: point[0])
    assert curve[-1][1] > 20 > curve[0][1]
    assert torch.is_grad_enabled()
