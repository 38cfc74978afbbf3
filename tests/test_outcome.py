import pytest
import torch

from dip_lightning import Problem
from dip_lightning.metrics import Scores, psnr
from dip_lightning.outcome import Fitted, Measured, Outcome, format_table, measure, metrics
from dip_lightning.prior.outputs import Outputs
from tests.conftest import smooth_image


def test_table_aligns_and_shows_what_is_missing():
    pixels = torch.zeros(1, 1, 2, 2)
    observed = Measured("observed", pixels, Scores())
    last = Measured("DIP last", pixels, Scores(psnr=9.0, ssim=0.1))
    average = Measured("DIP averaged", pixels, Scores(psnr=30.126, psnr_y=31.5, ssim=0.91234))
    found = Outcome(
        observed, [], last, average, None, average, "average", is_polished=False, std=pixels
    )
    assert format_table(found).splitlines() == [
        "              PSNR (dB)  PSNR-Y (dB)    SSIM",
        "observed              -            -       -",
        "DIP last           9.00            -  0.1000",
        "DIP averaged      30.13        31.50  0.9123",
    ]


@pytest.mark.parametrize("output", ["combined", "average", "last"])
def test_metrics_have_the_result_whichever_it_is(output, monkeypatch):
    monkeypatch.setattr(Problem, "is_polished", True)
    x = smooth_image(3, 17, 13)
    last, average, combined = ((x + apart).clamp(0, 1) for apart in (0.1, 0.05, 0.01))
    outputs = Outputs(last, average, combined, torch.zeros_like(x))
    fitted = Fitted(outputs, 0.1, None, 3, is_over=True, is_combined=True, fit_weight=0.75)
    problem = Problem(x, x=x)
    found = metrics(measure(problem, fitted, output), fitted)
    assert found["psnr"] < found["psnr_average"]
    expected = {"combined": combined, "average": average, "last": last}[output]
    assert found["psnr_result"] == pytest.approx(float(psnr(expected, x)))
    assert found["result"] == output
    assert found["polished"] is (output == "combined")
