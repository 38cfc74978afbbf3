"""The time-to-quality benchmark: its reading of curves, its tables, and one small run."""

import pytest

from benchmarks import page, quality
from benchmarks.quality import Case, Method
from tests.benchmarks.test_speed import empty_page

CURVE = [(2.0, 15.0), (3.0, 18.0), (4.0, 17.0), (6.0, 21.0)]


def test_a_curve_is_read_when_the_time_is_up():
    assert [quality.at(CURVE, limit) for limit in (1, 2, 3.9, 5, 99)] == [None, 15, 18, 17, 21]


def test_the_first_iteration_does_not_count_for_the_pace():
    assert quality.pace(CURVE) == pytest.approx(1.5)
    assert quality.pace(CURVE[:2]) == pytest.approx(1)


def test_a_fit_that_took_too_long_is_done_again_shorter(tmp_path, monkeypatch):
    done = []

    def suite(folder, arguments):
        done.append(int(arguments[-1].removeprefix("iterations=")))
        return [(2.0 * t, 20.0) for t in range(1, done[-1] + 1)]

    monkeypatch.setattr(quality, "suite", suite)
    curve = quality.in_time(tmp_path, ["preset=fast"], limit=30, step=1.5)
    assert done == [20, 15]
    assert curve[-1] == (30.0, 20.0)
    assert quality.in_time(tmp_path, [], limit=1, step=5) == [(2.0, 20.0)]


@pytest.mark.parametrize("setting", ["optimizer=muon", "device=gpu", "iterations=5"])
def test_what_only_one_method_has_is_refused(setting, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["quality", "--setting", "max_side=64", setting])
    with pytest.raises(SystemExit):
        quality.main()
    assert "is not the same for all methods" in capsys.readouterr().err


def test_the_best_of_each_time_is_bold_and_what_is_missing_stays_empty():
    case = Case("photo", [Method("a", [None, 20.0], "1 s"), Method("b", [None, 21.5])])
    lines = quality.table([case], [30, 60]).splitlines()
    assert lines[0] == "| image | method | 30 s | 60 s |"
    assert lines[2:] == ["| photo | a (1 s) |  | 20.00 |", "| photo | b |  | **21.50** |"]


def test_both_ends_and_their_ratio():
    ends = {"paper": {"seconds": 600.0, "psnr": 25.0}, "fast": {"seconds": 120.0, "psnr": 25.1}}
    last = quality.goal_table([{"case": "photo", **ends}]).splitlines()[-1]
    assert last == "| photo | 25.00 | 600 | 25.10 | 120 | 5.0 |"


@pytest.mark.slow
def test_all_methods_are_run_on_one_image(photo, tmp_path, monkeypatch):
    monkeypatch.setattr(page, "DOCS", empty_page(tmp_path, "quality"))
    narrow = (
        "threads=1",
        "network.down=[4]",
        "network.up=[4]",
        "network.skip=[2]",
        "input_depth=3",
    )
    case = quality.compare("photo", ["task=denoising", f"image={photo}", *narrow], [4.0])
    assert [m.name for m in case.methods] == ["classical", "textbook", "paper", "fast"]
    for method in case.methods:
        assert 5 < method.psnr[0] < 50
    page.write("quality", quality.table([case], [4.0]), {})
    assert "| photo | textbook |" in (tmp_path / "benchmarks.md").read_text()
