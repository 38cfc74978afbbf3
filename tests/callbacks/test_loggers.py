"""One W&B run per job, readable offline."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import wandb

from dip_lightning.callbacks import loggers
from dip_lightning.callbacks.loggers import LONGEST, how_to_upload_sweep, shortened
from tests.conftest import TINY, read_metrics, save_png, smooth_image


@pytest.fixture(autouse=True)
def fresh_wandb():
    """W&B keeps what it read from the environment for as long as the process lives."""
    yield
    wandb.teardown()
    loggers._server_failed = False


QUICK = ("task=denoising", "preset=smoke", "iterations=2", "log_every=2")


def records(folder: Path) -> list[dict]:
    wandb = shutil.which("wandb", path=str(Path(sys.executable).parent))
    command = [wandb, "leet", "inspect", "--json", str(folder)]
    printed = subprocess.run(command, check=True, capture_output=True, text=True)
    return [json.loads(line) for line in printed.stdout.splitlines()]


def of_type(found: list[dict], kind: str) -> list[dict]:
    return [record[kind] for record in found if record["type"] == kind]


def one_run(folder: Path) -> list[dict]:
    """Read the one offline run of a result folder."""
    (run,) = folder.glob("wandb/offline-run-*")
    return records(run)


def exit_code(found: list[dict]) -> int:
    (end,) = of_type(found, "exit")
    return end["exit_code"]


def summary(found: list[dict]) -> dict:
    values: dict = {}
    for record in of_type(found, "summary"):
        values |= record["update"]
    return values


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
    assert out.count("W&B") == 1
    told = "W&B: offline; to upload later: wandb sync sweep/*/wandb/offline-run-*"
    assert out.splitlines()[-1] == told
    folders = sorted(tmp_path.glob("sweep/*/wandb/offline-run-*"))
    assert len(folders) == 2
    for folder, lr in zip(folders, (0.001, 0.01), strict=True):
        found = records(folder)
        run = next(r["run"] for r in found if r["type"] == "run")
        assert run["display_name"] == f"sr photo lr={lr}"
        assert run["run_group"] == "sweep"
        assert run["job_type"] == "sr"
        assert run["config"]["update"]["lr"] == lr
        settings = run["config"]["update"]
        assert (settings["network"], settings["network.down"]) == ("skip", [4, 4])
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
        assert summary(found)["psnr_best"] > 0
        assert exit_code(found) == 0
        assert "artifact" not in {r["type"] for r in found}


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
    assert out.count("wandb sync") == 1
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


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_fit_that_a_signal_stops_ends_its_run_with_the_commands_status(tmp_path, photo, number):
    command = [sys.executable, "-m", "dip_lightning", "task=denoising", "preset=paper"]
    command += [f"image={photo}", "iterations=100000", "log_every=1", *TINY, "hydra.run.dir=out"]
    environment = {**os.environ, "WANDB_MODE": "offline", "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE) as fit:
        history, until = tmp_path / "out" / "history.csv", time.monotonic() + 120
        while not history.exists() or history.read_text().count("\n") < 3:
            assert fit.poll() is None
            assert time.monotonic() < until
            time.sleep(0.05)
        fit.send_signal(number)
        _, err = fit.communicate(timeout=120)
    assert fit.returncode == 128 + number, err
    assert b"stopped at iteration" in err
    assert b"Traceback" not in err
    assert (tmp_path / "out" / "restored.png").exists()
    metrics = read_metrics(tmp_path / "out")
    assert metrics["status"] == "interrupted"
    assert metrics["iterations"] > 0
    found = one_run(tmp_path / "out")
    assert exit_code(found) == 128 + number
    assert summary(found)["status"] == "interrupted"


def test_a_fit_that_diverged_keeps_its_last_good_result(dip, tmp_path, photo, monkeypatch):
    from dip_lightning.tasks.denoising import NoisyImage

    healthy, calls = NoisyImage.loss, []

    def breaking(self, x_hat, seen):
        calls.append(1)
        return healthy(self, x_hat, seen) * (float("nan") if len(calls) > 4 else 1)

    monkeypatch.setattr(NoisyImage, "loss", breaking)
    monkeypatch.setenv("WANDB_MODE", "offline")
    command = ("task=denoising", f"image={photo}", "chunk=2", "iterations=30")
    status, _, err = dip(*command, "hydra.run.dir=out")
    assert "not a finite number any more at iteration 5" in err
    metrics = read_metrics(tmp_path / "out")
    assert (metrics["status"], metrics["iterations"]) == ("diverged", 6)
    assert metrics["psnr"] > 0
    found = one_run(tmp_path / "out")
    assert (status, exit_code(found)) == (0, 0)
    assert summary(found)["status"] == "diverged"


def test_a_job_that_fails_before_its_fit_has_a_run(dip, tmp_path, photo, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "offline")
    (tmp_path / "bad.png").write_bytes(b"no image")
    images = f"image=bad.png,{photo.name}"
    status, out, _ = dip(*QUICK, "-m", images, "hydra.sweep.dir=sweep")
    assert status == 1
    assert out.count("wandb sync") == 1
    found = one_run(tmp_path / "sweep" / "image=bad.png")
    assert exit_code(found) == 1
    (run,) = of_type(found, "run")
    assert (run["display_name"], run["run_group"]) == ("denoising bad image=bad.png", "sweep")
    assert set(run["tags"]) == {"skip", "smoke", "paper"}
    assert run["config"]["update"]["image"] == "bad.png"
    assert summary(found)["error"].startswith("image=bad.png: not an image")
    assert summary(found)["status"] == "failed"
    assert exit_code(one_run(tmp_path / "sweep" / f"image={photo.name}")) == 0


def test_a_fit_that_fails_says_why_in_its_run(dip, tmp_path, photo, monkeypatch):
    from dip_lightning import outcome

    def broken(*arguments, **settings):
        raise MemoryError

    monkeypatch.setattr(outcome, "measure", broken)
    monkeypatch.setenv("WANDB_MODE", "offline")
    status, _, _ = dip(*QUICK, f"image={photo}", "hydra.run.dir=out")
    assert status == 1
    found = one_run(tmp_path / "out")
    assert exit_code(found) == 1
    assert summary(found)["error"].startswith("memory: there is not enough")
    assert loggers._open is None


def test_a_mistake_that_stops_the_command_has_no_run(dip, tmp_path, photo, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "offline")
    assert dip(*QUICK, f"image={photo}", "-m", "lr=0.01,-1", "hydra.sweep.dir=sweep")[0] == 2
    assert not list(tmp_path.rglob("offline-run-*"))


def test_workers_leave_the_line_to_the_sweep(dip, tmp_path, photo, monkeypatch):
    from joblib.externals.loky import get_reusable_executor

    monkeypatch.setenv("WANDB_MODE", "offline")
    command = (*QUICK, f"image={photo}", "-m", "seed=0,1", "launcher=joblib", "launcher.n_jobs=2")
    status, out, err = dip(*command, "hydra.sweep.dir=my sweep")
    get_reusable_executor().shutdown(wait=True)
    assert status == 0
    assert (out + err).count("W&B") == 1
    told = out.splitlines()[-1]
    assert told.endswith("wandb sync 'my sweep'/*/wandb/offline-run-*")
    # As a shell reads it, these are the runs, both of them.
    pattern = told.partition("wandb sync ")[2]
    listed = subprocess.check_output(["/bin/sh", "-c", f"ls -d {pattern}"], text=True, cwd=tmp_path)
    assert len(listed.splitlines()) == 2
    assert "sync" in shlex.split(told)


def test_what_has_been_uploaded_is_not_named_again(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "offline")
    run = tmp_path / "lr=1" / "wandb" / "offline-run-1-a"
    run.mkdir(parents=True)
    assert how_to_upload_sweep(tmp_path, "auto")
    (run / "run-a.wandb.synced").touch()
    assert how_to_upload_sweep(tmp_path, "auto") is None
    (tmp_path / "lr=2" / "wandb" / "offline-run-1-b").mkdir(parents=True)
    assert how_to_upload_sweep(tmp_path, "auto")


def test_long_names_keep_their_short_values_and_differ():
    assert shortened(["sr", "bird", "lr=0.01"]) == "sr bird lr=0.01"
    paths = [f"observed=/data/{'of_a_very_long_project/' * 12}scan_{n}.tif" for n in range(2)]
    names = [shortened(["sr", "bird", path, "lr=0.01", "seed=3"]) for path in paths]
    for number, name in enumerate(names):
        assert len(name) <= LONGEST
        assert name.startswith("sr bird observed=/data/of_a")
        assert re.search(rf"…\S+/scan_{number}\.tif lr=0\.01 seed=3 [0-9a-f]{{6}}$", name)
    other = paths[0].replace("project/of", "PROJECT/of", 5)  # differs in what is left out
    assert shortened(["sr", "bird", other, "lr=0.01", "seed=3"]) not in names
    many = [f"key_{n}={n / 1000}" for n in range(60)]
    assert len(shortened(many)) <= LONGEST


def test_names_group_and_tags_are_as_short_as_wandb_takes_them(dip, tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "offline")
    long = save_png(tmp_path / f"{'photo_of_the_house_' * 9}.png", smooth_image(3, 13, 17))
    sweep = f"{'sweep_over_seeds_' * 10}1"
    option = "a_preset_of_mine_" * 6
    (tmp_path / "mine" / "preset").mkdir(parents=True)
    (tmp_path / "mine" / "preset" / f"{option}.yaml").write_text(
        f"# @package _global_\npreset: {option}\niterations: 2\n"
    )
    told = ("--config-dir", "mine", "task=denoising", f"preset={option}", f"image={long.name}")
    status, _, err = dip(*told, "-m", "seed=0,1", f"hydra.sweep.dir={sweep}")
    assert (status, "W&B" in err) == (0, False)
    for seed in (0, 1):
        (run,) = of_type(one_run(tmp_path / sweep / f"seed={seed}"), "run")
        assert len(run["display_name"]) <= LONGEST
        assert f" seed={seed} " in run["display_name"]
        assert run["run_group"] == loggers.group_name(sweep)
        assert len(run["run_group"]) <= LONGEST
        assert max(map(len, run["tags"])) <= 64
