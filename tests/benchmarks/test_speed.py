"""The benchmark itself runs, on an image of a few pixels."""

import pytest

from benchmarks import speed


@pytest.mark.slow
def test_three_loops_are_timed_in_turn(tmp_path, monkeypatch):
    begin, end = "<!-- speed: begin -->", "<!-- speed: end -->"
    (tmp_path / "benchmarks.md").write_text(f"before\n{begin}\nold\n{end}\nafter\n")
    monkeypatch.setattr(speed, "DOCS", tmp_path)
    result = speed.compare("no_skip_narrow", 16, iterations=4, pairs=1, device="cpu")
    assert result["ratio"] > 0
    assert 0 < result["rounds"][0]["suite"]["outside"] < 1
    speed.write([result], 4, 1, "cpu")
    page = (tmp_path / "benchmarks.md").read_text()
    assert page.startswith("before")
    assert page.endswith("after\n")
    assert "old" not in page
    assert "| no_skip_narrow | 16 x 16 |" in page
    assert (tmp_path / "benchmarks" / "speed.json").is_file()
