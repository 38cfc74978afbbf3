"""The benchmark itself runs, on an image of a few pixels."""

import pytest

from benchmarks import speed


@pytest.mark.slow
def test_three_loops_are_timed_in_turn(tmp_path, monkeypatch):
    (tmp_path / "benchmarks.md").write_text(f"before\n{speed.BEGIN}\nold\n{speed.END}\nafter\n")
    monkeypatch.setattr(speed, "DOCS", tmp_path)
    result = speed.compare("no_skip_narrow", 16, iterations=3, pairs=1)
    assert result["ratio"] > 0
    speed.write([result], 3, 1)
    page = (tmp_path / "benchmarks.md").read_text()
    assert page.startswith("before")
    assert page.endswith("after\n")
    assert "old" not in page
    assert "| no_skip_narrow | 16 x 16 |" in page
    assert (tmp_path / "benchmarks" / "speed.json").is_file()
