"""Published numbers, each with its source, and the runs that they are about."""

import csv
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

# The collection of each table (`{factor}` is filled in), and what a run must have set beside: one
# of these. None: the run is older than the key.
TABLES: Mapping[str, tuple[str, Mapping[str, tuple[Any, ...]]]] = {
    "set5_x{factor}": (
        "set5",
        {"task": ("sr",), "observation": ("pillow",), "sigma": (0, None)},
    ),
    "restoration_50": (
        "bm3d11",
        {
            "task": ("restoration",),
            "mask": ("bm3d11_masks",),
            "mask_means": ("known", None),
            "mask_grow": (0, None),
        },
    ),
    "denoising_sigma25": (
        "color9",
        {"task": ("denoising",), "sigma": (25,), "observation": ("gaussian",)},
    ),
}
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


def find_table(settings: Mapping[str, Any], is_whole: bool) -> str | None:  # noqa: FBT001
    """Name the table of published numbers that is about the same degradation and image.

    Args:
        settings: the composed configuration of a run.
        is_whole: the image was not cut.
    """
    collection = str(settings.get("image")).rpartition("/")[0].rpartition("/")[2]
    for table, (images, needed) in TABLES.items():
        same = all(settings.get(key) in allowed for key, allowed in needed.items())
        if is_whole and same and collection == images:
            return table.format_map(settings)
    return None


def numbers(table: str | None, metric: str, image: str) -> dict[str, float]:
    """Return what is published of an image in a table, dB, by method; empty where nothing is.

    Args:
        table: such as `restoration_50`; None has no numbers.
        metric: key of metrics.json.
        image: name of the image.
    """
    found: dict[str, list[float]] = {}
    for row in _rows(table, metric):
        if row["image"] == image:
            found.setdefault(row["method"], []).append(float(row["psnr_db"]))
    return {method: sum(values) / len(values) for method, values in found.items()}


def sources(table: str | None) -> list[str]:
    """Name where the numbers of a table come from."""
    return sorted({row["source"] for row in _file() if row["table"] == table})


def _rows(table: str | None, metric: str) -> list[dict[str, str]]:
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
