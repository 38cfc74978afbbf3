"""Each task is timed beside super-resolution, and its table says how."""

import pytest

from benchmarks import task_speed


@pytest.mark.slow
@pytest.mark.parametrize("task", ["jpeg", "blind deblurring"])
def test_both_have_a_time(task):
    ((own, beside),) = task_speed.compare(task, side=96, iterations=4, pairs=1)
    assert 0 < own < 60
    assert 0 < beside < 60


def test_a_row_has_medians():
    pairs = [(1.0, 2.0), (3.0, 2.0), (1.2, 1.0)]
    assert task_speed.row("jpeg", pairs) == "| jpeg | 1.200 | 2.000 | **1.20** |"


@pytest.mark.parametrize(
    ("given", "said"),
    [(["sr"], "sr: choose of denoising, "), (["--iterations", "3"], "the first 3 are left out")],
)
def test_what_cannot_be_timed_is_refused(given, said, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["task_speed", *given])
    with pytest.raises(SystemExit):
        task_speed.main()
    assert said in capsys.readouterr().err


def test_a_task_that_is_asked_for_joins_the_table(docs, monkeypatch):
    monkeypatch.setattr(task_speed, "compare", lambda *_: [(1.0, 2.0)])
    page = docs / "benchmarks.md"
    page.write_text(page.read_text().replace("part", "task-speed"))
    for task in ("jpeg", "demosaicing"):
        monkeypatch.setattr("sys.argv", ["task_speed", task, "--side", "64", "--pairs", "1"])
        task_speed.main()
    written = page.read_text()
    assert "; 64 x 64, medians of 1 pairs of 10 iterations." in written
    assert "| jpeg | 1.000 | 2.000 | **0.50** |" in written
    assert "| demosaicing | 1.000" in written
