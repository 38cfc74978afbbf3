import pandas as pd
import pytest

from dip_lightning.study.published import FILE, METRICS, NAMES, published, sources


def test_every_number_has_a_known_metric_a_method_and_a_source():
    rows = pd.read_csv(FILE)
    assert len(rows) == 145
    assert set(rows["metric"]) <= METRICS.keys()
    assert set(rows["method"]) <= NAMES.keys()
    assert rows["source"].str.len().min() > 10
    assert rows["psnr_db"].between(10, 45).all()


def test_means_are_those_in_print():
    """Ulyanov et al. 2018: Set5 on Y, x4 29.89 and x8 25.88 dB; table 1, house 39.16."""
    assert published("set5_x4", "psnr_y")["DIP, published"].mean() == pytest.approx(29.89, abs=0.01)
    assert published("set5_x8", "psnr_y")["DIP, published"].mean() == pytest.approx(25.88, abs=0.01)
    assert published("restoration_50", "psnr").loc["house", "DIP, published"] == 39.16
    assert published("restoration_50", "psnr_y").empty


def test_numbers_of_smaller_frames_are_left_out():
    study = published("set5_x4", "psnr")["DIP, the study (oracle)"]
    assert set(study.index) == {"baby", "bird", "butterfly"}


def test_sources_are_named():
    assert "Ulyanov et al. 2018, table 1" in sources("restoration_50")
