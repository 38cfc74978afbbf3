import math

import pytest
import torch

from dip_lightning.prior import health
from tests.conftest import smooth_image

SHAPE = (1, 3, 17, 13)


def half(value=0.0):
    m = torch.full((1, 1, 17, 13), value)
    m[..., :6] = 1
    return m


@pytest.mark.parametrize(
    ("image", "m", "expected"),
    [
        (smooth_image(3, 17, 13), None, None),
        (smooth_image(3, 17, 13), half(), None),
        (smooth_image(3, 17, 13), half(1.0), "nothing_missing"),
        (torch.full(SHAPE, 0.3), None, "constant_image"),
        (torch.tensor([0.1, 0.9, 0.5]).view(1, 3, 1, 1).expand(SHAPE), None, "constant_image"),
        (half().expand(SHAPE), None, None),
        (half().expand(SHAPE), half(), "constant_image"),  # where it is known
        (torch.rand(1, 1, 1, 1), None, "constant_image"),
    ],
)
def test_what_makes_a_fit_pointless(image, m, expected):
    assert health.of_given(image, m) == expected


@pytest.mark.parametrize(
    ("losses", "expected"),
    [
        ((0.1, 0.001, 0.002), None),
        ((0.1, 0.001, 0.05), None),
        ((0.1, 0.1, 0.2), None),
        ((0.1, 0.001, 0.2), "exploded"),
        ((0.1, 0.001, math.nan), "not_finite"),
        ((0.1, 0.001, math.inf), "not_finite"),
    ],
)
def test_the_course_of_the_loss(losses, expected):
    assert health.of_losses(*losses) == expected


@pytest.mark.parametrize(
    ("value", "expected"), [(0.0, "black"), (0.003, "black"), (0.4, "constant"), (1.0, "white")]
)
def test_an_output_that_shows_nothing(value, expected):
    x_hat = torch.full(SHAPE, value)
    assert health.of_output(x_hat) == expected
    assert health.of_output(x_hat + 0.001 * smooth_image(3, 17, 13)) == expected
    assert health.of_output(x_hat.lerp(smooth_image(3, 17, 13), 0.1)) is None


def test_an_output_of_one_pixel():
    assert health.of_output(torch.zeros(1, 3, 1, 1)) is None


def test_each_word_has_a_sentence():
    words = ("constant_image", "nothing_missing", "exploded")
    for word in (*words, "black", "white", "constant"):
        sentence = health.explain(word, 0.1)
        assert ": " in sentence
        assert "\n" not in sentence
