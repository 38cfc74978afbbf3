"""One W&B run per job, readable offline."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import wandb

from tests.conftest import read_metrics


@pytest.fixture(autouse=True)
def fresh_wandb():
    """W&B keeps what it read from the environment for as long as the process lives."""
    yield
    wandb.teardown()


def records(folder: Path) -> list[dict]:
    wandb = shutil.which("wandb", path=str(Path(sys.executable).parent))
    command = [wandb, "leet", "inspect", "--json", str(folder)]
    printed = subprocess.run(command, check=True, capture_output=True, text=True)
    return [json.loads(line) for line in printed.stdout.splitlines()]


def test_a_sweep_is_one_offline_run_for_each_job(dip, tmp_path, photo, monkeypatch):
    monkeypatch.delenv("WANDB_MODE", raising=False)
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "no.netrc"))
    arguments = (
        "task=sr",
        "factor=2",
        f"image={photo}",
        "iterations=4",
        "log_every=2",
        "preset=paper",
    )
    status, out, _ = dip(*arguments, "-m", "lr=0.01,0.001", "hydra.sweep.dir=sweep")
    assert status == 0
    assert out.count("W&B: offline; to upload later: wandb sync") == 2
    folders = sorted(tmp_path.glob("sweep/*/wandb/offline-run-*"))
    assert len(folders) == 2
    for folder, lr in zip(folders, (0.001, 0.01), strict=True):
        found = records(folder)
        run = next(r["run"] for r in found if r["type"] == "run")
        assert run["display_name"] == f"sr photo lr={lr}"
        assert run["run_group"] == "sweep"
        assert run["job_type"] == "sr"
        assert run["config"]["update"]["lr"] == lr
        assert run["config"]["update"]["network"]["down"] == [4, 4]
        rows = [r["history"]["item"] for r in found if r["type"] == "history"]
        assert [r["iteration"] for r in rows if "psnr_average" in r] == [1, 2, 4]
        assert any("x_average.captions" in r for r in rows)
        assert any("comparison.filenames" in r for r in rows)
        assert any(r["type"] == "exit" for r in found)


@pytest.mark.parametrize("variable", [("WANDB_MODE", "bogus"), ("WANDB_API_KEY", "abc")])
def test_a_dashboard_that_fails_costs_no_result(dip, tmp_path, photo, monkeypatch, variable):
    for name in ("WANDB_MODE", "WANDB_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(*variable)
    arguments = ("task=denoising", f"image={photo}", "preset=smoke", "iterations=2")
    status, _, err = dip(*arguments, "hydra.run.dir=out")
    assert status == 0
    assert read_metrics(tmp_path / "out")["status"] == "finished"
    assert "going on offline" in err
    assert "Traceback" not in err


def test_what_the_dashboard_cannot_take_is_said_once(dip, photo, monkeypatch):
    from pytorch_lightning.loggers import WandbLogger

    def broken(self, *arguments, **settings):
        raise OSError("no space left\nnext line")

    monkeypatch.setattr(WandbLogger, "log_metrics", broken)
    monkeypatch.setattr(WandbLogger, "log_image", broken)
    monkeypatch.setenv("WANDB_MODE", "offline")
    arguments = ("task=denoising", f"image={photo}", "preset=smoke", "iterations=6", "log_every=1")
    status, _, err = dip(*arguments)
    assert status == 0
    assert err.count("W&B: no space left; the result folder has it all") == 1
