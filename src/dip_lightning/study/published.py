"""Published numbers, each with its source."""

from functools import cache
from pathlib import Path

import pandas as pd

FILE = Path(__file__).with_name("published.csv")
# How a published metric is called in metrics.json.
METRICS = {
    "psnr": "psnr",
    "psnr_rgb": "psnr_crop",
    "psnr_y": "psnr_y",
    "psnr_best_iterate": "psnr",
    "psnr_rgb_best_iterate": "psnr",
}
NAMES = {
    "dip": "DIP, published",
    "dip_study": "DIP, the study (oracle)",
    "csc_papyan": "sparse coding, published",
    "bicubic": "bicubic, published",
    "glasner": "Glasner, published",
    "selfexsr": "SelfExSR, published",
    "no_prior": "no prior, published",
    "tv": "TV, published",
    "lapsrn_trained": "LapSRN (trained), published",
    "srresnet_trained": "SRResNet (trained), published",
    "nlm": "non-local means, published",
    "cbm3d": "CBM3D, published",
}


@cache
def published(table: str, metric: str) -> pd.DataFrame:
    """Read the published numbers of a table.

    Args:
        table: such as `restoration_50`.
        metric: key of metrics.json.

    Returns:
        One row for each image, one column for each method, dB; empty where nothing is published.
    """
    rows = pd.read_csv(FILE)
    rows = rows[(rows["table"] == table) & (rows["metric"].map(METRICS) == metric)]
    wide = rows.assign(method=rows["method"].map(NAMES)).pivot_table(
        index="image", columns="method", values="psnr_db", sort=False
    )
    wide.columns.name = wide.index.name = None
    return wide


def sources(table: str) -> list[str]:
    """Name where the numbers of a table come from."""
    rows = pd.read_csv(FILE)
    return sorted(rows[rows["table"] == table]["source"].unique())
