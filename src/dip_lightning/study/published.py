"""Published numbers, each with its source."""

import csv
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
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
# Of smaller frames than ours: the study cut its images to multiples of 32 pixels beforehand.
OTHER_FRAME = {("psnr_rgb_best_iterate", "head"), ("psnr_rgb_best_iterate", "woman")}
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
def published(table: str, metric: str) -> "pd.DataFrame":
    """Read the published numbers of a table.

    Args:
        table: such as `restoration_50`.
        metric: key of metrics.json.

    Returns:
        One row for each image, one column for each method, dB; empty where nothing is published.
    """
    import pandas as pd  # noqa: PLC0415 - only in the extra `study`

    rows = pd.DataFrame(_rows(table, metric), columns=["image", "method", "psnr_db"])
    wide = rows.assign(psnr_db=rows["psnr_db"].astype(float)).pivot_table(
        index="image", columns="method", values="psnr_db", sort=False
    )
    wide.columns.name = wide.index.name = None
    return wide


def numbers(table: str, metric: str, image: str) -> dict[str, float]:
    """Return what is published of an image in a table, dB, by method; empty where nothing is."""
    found: dict[str, list[float]] = {}
    for row in _rows(table, metric):
        if row["image"] == image:
            found.setdefault(row["method"], []).append(float(row["psnr_db"]))
    return {method: sum(values) / len(values) for method, values in found.items()}


def sources(table: str) -> list[str]:
    """Name where the numbers of a table come from."""
    return sorted({row["source"] for row in _file() if row["table"] == table})


def _rows(table: str, metric: str) -> list[dict[str, str]]:
    return [
        {**row, "method": NAMES[row["method"]]}
        for row in _file()
        if row["table"] == table
        and METRICS[row["metric"]] == metric
        and (row["metric"], row["image"]) not in OTHER_FRAME
    ]


@cache
def _file() -> list[dict[str, str]]:
    with FILE.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
