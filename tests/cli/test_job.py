"""What surrounds a job: pages that fail, sweeps too large for a page after each job."""

import os
import signal
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest

from dip_lightning.cli import job
from dip_lightning.dashboard import page
from dip_lightning.errors import UserError
from dip_lightning.runs.naming import Place
from tests.conftest import read_metrics, save_png, smooth_image

QUICK = ("preset=smoke", "iterations=2", "logger=none")


def test_a_page_that_fails_costs_no_result(dip, tmp_path, photo, monkeypatch):
    def broken(folder):
        raise KeyError("no such run")

    monkeypatch.setattr(page, "write_report", broken)
    status, _, err = dip("task=denoising", f"image={photo}", *QUICK, "hydra.run.dir=out")
    assert status == 0
    assert "out: no page (KeyError: 'no such run')" in err
    assert read_metrics(tmp_path / "out")["status"] == "finished"


def test_a_reader_that_goes_away_costs_no_result(dip, tmp_path, photo, monkeypatch):
    from dip_lightning.cli import run

    def broken(*arguments):
        raise BrokenPipeError

    monkeypatch.setattr(run, "_conclude", broken)
    status, _, _ = dip("task=denoising", f"image={photo}", *QUICK, "hydra.run.dir=out")
    assert status == 0
    assert read_metrics(tmp_path / "out")["status"] == "finished"


def test_a_signal_after_the_fit_stops_the_sweep(dip, tmp_path, photo, monkeypatch):
    from dip_lightning import outcome

    measure = outcome.measure

    def slow(*arguments, **options):
        os.kill(os.getpid(), signal.SIGTERM)
        return measure(*arguments, **options)

    monkeypatch.setattr(outcome, "measure", slow)
    arguments = ("task=denoising", f"image={photo}", *QUICK, "hydra.sweep.dir=sweep")
    assert dip(*arguments, "-m", "seed=0,1")[0] == 143
    assert read_metrics(tmp_path / "sweep" / "seed=0")["status"] == "finished"
    assert not (tmp_path / "sweep" / "seed=1").exists()


def test_a_job_that_another_process_has_just_finished_is_left(dip, tmp_path, photo, monkeypatch):
    command = ("task=denoising", f"image={photo}", *QUICK, "hydra.sweep.dir=sweep", "-m", "seed=0")
    assert dip(*command)[0] == 0
    (folder,) = (path.parent for path in tmp_path.glob("sweep/*/metrics.json"))
    result = (folder / "restored.png").stat()
    (folder / "metrics.json").rename(tmp_path / "metrics.json")
    locked = job.lock.locked

    @contextmanager
    def waited(place):
        with locked(place):
            (tmp_path / "metrics.json").rename(folder / "metrics.json")
            yield

    monkeypatch.setattr(job.lock, "locked", waited)
    status, out, _ = dip(*command)
    assert status == 0
    assert "finished before" in out
    assert (folder / "restored.png").stat() == result


def test_a_refusal_in_another_process_is_raised(monkeypatch, capsys):
    place = Place(Path("out"), "seed=1", "sweep")
    monkeypatch.setattr(job, "failures", [])
    for launcher, expected in (("basic", nullcontext()), ("joblib", pytest.raises(UserError))):
        choices = {"hydra/launcher": launcher}
        settings = SimpleNamespace(runtime=SimpleNamespace(choices=choices))
        start = SimpleNamespace(place=place, hydra_config=settings)
        with expected:
            job._refuse(start, "out: is in use")
    assert capsys.readouterr().err == 2 * "error: out: is in use\n"
    assert job.failures == 2 * ["seed=1: out: is in use"]


def test_a_large_sweep_writes_no_page_after_each_job(dip, tmp_path, photo, monkeypatch):
    monkeypatch.setattr(job, "MOST_SHOWN", 1)
    written = []
    monkeypatch.setattr(page, "write_dashboard", written.append)
    arguments = ("task=denoising", f"image={photo}", *QUICK, "hydra.sweep.dir=sweep")
    status, _, _ = dip(*arguments, "-m", "seed=0,1,2")
    assert status == 0
    assert len(written) == 2  # after the first, and at the end
    assert len(list(tmp_path.glob("sweep/*/report.html"))) == 3


def test_a_file_that_has_changed_since_is_restored_again(dip, tmp_path, photo):
    told = ("task=denoising", f"observed={photo}", *QUICK, "-m", "seed=0,1", "hydra.sweep.dir=out")
    assert dip(*told)[0] == 0
    first = (tmp_path / "out" / "seed=0" / "restored.png").read_bytes()
    assert dip(*told)[1].count("finished before") == 2
    save_png(photo, smooth_image(3, 13, 17, seed=5))
    status, out, _ = dip(*told)
    assert status == 0
    assert f"observed={photo}: has changed since this job was done; doing it again" in out
    assert "finished before" not in out
    assert (tmp_path / "out" / "seed=0" / "restored.png").read_bytes() != first
    assert dip(*told)[1].count("finished before") == 2


def test_a_page_that_a_killed_job_did_not_write_is_written_now(dip, tmp_path, photo):
    arguments = ("task=denoising", f"image={photo}", *QUICK, "hydra.run.dir=out", "resume=true")
    assert dip(*arguments)[0] == 0
    folder = tmp_path / "out"
    written = (folder / "metrics.json").stat().st_mtime_ns
    (folder / "report.html").unlink()
    status, out, _ = dip(*arguments)
    assert status == 0
    assert "finished before" in out
    assert (folder / "report.html").exists()
    assert (folder / "metrics.json").stat().st_mtime_ns == written


def test_another_configurations_result_is_not_replaced(dip, tmp_path, photo):
    place = (f"observed={photo}", *QUICK, "-m", "seed=0,1", "hydra.sweep.dir=out")
    assert dip("task=denoising", *place)[0] == 0
    before = (tmp_path / "out/seed=0/restored.png").read_bytes()
    status, _, err = dip("task=sr", "factor=2", *place)
    assert status == 1
    assert "out/seed=0 holds a finished job of another configuration" in err
    assert (tmp_path / "out/seed=0/restored.png").read_bytes() == before
    assert dip("task=sr", "factor=2", *place, "resume=false")[0] == 0
    assert (tmp_path / "out/seed=0/restored.png").read_bytes() != before
