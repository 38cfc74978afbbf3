"""The time-to-quality benchmark: its reading of curves, and small runs."""

import json

import pytest

from benchmarks import time_to_quality
from benchmarks.time_to_quality_tables import Case, Method

CURVE = [(2.0, 15.0), (3.0, 18.0), (4.0, 17.0), (6.0, 21.0)]


def test_a_curve_is_read_when_the_time_is_up():
    assert [time_to_quality.at(CURVE, limit) for limit in (1, 2, 3.9, 5, 99)] == [
        None,
        15,
        18,
        17,
        21,
    ]


def test_the_first_iteration_does_not_count_for_the_pace():
    assert time_to_quality.pace(CURVE) == pytest.approx(1.5)
    assert time_to_quality.pace(CURVE[:2]) == pytest.approx(1)


@pytest.mark.parametrize("setting", ["optimizer=muon", "device=gpu", "iterations=5"])
def test_what_only_one_method_has_is_refused(setting, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["time_to_quality", "--setting", "max_side=64", setting])
    with pytest.raises(SystemExit):
        time_to_quality.main()
    assert "is not the same for all methods" in capsys.readouterr().err


def test_a_fit_of_several_images_cannot_be_made_beforehand(monkeypatch, capsys, tmp_path):
    names = ("sr x4, bird", "sigma 25, f16")
    monkeypatch.setattr("sys.argv", ["time_to_quality", "--whole", str(tmp_path), "--case", *names])
    with pytest.raises(SystemExit):
        time_to_quality.main()
    assert "is the fit of one --case, not of 2" in capsys.readouterr().err


def result(folder, rows, iterations):
    folder.mkdir()
    lines = ["iteration,loss,psnr,psnr_average,seconds", *(f"{i},,,{p},{s}" for i, p, s in rows)]
    (folder / "history.csv").write_text("\n".join(lines))
    (folder / "metrics.json").write_text(
        json.dumps({"iterations": iterations, "status": "finished"})
    )
    return folder


def test_a_stopped_fit_has_its_own_pace_and_the_whole_ones_psnr(tmp_path):
    cut = result(tmp_path / "cut", [(1, 9, 3), (10, 11, 4), (21, 12, 5)], 21)
    whole = result(tmp_path / "whole", [(1, 9, 1), (100, 31, 700), (200, 30, 1400)], 200)
    seen = Method("paper", [11.0], 12.0, 5.0, 12.0)
    assert time_to_quality.as_if_whole(seen, cut, whole, 200) == Method(
        "paper", [11.0], 30, 20.0, 31
    )


@pytest.mark.parametrize("status", [None, "interrupted"])
def test_a_fit_made_beforehand_must_have_come_to_its_end(status, monkeypatch, capsys, tmp_path):
    if status is not None:
        (tmp_path / "metrics.json").write_text(json.dumps({"status": status}))
    arguments = ["time_to_quality", "--whole", str(tmp_path), "--case", "sr x4, bird"]
    monkeypatch.setattr("sys.argv", arguments)
    with pytest.raises(SystemExit):
        time_to_quality.main()
    assert "expected the result folder of a finished fit" in capsys.readouterr().err


def test_a_fit_that_somebody_else_stops_is_not_taken_for_a_whole_one(monkeypatch, tmp_path):
    monkeypatch.setattr(time_to_quality.sys, "executable", "false")
    with pytest.raises(SystemExit):
        time_to_quality.suite(tmp_path, [])
    stopped = tmp_path / "stopped"
    stopped.write_text("#!/bin/sh\nexit 143\n")
    stopped.chmod(0o755)
    monkeypatch.setattr(time_to_quality.sys, "executable", str(stopped))
    with pytest.raises(SystemExit):
        time_to_quality.suite(tmp_path, [])


@pytest.mark.slow
def test_a_fit_is_stopped_after_its_seconds(photo, tmp_path):
    narrow = ["network.down=[4]", "network.up=[4]", "network.skip=[2]", "input_depth=3"]
    arguments = ["task=denoising", f"image={photo}", *narrow, "preset=paper", "threads=1"]
    curve = time_to_quality.suite(tmp_path / "out", [*arguments, "iterations=1000000"], 0.5)
    assert curve[-1][0] > 0.5
    assert json.loads((tmp_path / "out" / "metrics.json").read_text())["status"] == "interrupted"


@pytest.mark.slow
def test_all_methods_are_run_on_one_image(photo):
    narrow = (
        "threads=1",
        "network.down=[4]",
        "network.up=[4]",
        "network.skip=[2]",
        "input_depth=3",
        "max_iterations=12",
    )
    # Longer than a test may take: the textbook loop must end with the paper's fit.
    case = time_to_quality.compare("photo", ["task=denoising", f"image={photo}", *narrow], [3600.0])
    first, book, *ours = case.methods
    assert [m.name for m in (book, *ours)] == ["textbook", "paper", "fast"]
    assert first.end == first.psnr[0]
    assert book.end is None
    for method in (first, *ours):
        assert 5 < method.end < 50
        assert method.highest >= method.end
    assert 5 < book.psnr[0] < 50


def test_each_max_side_has_a_section_of_its_own(docs, monkeypatch):
    page = docs / "benchmarks.md"
    page.write_text(page.read_text().replace("part", "time-to-quality-64"))
    names = ("classical: tv", "textbook", "paper", "fast")
    methods = [Method(name, [18.0], 20.0, 10.0, 20.0) for name in names]
    monkeypatch.setattr(time_to_quality, "compare", lambda name, *_: Case(name, methods))
    arguments = ["--seconds", "30", "--setting", "max_side=64"]
    for case in ("sr x4, bird", "sigma 25, f16"):
        monkeypatch.setattr("sys.argv", ["time_to_quality", "--case", case, *arguments])
        time_to_quality.main()
    written = page.read_text()
    assert "max_side=64; seed 0." in written
    assert written.count("| 20.00 | 20.00 | 20.00 | 20.00 | +0.00 | 1.0 | 1.0 |") == 2
    assert time_to_quality.opened(["max_side=65"], [30.0]).results == {}
    assert time_to_quality.opened(["threads=1"], [30.0]).name == "time-to-quality"
