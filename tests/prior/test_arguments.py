import math

import pytest
import torch

import dip_lightning as dip
from dip_lightning.errors import UserError
from dip_lightning.prior.arguments import check_amount, checked, is_a_pair


def test_an_image_is_taken_as_float32():
    assert checked(torch.rand(1, 2, 5, 7, dtype=torch.double), "y").dtype == torch.float32
    assert checked(torch.full((1, 1, 2, 2), 1.7), "y").max() == pytest.approx(1.7)  # noise


@pytest.mark.parametrize(
    ("image", "said"),
    [
        (torch.rand(3, 5, 7), r"y: is \(3, 5, 7\), expected \(1, C, H, W\)"),
        (torch.rand(2, 3, 5, 7), "several take a fit each"),
        (torch.zeros(1, 1, 5, 7, dtype=torch.uint8), r"y: holds torch\.uint8, expected floats"),
        (torch.full((1, 1, 5, 7), 200.0), "y: has values from 200 to 200, expected 0 to 1"),
        (torch.full((1, 1, 5, 7), math.nan), "y: has values from nan to nan"),
    ],
)
def test_what_is_no_image_is_refused(image, said):
    with pytest.raises(UserError, match=said):
        checked(image, "y")


@pytest.mark.parametrize("amount", [-0.1, math.inf, math.nan])
def test_an_amount_is_zero_or_more(amount):
    with pytest.raises(UserError, match=r"sigma=.*: expected a number of 0 or more"):
        check_amount(amount, "sigma")
    for allowed in (None, 0, 3.5):
        check_amount(allowed, "sigma")


def test_margins_are_a_pair():
    assert is_a_pair((0, 3))
    assert not any(map(is_a_pair, [(1,), (1, -1), [1, 1], (1.0, 2), 3]))


def test_float64_by_default_is_refused_at_once():
    torch.set_default_dtype(torch.float64)
    try:
        for make in (
            lambda: dip.SuperResolution(torch.rand(1, 3, 9, 8), 2),
            lambda: dip.DeepImagePrior(dip.Problem(torch.rand(1, 3, 9, 8))),
        ):
            with pytest.raises(dip.UserError, match=r"is torch.float64, expected torch.float32"):
                make()
    finally:
        torch.set_default_dtype(torch.float32)
