import json
import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from dip_lightning.metrics import psnr
from dip_lightning.runs.ownership import LISTING
from dip_lightning.runs.report import write_classical, write_metrics
from tests.conftest import read_metrics, save_png, smooth_image


def test_metrics_are_valid_json_without_nan(tmp_path):
    write_metrics(tmp_path, {"a": math.nan, "b": {"c": [math.inf]}, "d": 1.5, "e": None})

    def refuse(constant):
        raise AssertionError(constant)

    text = (tmp_path / "metrics.json").read_text()
    values = json.loads(text, parse_constant=refuse)
    assert values == {"a": None, "b": {"c": [None]}, "d": 1.5, "e": None}
    assert {path.name for path in tmp_path.iterdir()} == {"metrics.json", LISTING}


def test_the_classical_result_is_kept_for_the_eye_as_the_ground_truth_is(dip, tmp_path):
    x = smooth_image(3, 18, 23)
    save_png(tmp_path / "photo.png", x)
    quick = ("task=sr", "factor=2", "preset=smoke", "iterations=2", "logger=none")
    assert dip(*quick, "image=photo.png", "hydra.run.dir=out")[0] == 0
    with Image.open(tmp_path / "out" / "snapshots" / "classical.png") as image:
        shown = torch.from_numpy(np.array(image)).permute(2, 0, 1)[None] / 255
    first = read_metrics(tmp_path / "out")["baselines"][0]
    assert first["name"] == "bicubic"
    truth = (x * 255).round()[..., : shown.shape[2], : shown.shape[3]] / 255
    assert float(psnr(shown, truth)) == pytest.approx(first["psnr"], abs=0.02)


def test_without_a_classical_method_there_is_no_such_image(tmp_path):
    write_classical(tmp_path, SimpleNamespace(baselines=[]))
    assert not (tmp_path / "snapshots").exists()
