"""Both loops of the comparison compute the same fit, and its table says what was measured."""

import pytest

from benchmarks import equal

NARROW = ("network.down=[4]", "network.up=[4]", "network.skip=[2]", "input_depth=3", "threads=1")


@pytest.mark.slow
def test_without_chance_both_loops_are_one_fit(photo):
    same = [f"image={photo}", *NARROW, "noise_std=0", "precision=float32"]
    (pair,) = equal.compare(["task=denoising", *same], iterations=3, seeds=1)
    assert pair[0] == pytest.approx(pair[1], abs=1e-3)
    assert 5 < pair[0] < 50


def test_what_only_the_suite_has_is_refused(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["equal", "--setting", "optimizer=muon"])
    with pytest.raises(SystemExit):
        equal.main()
    assert "is not the same for all methods" in capsys.readouterr().err


def test_the_table_has_means_and_how_far_single_seeds_are_apart():
    lines = equal.table({"photo": [(20.0, 20.5), (22.0, 21.9)]}).splitlines()
    assert lines[2:] == ["| photo | 2 | 21.00 | 21.20 | +0.20 | -0.10 to +0.50 |"]


def test_an_image_that_is_asked_for_joins_the_table(docs, monkeypatch):
    monkeypatch.setattr(equal, "compare", lambda *_: [(20.0, 20.5)])
    page = docs / "benchmarks.md"
    page.write_text(page.read_text().replace("part", "equal"))
    for case in ("sr x4, bird", "sigma 25, f16"):
        monkeypatch.setattr("sys.argv", ["equal", "--case", case, "--setting", "max_side=64"])
        equal.main()
    written = page.read_text()
    assert "max_side=64; averaged output after 500 iterations." in written
    assert "| sr x4, bird | 1 | 20.00 | 20.50 |" in written
    assert "| sigma 25, f16 | 1 |" in written
