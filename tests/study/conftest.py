"""Result folders as the command writes them, with numbers to recognise."""

import csv
import json

import pytest
import torch
from omegaconf import OmegaConf

from dip_lightning.study import figures
from tests.conftest import save_png


@pytest.fixture
def result(tmp_path):
    def write(name, image="house", psnr=30.0, *, baseline=True, typed=(), **settings):
        folder = tmp_path / "outputs" / name
        (folder / ".hydra").mkdir(parents=True)
        metrics = {
            "status": "finished",
            "image": image,
            "psnr": psnr,
            "psnr_average": psnr + 1,
            "psnr_result": psnr + 1,
            "observed": {"psnr": 8.0},
            "psnr_best": psnr + 2,
            "psnr_holes": psnr - 3,
            "psnr_holes_average": psnr - 2,
            "baselines": [{"name": "biharmonic", "psnr": 35.7, "psnr_holes": 32.7}] * baseline,
            "size": [1, 6, 8],
            "cropped": False,
            "seed": settings.get("seed", 0),
            "iterations": 600,
            "seconds": 120.0,
            "device_name": "a computer",
            "precision": "float32",
        }
        (folder / "metrics.json").write_text(json.dumps(metrics))
        config = {
            "study": "restoration_table1",
            "budget": "cpu",
            "max_iterations": 600,
            "max_side": None,
            "task": "restoration",
            "image": f"bm3d11/{image}",
            "mask": "bm3d11_masks",
            "network": {"name": "skip", "down": [1]},
            "seed": 0,
            **settings,
        }
        OmegaConf.save(OmegaConf.create(config), folder / ".hydra" / "rerun.yaml")
        OmegaConf.save(OmegaConf.create(list(typed)), folder / ".hydra" / "overrides.yaml")
        with (folder / "history.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("iteration", "loss", "psnr", "psnr_average", "seconds"))
            for t in range(10, 601, 10):
                dropped = 5.0 if t == 400 else 0.0
                writer.writerow((t, 1 / t, psnr - 100 / t - dropped, psnr, t / 5))
        (folder / "snapshots").mkdir()
        for file in ("observed", "restored", "snapshots/truth", "snapshots/classical"):
            save_png(folder / f"{file}.png", torch.full((1, 1, 6, 8), 0.5))
        return folder

    return write


@pytest.fixture
def saved(monkeypatch):
    """The figures that are saved, to be asked what is in them."""
    found = []
    monkeypatch.setattr(figures, "save", lambda figure, _: found.append(figure))
    return found
