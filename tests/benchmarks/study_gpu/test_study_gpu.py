"""The whole command: cut off, gone on with, on another machine, out of time."""

import json
import re
import signal
import time
import zipfile
from pathlib import Path

import pandas as pd
import pytest

from benchmarks.study_gpu.__main__ import main
from benchmarks.study_gpu.archive import Archive
from benchmarks.study_gpu.jobs import read_jobs
from benchmarks.study_gpu.lanes import Lanes
from dip_lightning.study.experiments import find_experiment
from dip_lightning.study.results import find_results, frame
from dip_lightning.study.tables import wide
from tests.benchmarks.study_gpu.conftest import command
from tests.benchmarks.study_gpu.test_lanes import wait_for
from tests.conftest import TINY

LONG = ("max_iterations=160", "chunk=10", "checkpoint_seconds=0")
ONE_PART = "paper/set5_x4: study=sr_set5 factor=4 image=set5/bird,set5/woman"
ENDLESS = ("iterations=1000000", "chunk=10")


def table(folder: Path) -> pd.DataFrame:
    """Make the table of a folder of results."""
    results = find_results([folder])["sr_set5"]
    assert [result.trouble for result in results] == [None, None]
    experiment = find_experiment("sr_set5")
    return wide(frame(results, experiment, ()), (), "psnr")


def gathered(out: Path) -> Path:
    """Unpack what was gathered, as at home."""
    for path in sorted(out.glob("results-*.zip")):
        with zipfile.ZipFile(path) as found:
            found.extractall(out / "home")
    return out / "home"


def entries(study: Path, out: str) -> dict[str, str]:
    """Read how each job ended, by the job."""
    found = json.loads((study / out / "ledger.json").read_text())["jobs"]
    return {key: entry["status"] for key, entry in found.items()}


def seed_timings(study: Path, out: str) -> None:
    """Write a ledger with the time of an iteration, so that it is not measured."""
    kind = "skip, adam, input 3, 16 x 16 RGB"
    (study / out).mkdir()
    known = {"jobs": {}, "timings": {"CPU": {kind: 0.001}}}
    (study / out / "ledger.json").write_text(json.dumps(known))


@pytest.mark.slow
def test_a_call_that_was_killed_goes_on_and_ends_with_the_same_table(study, start, dip):
    jobs = ("+study=sr_set5", "factor=4", "image=set5/bird,set5/woman", *LONG, "logger=none")
    assert dip("-m", *jobs, "hydra.sweep.dir=plain")[0] == 0

    first = start(*command("cut", 300, *LONG, width=1))
    wait_for(lambda: list(study.glob("work/paper/set5_x4/*woman*/job/last.ckpt")), 120)
    first.kill()
    first.wait()
    assert list(entries(study, "cut").values()) == ["finished"]  # bird's, gathered before
    timed = json.loads((study / "cut/ledger.json").read_text())["timings"]["CPU"]
    assert list(timed) == ["skip, adam, input 3, 16 x 16 RGB"]
    assert start(*command("cut", 300, *LONG, width=1)).wait() == 0
    log = (study / "log.txt").read_text()
    assert f"paper/denoising: left out, as {study}/data does not hold it" in log
    assert "image=color9/kodim01" in log
    assert "2 of 3 jobs are done, in cut\n" in log
    (woman,) = (study / "work/logs").glob("*woman*.txt")
    assert "going on at iteration" in woman.read_text()
    assert woman.read_text().count("finished before") == 0
    assert set(entries(study, "cut").values()) == {"finished"}
    made = table(gathered(study / "cut"))
    assert list(made["image"]) == ["bird", "woman", "mean of 2"]
    pd.testing.assert_frame_equal(made, table(study / "plain"))


@pytest.mark.slow
def test_it_ends_in_time_and_in_order(study, start):
    seed_timings(study, "out")
    (study / "parts.yaml").write_text(ONE_PART)
    began = time.monotonic()
    assert start(*command("out", 45, *ENDLESS)).wait() == 0
    assert time.monotonic() - began < 60  # Python's own start is not counted
    found = entries(study, "out")
    assert set(found.values()) == {"interrupted"}
    assert len(found) == 1  # the others would not have ended either, and wait
    with zipfile.ZipFile(study / "out/results-01.zip") as found:
        inside = {Path(name).name for name in found.namelist()}
    assert {"metrics.json", "history.csv", "rerun.yaml"} <= inside
    assert "restored.png" not in inside
    log = (study / "log.txt").read_text()
    assert "no" in log.partition("together")[0].splitlines()[1].split()
    assert "; the same command does what is left" in log


@pytest.mark.slow
def test_a_signal_ends_it_in_order(study, start):
    seed_timings(study, "out")
    call = start(*command("out", 300, *ENDLESS))
    wait_for(lambda: list(study.glob("work/paper/set5_x4/*/job/history.csv")), 120)
    call.send_signal(signal.SIGTERM)
    assert call.wait(60) == 128 + signal.SIGTERM
    assert set(entries(study, "out").values()) <= {"interrupted"}


@pytest.fixture
def nobody(monkeypatch):
    """No process may be started."""

    def refuse(*arguments: object) -> None:
        raise AssertionError(arguments)

    monkeypatch.setattr(Lanes, "start", refuse)


def test_another_machine_does_nothing_twice(study, nobody, capsys):
    (study / "parts.yaml").write_text(ONE_PART)
    archive = Archive(study / "out")
    for job in read_jobs(study / "parts.yaml", TINY):
        told = {"command": list(job.command), "status": "finished", "archive": 1}
        archive.jobs[job.key] = told
    archive.write_ledger()
    assert main(command("out", 60)) == 0
    assert "2 of 2 jobs are done, in out\n" in capsys.readouterr().out


def test_a_mistake_is_a_sentence(study, nobody, monkeypatch, capsys):
    assert main(command("out", 60, "lr=fast")) == 2
    assert "error: lr=fast: expected a number" in capsys.readouterr().err
    monkeypatch.delenv("DIP_DATA")
    assert main(command("out", 60)) == 2
    assert capsys.readouterr().err == "error: DIP_DATA: name the folder of the images with it\n"


@pytest.mark.slow
def test_a_job_that_fails_stops_no_other(study, start):
    seed_timings(study, "out")
    (study / "parts.yaml").write_text(ONE_PART)
    (study / "data/set5/woman.png").write_bytes((study / "data/set5/woman.png").read_bytes()[:60])
    call = start(*command("out", 200, "max_iterations=2"))
    assert call.wait() == 1
    log = (study / "log.txt").read_text()
    assert re.search(r"woman-\w+: failed: image=", log)
    assert "woman.png: truncated or damaged image" in log
    (done,) = entries(study, "out")
    assert done.startswith("paper/set5_x4/image=bird-")
