"""The time-to-quality benchmark: its reading of curves, its tables, and one small run."""

import pytest

from benchmarks import quality
from benchmarks.quality import Case, Method

CURVE = [(2.0, 15.0), (3.0, 18.0), (4.0, 17.0), (6.0, 21.0)]


def test_a_curve_is_read_when_the_time_is_up():
    assert [quality.at(CURVE, limit) for limit in (1, 2, 3.9, 5, 99)] == [None, 15, 18, 17, 21]


def test_the_first_iteration_does_not_count_for_the_pace():
    assert quality.pace(CURVE) == pytest.approx(1.5)
    assert quality.pace(CURVE[:2]) == pytest.approx(1)


@pytest.mark.parametrize("setting", ["optimizer=muon", "device=gpu", "iterations=5"])
def test_what_only_one_method_has_is_refused(setting, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["quality", "--setting", "max_side=64", setting])
    with pytest.raises(SystemExit):
        quality.main()
    assert "is not the same for all methods" in capsys.readouterr().err


def methods():
    return [
        Method("classical: tv", [18.0, 18.0], 18.0, 1.25, 18.0),
        Method("textbook", [None, 20.0], None, 900.0, 20.0),
        Method("paper", [19.0, 21.5], 25.0, 600.0, 27.0),
        Method("fast", [20.0, 24.0], 25.1, 120.0, 25.2),
    ]


def test_the_best_of_each_time_is_bold_and_what_is_missing_stays_empty():
    lines = quality.table([Case("photo", methods())], [30, 60]).splitlines()
    assert lines[0] == "| image | method | 30 s | 60 s | in the end | after, s |"
    assert lines[2:] == [
        "| photo | classical: tv | 18.00 | 18.00 | 18.00 | 1.2 |",
        "| photo | textbook |  | 20.00 |  | 900 |",
        "| photo | paper | 19.00 | 21.50 | 25.00 | 600 |",
        "| photo | fast | **20.00** | **24.00** | **25.10** | 120 |",
    ]


def test_both_ends_and_the_ratios_of_their_times():
    last = quality.goal_table([Case("photo", methods())]).splitlines()[-1]
    assert last == "| photo | 25.00 | 27.00 | 25.10 | 25.20 | +0.10 | 5.0 | 7.5 |"


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
    case = quality.compare("photo", ["task=denoising", f"image={photo}", *narrow], [3600.0])
    first, book, *ours = case.methods
    assert [m.name for m in (book, *ours)] == ["textbook", "paper", "fast"]
    assert first.end == first.psnr[0]
    assert book.end is None
    for method in (first, *ours):
        assert 5 < method.end < 50
        assert method.highest >= method.end
    assert 5 < book.psnr[0] < 50
