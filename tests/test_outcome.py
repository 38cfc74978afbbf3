import torch

from dip_lightning.metrics import Scores
from dip_lightning.outcome import Measured, Outcome, format_table


def test_table_aligns_and_shows_what_is_missing():
    pixels = torch.zeros(1, 1, 2, 2)
    observed = Measured("observed", pixels, Scores())
    last = Measured("DIP last", pixels, Scores(psnr=9.0, ssim=0.1))
    average = Measured("DIP averaged", pixels, Scores(psnr=30.126, psnr_y=31.5, ssim=0.91234))
    found = Outcome(observed, [], last, average, None, average, "average", pixels)
    assert format_table(found).splitlines() == [
        "              PSNR (dB)  PSNR-Y (dB)    SSIM",
        "observed              -            -       -",
        "DIP last           9.00            -  0.1000",
        "DIP averaged      30.13        31.50  0.9123",
    ]
