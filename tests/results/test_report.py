import json
import math

import torch

from dip_lightning.metrics import Scores
from dip_lightning.results.ownership import LISTING
from dip_lightning.results.report import Measured, Outcome, format_table, write_metrics


def test_table_aligns_and_shows_what_is_missing():
    pixels = torch.zeros(1, 1, 2, 2)
    observed = Measured("observed", pixels, Scores())
    last = Measured("DIP last", pixels, Scores(psnr=9.0, ssim=0.1))
    average = Measured("DIP averaged", pixels, Scores(psnr=30.126, psnr_y=31.5, ssim=0.91234))
    assert format_table(Outcome(observed, [], last, average)).splitlines() == [
        "              PSNR (dB)  PSNR-Y (dB)    SSIM",
        "observed              -            -       -",
        "DIP last           9.00            -  0.1000",
        "DIP averaged      30.13        31.50  0.9123",
    ]


def test_metrics_are_valid_json_without_nan(tmp_path):
    write_metrics(tmp_path, {"a": math.nan, "b": {"c": [math.inf]}, "d": 1.5, "e": None})

    def refuse(constant):
        raise AssertionError(constant)

    text = (tmp_path / "metrics.json").read_text()
    values = json.loads(text, parse_constant=refuse)
    assert values == {"a": None, "b": {"c": [None]}, "d": 1.5, "e": None}
    assert {path.name for path in tmp_path.iterdir()} == {"metrics.json", LISTING}
