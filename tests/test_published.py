import numpy as np
import pandas as pd
import pytest

from dip_lightning.published import FILE, METRICS, NAMES, find_table, numbers, sources


def test_every_number_has_a_known_metric_a_method_and_a_source():
    rows = pd.read_csv(FILE)
    assert len(rows) == 145
    assert set(rows["metric"]) <= METRICS.keys()
    assert set(rows["method"]) <= NAMES.keys()
    assert rows["source"].str.len().min() > 10
    assert rows["psnr_db"].between(10, 45).all()


def test_means_are_those_in_print():
    """Ulyanov et al. 2018: Set5 on Y, x4 29.89 and x8 25.88 dB; table 1, house 39.16."""

    def mean(table):
        images = ("baby", "bird", "butterfly", "head", "woman")
        return np.mean([numbers(table, "psnr_y", name)["DIP, published"] for name in images])

    assert mean("set5_x4") == pytest.approx(29.89, abs=0.01)
    assert mean("set5_x8") == pytest.approx(25.88, abs=0.01)
    assert numbers("restoration_50", "psnr", "house")["DIP, published"] == 39.16
    assert numbers("restoration_50", "psnr_y", "house") == {}
    assert numbers(None, "psnr", "house") == {}


def test_numbers_of_smaller_frames_are_left_out():
    method = "DIP, the study (oracle)"
    assert method in numbers("set5_x4", "psnr", "bird")
    assert method not in numbers("set5_x4", "psnr", "head")


def test_sources_are_named():
    assert "Ulyanov et al. 2018, table 1" in sources("restoration_50")


ENLARGED = {"task": "sr", "observation": "pillow", "image": "set5/bird", "factor": 4}
FILLED = {"task": "restoration", "mask": "bm3d11_masks", "image": "bm3d11/house"}
DENOISED = {"task": "denoising", "observation": "gaussian", "image": "/d/color9/f16", "sigma": 25.0}


@pytest.mark.parametrize(
    ("settings", "whole", "table"),
    [
        (ENLARGED, True, "set5_x4"),
        (ENLARGED, False, None),
        ({**ENLARGED, "sigma": 0.0}, True, "set5_x4"),
        ({**ENLARGED, "sigma": None}, True, "set5_x4"),
        ({**ENLARGED, "sigma": 5.0}, True, None),
        ({**ENLARGED, "observation": "lanczos2"}, True, None),
        ({**ENLARGED, "image": "bird"}, True, None),
        (DENOISED, True, "denoising_sigma25"),
        ({**DENOISED, "sigma": 50.0}, True, None),
        (FILLED, True, "restoration_50"),
        ({**FILLED, "mask_means": "known", "mask_grow": 0.0}, True, "restoration_50"),
        ({**FILLED, "mask_means": "missing"}, True, None),
        ({**FILLED, "mask_grow": 2.0}, True, None),
        ({}, True, None),
    ],
)
def test_numbers_belong_to_runs_of_the_same_degradation_and_image(settings, whole, table):
    assert find_table(settings, whole) == table
