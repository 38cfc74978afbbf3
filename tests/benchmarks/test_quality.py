"""The quality benchmark's command line: what is computed, kept and left out."""

import json
import multiprocessing
import os
import signal
import threading
import time
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict

import pytest

from benchmarks import peer, quality
from benchmarks.time_to_quality_tables import Case, Method
from tests.benchmarks.test_quality_tables import result


@pytest.fixture
def computed(monkeypatch, docs, tmp_path):
    """Cases that were computed, in place of computing them; the files of two are there."""
    for name in ("bm3d11/house.png", "bm3d11/hill.png", "color9/f16.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    monkeypatch.setenv("DIP_DATA", str(tmp_path))
    done = []

    def apart(case, settings):
        done.append(case)
        version = quality.quality_fit.version
        if case.startswith("peer/"):
            methods = [Method("dip_lightning", [20.0] * len(peer.SECONDS), 21.0, 9.0, 22.5)]
            return {
                "case": asdict(Case(case, methods)),
                "version": version("/".join(quality.PEERS[case.split("/")[1]]), settings),
            }
        return asdict(result(case, version=version(case, settings)))

    monkeypatch.setattr(quality, "apart", apart)
    return done


def call(monkeypatch, *arguments):
    monkeypatch.setattr("sys.argv", ["quality", *arguments])
    quality.main()


def test_what_is_there_with_the_same_settings_is_not_computed_again(computed, monkeypatch, docs):
    call(monkeypatch, "half/house")
    call(monkeypatch, "half/hill", "half/house")
    assert computed == ["half/house", "half/hill"]
    call(monkeypatch, "half/house", "--again")
    assert computed == ["half/house", "half/hill", "half/house"]
    page = (docs / "benchmarks.md").read_text()
    assert "default settings, whole images; seed 0." in page
    assert "| half of the pixels missing | 2 of 11 |" in page


def test_other_settings_have_a_section_of_their_own(computed, monkeypatch, docs):
    call(monkeypatch, "half/house")
    call(monkeypatch, "half/house", "--setting", "max_side=64", "lr=0.02", "device=cpu")
    assert computed == ["half/house"] * 2
    assert {path.name for path in (docs / "benchmarks").glob("*.json")} == {
        "quality.json",
        "quality-lr-0-02-max-side-64.json",
    }


def test_changed_defaults_are_computed_anew(computed, monkeypatch, docs):
    call(monkeypatch, "half/house")
    path = docs / "benchmarks" / "quality.json"
    found = json.loads(path.read_text())
    found["results"]["half/house"]["version"] = "of earlier defaults"
    path.write_text(json.dumps(found))
    call(monkeypatch, "half/house")
    assert computed == ["half/house"] * 2


def test_runs_are_taken_and_nothing_is_computed(computed, monkeypatch, docs, tmp_path, capsys):
    def find(case, settings, folder):
        assert (settings, folder) == (["lr=0.02"], tmp_path)
        if case == "half/hill":
            raise quality.quality_runs.NoRunError(f"{case}: no run")
        return result(case, version="one")

    monkeypatch.setattr(quality.quality_runs, "find", find)
    names = ["half/house", "half/hill", "--runs", str(tmp_path), "--setting", "lr=0.02"]
    call(monkeypatch, *names)
    assert computed == []
    assert "left out: half/hill: no run" in capsys.readouterr().out
    found = json.loads((docs / "benchmarks" / "quality-lr-0-02.json").read_text())
    assert list(found["results"]) == ["half/house"]


def test_dry_writes_nothing(computed, monkeypatch, docs, capsys):
    before = (docs / "benchmarks.md").read_text()
    call(monkeypatch, "half/house", "--dry")
    assert (docs / "benchmarks.md").read_text() == before
    assert not (docs / "benchmarks").exists()
    assert "| house | 9.00 |" in capsys.readouterr().out


def test_what_is_not_there_is_left_out_of_all_and_said(computed, monkeypatch, capsys):
    monkeypatch.setattr(peer, "missing", lambda: "needs deepinv")
    call(monkeypatch)
    assert computed == ["half/house", "half/hill", "sigma25/f16"]
    said = capsys.readouterr().out
    assert "left out: camera/d600_iso3200_2: image=real_noise/d600_iso3200_2_real.png:" in said
    assert "left out: peer/f16: needs deepinv" in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["camera/d600_iso3200_2"], "real_noise/d600_iso3200_2_real.png: no such file"),
        (["peer/f16"], "peer/f16: needs deepinv"),
        (["half/hose"], "half/hose: in half, choose one of barbara"),
        (["half/house", "--setting", "sigma=5"], "--setting sigma=5: sigma is the case's own"),
        (["half/house", "--setting", "lr=-1"], "lr=-1"),
    ],
)
def test_what_is_named_must_be_there(arguments, said, computed, monkeypatch, capsys):
    monkeypatch.setattr(peer, "missing", lambda: "needs deepinv")
    with pytest.raises(SystemExit):
        call(monkeypatch, *arguments)
    assert said in capsys.readouterr().err
    assert computed == []


def test_the_peer_has_a_table_of_its_own(computed, monkeypatch, docs):
    monkeypatch.setattr(peer, "missing", lambda: None)
    monkeypatch.setattr(quality, "version", lambda _: "0.5.0")
    call(monkeypatch, "peer/f16", "half/house")
    call(monkeypatch, "peer/f16")
    assert computed == ["half/house", "peer/f16"]
    page = (docs / "benchmarks.md").read_text()
    assert "deepinv 0.5.0." in page
    assert "| peer/f16 | dip_lightning | **20.00** |" in page
    assert "| **21.00** | 9.0 | 22.50 |" in page


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (KeyboardInterrupt, "stopped; every case that was done is written"),
        (BrokenProcessPool, "process was killed, for its memory perhaps; what was done is written"),
    ],
)
def test_an_end_before_its_time_is_a_sentence(error, said, computed, monkeypatch, docs):
    call(monkeypatch, "half/hill")

    def stopped(*_):
        raise error

    monkeypatch.setattr(quality, "apart", stopped)
    with pytest.raises(SystemExit, match=said):
        call(monkeypatch, "half/hill", "half/house")
    assert "half/hill" in (docs / "benchmarks" / "quality.json").read_text()


def sleep(case, settings):
    time.sleep(100)


def test_a_signal_stops_the_process_of_a_case(monkeypatch):
    monkeypatch.setattr(quality, "computed", sleep)
    before, began = signal.getsignal(signal.SIGTERM), time.monotonic()
    threading.Timer(1, os.kill, (os.getpid(), signal.SIGTERM)).start()
    with pytest.raises(KeyboardInterrupt):
        quality.apart("half/house", [])
    assert multiprocessing.active_children() == []
    assert signal.getsignal(signal.SIGTERM) == before
    assert time.monotonic() - began < 60
