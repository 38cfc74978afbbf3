"""One W&B run per job, readable offline."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import wandb

from dip_lightning.callbacks import loggers
from tests.conftest import read_metrics


@pytest.fixture(autouse=True)
def fresh_wandb():
    """W&B keeps what it read from the environment for as long as the process lives."""
    yield
    wandb.teardown()
    loggers._server_failed = False


def records(folder: Path) -> list[dict]:
    wandb = shutil.which("wandb", path=str(Path(sys.executable).parent))
    command = [wandb, "leet", "inspect", "--json", str(folder)]
    printed = subprocess.run(command, check=True, capture_output=True, text=True)
    return [json.loads(line) for line in printed.stdout.splitlines()]


def of_type(found: list[dict], kind: str) -> list[dict]:
    return [record[kind] for record in found if record["type"] == kind]


def test_a_sweep_is_one_offline_run_for_each_job(dip, tmp_path, photo, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "offline")
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
        again = f"python -m dip_lightning --config-dir sweep/factor=2-lr={lr}/.hydra"
        assert run["notes"].startswith(again.replace("factor=2-", ""))
        assert run["config"]["update"]["command"] == run["notes"]
        assert set(run["tags"]) == {"skip", "paper"}
        rows = [r["history"]["item"] for r in found if r["type"] == "history"]
        curve = [r for r in rows if "psnr_average" in r]
        assert [r["iteration"] for r in curve] == [1, 2, 4]
        assert all(r["by_seconds/psnr"] == r["psnr"] for r in curve)
        images = [r for r in rows if "x_average.captions" in r]
        assert images
        assert all("averaged output, iteration" in str(r["x_average.captions"]) for r in images)
        (final,) = [r for r in rows if "comparison.filenames" in r]
        assert "psnr_average" in str(final["comparison.captions"])
        axes = {m["name"]: m.get("step_metric") for m in of_type(found, "metric") if "name" in m}
        assert axes["psnr"] == axes["x_average"] == "iteration"
        summary = [item for r in of_type(found, "summary") for item in str(r).split()]
        assert any("psnr_best" in item for item in summary)
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


@pytest.mark.parametrize("mode", ["", None])
def test_where_nobody_has_logged_in_nothing_is_said(dip, tmp_path, photo, monkeypatch, mode):
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "no.netrc"))
    monkeypatch.delenv("WANDB_MODE", raising=False)
    if mode is not None:
        monkeypatch.setenv("WANDB_MODE", mode)
    status, out, err = dip(
        "task=denoising", f"image={photo}", "preset=smoke", "iterations=2", "hydra.run.dir=out"
    )
    assert status == 0
    assert "W&B" not in out + err
    assert "wandb" not in (out + err).lower()
    assert out.splitlines()[-1] == "result: out/restored.png"
    assert len(list(tmp_path.glob("out/wandb/offline-run-*"))) == 1


def test_how_to_upload_is_the_last_line(dip, photo, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "offline")
    told = (f"image={photo}", "preset=smoke", "iterations=2", "hydra.run.dir=out")
    _, out, err = dip(*told)
    assert out.splitlines()[-1].startswith("W&B: offline; to upload later: wandb sync out/wandb/")
    assert (out + err).count("W&B") == 1


def test_what_the_dashboard_cannot_take_is_said_once(dip, photo, monkeypatch):
    def broken(self, *arguments, **settings):
        raise OSError("no space left\nnext line")

    monkeypatch.setattr(wandb.Run, "log", broken)
    monkeypatch.setenv("WANDB_MODE", "offline")
    arguments = ("task=denoising", f"image={photo}", "preset=smoke", "iterations=6", "log_every=1")
    status, _, err = dip(*arguments)
    assert status == 0
    assert err.count("W&B: no space left; the result folder has it all") == 1


def test_a_server_that_is_down_is_waited_for_once(dip, tmp_path, photo, monkeypatch):
    monkeypatch.delenv("WANDB_MODE", raising=False)
    monkeypatch.setenv("WANDB_API_KEY", "a" * 40)
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setattr(loggers, "INIT_SECONDS", 3)
    arguments = (f"image={photo}", "preset=smoke", "iterations=2", "-m", "seed=0,1,2")
    status, out, err = dip(*arguments, "hydra.sweep.dir=sweep")
    assert status == 0
    assert err.count("going on offline") == 1
    assert out.count("wandb sync") == 3
    for seed in range(3):
        assert read_metrics(tmp_path / "sweep" / f"seed={seed}")["status"] == "finished"


def test_a_place_that_cannot_be_written_costs_no_result(dip, tmp_path, photo, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "offline")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "wandb").write_text("a file where the folder should be")
    arguments = (f"image={photo}", "preset=smoke", "iterations=2", "hydra.run.dir=out")
    status, _, err = dip(*arguments)
    assert status == 0
    assert "Traceback" not in err
    assert read_metrics(tmp_path / "out")["status"] == "finished"
