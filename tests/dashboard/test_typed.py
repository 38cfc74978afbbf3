import json
import math

import pytest

from dip_lightning.dashboard.typed import typed


def test_what_the_command_writes_stays():
    metrics = {
        "status": "finished",
        "psnr": 30.5,
        "ssim_average": None,
        "size": [3, 24, 32],
        "cropped": False,
        "seed": 0,
        "diagnosis": None,
        "baselines": [{"name": "bicubic", "psnr": 25.0, "seconds": 0.1}],
        "something_new": 3,
    }
    assert typed(metrics) == metrics


@pytest.mark.parametrize(
    "damaged",
    [
        {"psnr": "30"},
        {"psnr": [30]},
        {"psnr": True},
        {"psnr_average": {"a": 1}},
        {"seconds": 10**400},
        {"size": [3, 24]},
        {"size": [3, 24, -1]},
        {"size": [3, 24, 1.5]},
        {"size": "large"},
        {"size": [True, True, True]},
        {"diagnosis": 3},
        {"device": ["cpu"]},
        {"cropped": "no"},
        {"baselines": {"name": "bicubic"}},
        {"unknown": {"a": 1}},
        {"unknown": [1, 2]},
    ],
)
def test_what_has_another_type_is_left_out(damaged):
    assert typed(damaged) == {}


def test_a_number_that_is_not_finite_is_undefined():
    rows = [{"name": "tv", "psnr": -math.inf}]
    found = typed({"psnr": math.nan, "psnr_best": math.inf, "baselines": rows})
    rows = [{"name": "tv", "psnr": None}]
    assert found == {"psnr": None, "psnr_best": None, "baselines": rows}


def test_rows_without_a_name_are_left_out():
    found = typed({"baselines": [{"psnr": 3}, 7, {"name": "tv", "psnr": "x", "deep": [[]]}]})
    assert found == {"baselines": [{"name": "tv"}]}


def test_texts_are_cut():
    found = typed(
        {"error": "x" * 10**6, "other": "y" * 10**6, "baselines": [{"name": "z" * 10**6}]}
    )
    assert len(json.dumps(found)) < 4000
