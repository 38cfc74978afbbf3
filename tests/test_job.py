"""What surrounds a job: pages that fail, sweeps too large for a page after each job."""

from dip_lightning import job
from dip_lightning.dashboard import page
from tests.conftest import read_metrics

QUICK = ("preset=smoke", "iterations=2", "logger=none")


def test_a_page_that_fails_costs_no_result(dip, tmp_path, photo, monkeypatch):
    def broken(folder):
        raise KeyError("no such run")

    monkeypatch.setattr(page, "write_report", broken)
    status, _, err = dip("task=denoising", f"image={photo}", *QUICK, "hydra.run.dir=out")
    assert status == 0
    assert "page: KeyError: 'no such run'; the results are complete" in err
    assert read_metrics(tmp_path / "out")["status"] == "finished"


def test_a_large_sweep_writes_no_page_after_each_job(dip, tmp_path, photo, monkeypatch):
    monkeypatch.setattr(job, "MOST_SHOWN", 1)
    written = []
    monkeypatch.setattr(page, "write_dashboard", written.append)
    arguments = ("task=denoising", f"image={photo}", *QUICK, "hydra.sweep.dir=sweep")
    status, _, _ = dip(*arguments, "-m", "seed=0,1,2")
    assert status == 0
    assert len(written) == 2  # after the first, and at the end
    assert len(list(tmp_path.glob("sweep/*/report.html"))) == 3


def test_a_failed_job_has_a_page_with_its_reason(dip, tmp_path, photo):
    arguments = ("task=sr", "factor=20", f"image={photo}", *QUICK, "hydra.run.dir=out")
    status, _, err = dip(*arguments)
    assert status == 1
    assert "factor=20: expected at most the shorter side" in err
    assert (
        "factor=20: expected at most the shorter side"
        in (tmp_path / "out" / "report.html").read_text()
    )
