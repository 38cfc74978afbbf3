"""Jobs in other processes: the same folders, the same results, the same exit status."""

import pickle
import re

import pytest

from dip_lightning.cli.checking import check, parse
from dip_lightning.cli.sweeps import launchers, workers
from dip_lightning.cli.sweeps.sweep import Sweep
from dip_lightning.errors import UserError
from tests.conftest import read_metrics, save_png, smooth_image

QUICK = ("task=denoising", "preset=smoke", "iterations=2", "logger=none")
JOBLIB = ("launcher=joblib", "launcher.n_jobs=2")


@pytest.fixture(autouse=True)
def fresh_workers():
    """A process keeps its workers, and these the folder they were started in."""
    from joblib.externals.loky import get_reusable_executor

    yield
    get_reusable_executor().shutdown(wait=True)


def test_joblib_gives_what_one_after_the_other_gives(dip, tmp_path, photo):
    common = (*QUICK, f"image={photo}", "-m", "seed=1,2,3")
    assert dip(*common, "hydra.sweep.dir=one")[0] == 0
    status, out, err = dip(*common, *JOBLIB, "hydra.sweep.dir=several")
    assert status == 0
    assert out.count("  finished") == 3
    assert "Warning" not in err
    jobs = (out + err).split("\njob ")[0].splitlines()
    assert all(re.match(r"\[[123] of 3\] ", line) for line in jobs if line)
    for number in (1, 2, 3):
        assert f"[{number} of 3] seed={number}\n" in out
        assert f"[{number} of 3] iteration 2/2, " in err
    for seed in (1, 2, 3):
        one, several = (tmp_path / name / f"seed={seed}" for name in ("one", "several"))
        assert {p.name for p in one.iterdir()} == {p.name for p in several.iterdir()}
        assert (one / "restored.png").read_bytes() == (several / "restored.png").read_bytes()
        assert read_metrics(one)["psnr"] == read_metrics(several)["psnr"]
    # Whoever did it: it is done.
    assert dip(*common, "hydra.sweep.dir=several")[1].count("finished before") == 3


def test_a_job_that_fails_elsewhere_is_a_failure(dip, tmp_path, photo):
    (tmp_path / "scans").mkdir()
    for name in ("a", "c"):
        save_png(tmp_path / "scans" / f"{name}.png", smooth_image(1, 9, 11))
    (tmp_path / "scans" / "b.png").write_bytes(b"broken")
    command = (*QUICK, "observed=scans")
    status, out, err = dip(*command, *JOBLIB)
    assert status == 1
    assert out.count("  finished") == 2
    assert "b.png: not an image" in err
    assert "Traceback" not in out + err
    save_png(tmp_path / "scans" / "b.png", smooth_image(1, 9, 11))
    status, out, _ = dip(*command)
    assert status == 0
    assert out.count("finished before") == 2


def test_the_same_folder_whoever_does_the_jobs():
    folders = {
        check(parse([*QUICK, "-m", "seed=1,2", *more])).sweep_folder
        for more in ((), JOBLIB, ("launcher=slurm", "launcher.partition=debug"))
    }
    assert len(folders) == 1


def test_one_job_goes_where_it_is_sent():
    assert check(parse(["launcher=slurm"])).multirun
    assert not check(parse(["launcher=slurm", "--cfg", "hydra"])).multirun


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("launcher=cloud", "launcher=cloud: choose one of joblib, local, ray, slurm"),
        ("launcher=ray", "launcher=ray: is not installed; pip install 'dip-lightning[ray]'"),
        ("-m launcher=joblib,slurm", "a sweep has one launcher"),
        ("-m search=grid,optuna", "a sweep has one search"),
        ("launcher=joblib launcher.jobs=2", "hydra.launcher.jobs=2: "),
        ("-m seed=range(0,1000000000)", "expected at most 100,000 values"),
        ("-m seed=range(0,10000) iterations=range(1,10000)", "expected at most 100,000 in one"),
        ("-m seed=range(1,5,0)", "expected range(start,stop,step)"),
    ],
)
def test_mistakes_are_one_sentence(line, sentence, monkeypatch):
    monkeypatch.setitem(launchers.PLUGINS, "ray", "not_there")
    with pytest.raises(UserError) as error:
        check(parse(line.split()))
    assert sentence in str(error.value)
    assert "\n" not in str(error.value)


def test_a_killed_worker_is_one_sentence(dip, photo, monkeypatch):
    import joblib.externals.loky.process_executor as loky
    from hydra_plugins.hydra_joblib_launcher import _core

    def broken(**_):
        raise loky.TerminatedWorkerError("A worker process was terminated.\nDetails")

    monkeypatch.setattr(_core, "launch", broken)
    status, _, err = dip(*QUICK, f"image={photo}", "-m", "seed=1,2", *JOBLIB)
    assert status == 1
    last = err.splitlines()[-1]
    assert last == (
        "error: launcher=joblib: A worker process was terminated; "
        "the same command does what is left"
    )


def a_job(composed, sweep):
    return composed.x


def test_a_job_takes_its_resolvers_along():
    from omegaconf import OmegaConf

    job = launchers.PortableJob(a_job, Sweep(("lr",), 20))
    pickled = pickle.dumps(job)
    OmegaConf.clear_resolver("processes")
    assert pickle.loads(pickled) == job  # noqa: S301
    assert OmegaConf.has_resolver("processes")


def test_gpus_are_dealt_out(monkeypatch, tmp_path):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,7")
    assert launchers.visible_gpus() == ["4", "7"]
    monkeypatch.setenv(workers.SLOTS, str(tmp_path))
    monkeypatch.setattr(launchers, "_slots", [])
    assert [launchers._take_slot() for _ in range(3)] == [0, 1, 2]
    launchers._slots[1].release()  # its worker has ended
    assert launchers._take_slot() == 1
    launchers._share_the_machine()
    assert launchers.visible_gpus() == ["7"]  # the fourth worker


def test_a_worker_keeps_its_gpu(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,7")
    monkeypatch.setattr(launchers, "_take_slot", lambda: 3)
    launchers._share_the_machine()
    launchers._share_the_machine()
    assert launchers.visible_gpus() == ["7"]
