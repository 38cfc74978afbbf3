"""The range an image is fitted on is that of its own data."""

import re

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dip_lightning.errors import UserError
from dip_lightning.images import without_single
from dip_lightning.images.ranges import value_range


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([3, 250], np.uint8), (0, 255)),  # a photograph: its black is not a grey
        (np.array([100, 139], np.uint8), (100, 139)),
        (np.array([100, 600], np.uint16), (100, 600)),
        (np.array([1, 40000], np.uint16), (0, 65535)),
        (np.array([-3, 7], np.int16), (-3, 7)),
        (np.array([0.1, 0.9]), (0, 1)),
        (np.array([0.1, 0.2]), (0.1, 0.2)),
        (np.array([-1.0, 0.9]), (-1, 0.9)),
        (np.array([0.0, 30.0]), (0, 30)),
        (np.array([139, 139], np.uint16), (0, 65535)),
        (np.array([0.3, 0.3]), (0, 1)),
        (np.array([7.0]), (0, 7)),
        (np.array([-7.0]), (-7, -6)),
    ],
)
def test_range(values, expected):
    assert value_range(values) == pytest.approx(expected)


def test_one_value_in_a_thousand_does_not_set_the_range():
    values = np.random.default_rng(0).normal(300, 40, (41, 61))
    values[3, 4], values[5, 6] = 65535, -9999
    low, high = value_range(values)
    assert 60 < low < 200
    assert 400 < high < 540


def test_noise_lies_inside_the_range():
    values = np.random.default_rng(0).normal(0, 1, 10**6)
    low, high = value_range(values)
    assert ((values < low) | (values > high)).mean() < 1e-5


def test_values_too_far_apart_are_refused():
    with pytest.raises(UserError, match="too far apart"):
        value_range(np.array([-1.7e308, 1.7e308]))


@given(st.lists(st.integers(0, 65535), min_size=1, max_size=50))
def test_every_range_is_one(values):
    low, high = value_range(np.array(values, np.uint16))
    assert low < high
    assert low <= max(values)
    assert high >= min(values)


def test_a_single_pixel_beyond_is_a_defect_and_several_are_a_star():
    beyond = torch.zeros(1, 2, 7, 9)
    beyond[0, 0, 2, 3] = 5
    assert without_single(beyond) is None
    beyond[0, 1, 4, 4] = beyond[0, 1, 5, 5] = 3
    star = beyond.clone()
    star[0, 0] = 0
    assert torch.equal(without_single(beyond), star)
    assert without_single(None) is None


@pytest.mark.parametrize("fill", [-3.4028234663852886e38, -9999.0])
def test_a_fill_value_is_not_a_range(fill):
    values = np.linspace(1020, 1070, 1000)
    values[:40] = fill
    with pytest.raises(UserError, match=r"holds 40 values of -\S+, far from .* nodata="):
        value_range(values)
    values[:40] = 500
    assert value_range(values)[0] < 1000  # a dark area beside a bright one
    assert value_range(np.where(values > 600, 2.0, 0.0)) == (0, 2)  # a drawing


@pytest.mark.parametrize(
    ("dtype", "fill", "told", "spread"),
    [
        ("int16", -32768, "-32768", 900),
        ("int32", -2147483648, "-2147483648", 900),
        ("uint16", 65535, "65535", 300),
        ("float32", -9999, "-9999", 900),
        ("float32", np.finfo("float32").min, "-3.40282347e+38", 900),
    ],
)
def test_the_usual_fill_values_are_refused_as_they_are_typed(dtype, fill, told, spread):
    values = np.linspace(200, 200 + spread, 1000).astype(dtype)
    values[:40] = fill
    with pytest.raises(UserError, match=re.escape(f"nodata={told};")):
        value_range(values)
    assert (values == float(told)).sum() == 40
    assert value_range(values[40:])[0] >= 200


def test_an_image_with_a_frame_is_no_fill_value():
    values = np.full(1000, 255, np.uint8)
    values[:900] = np.arange(900) % 2
    assert value_range(values) == (0, 255)
    deep = np.linspace(0, 40000, 1000).astype(np.uint16)
    deep[:40] = 65535  # clipped lamps
    assert value_range(deep) == (0, 65535)
