"""The benchmark itself runs, on an image of a few pixels."""

import pytest

from benchmarks import page, speed


def empty_page(folder, name):
    marked = f"before\n<!-- {name}: begin -->\nold\n<!-- {name}: end -->\nafter\n"
    (folder / "benchmarks.md").write_text(marked)
    return folder


@pytest.mark.slow
def test_three_loops_are_timed_in_turn(tmp_path, monkeypatch):
    monkeypatch.setattr(page, "DOCS", empty_page(tmp_path, "speed"))
    result = speed.compare("no_skip_narrow", 16, iterations=4, pairs=1, device="cpu")
    assert 0 < result["rounds"][0]["suite"]["outside"] < 1
    assert result["ratio"] > 0
    page.write("speed", speed.text([result], 4, 1, "cpu"), {"results": [result]})
    written = (tmp_path / "benchmarks.md").read_text()
    assert written.startswith("before")
    assert written.endswith("after\n")
    assert "old" not in written
    assert "| no_skip_narrow | 16 x 16 |" in written
    assert (tmp_path / "benchmarks" / "speed.json").is_file()


def test_what_a_gpu_does_not_measure_is_a_dash():
    run = {"seconds": 0.5, "peak_bytes": 2e9, "page_faults": None, "outside": 0.015}
    rounds = [{"textbook": {**run, "outside": None}, "suite": {**run, "seconds": 0.25}}] * 3
    result = {"network": "skip", "side": 64, "ratio": 2.0, "of_limit": None, "rounds": rounds}
    assert speed.row(result) == (
        "| skip | 64 x 64 | 2.000 | 4.000 | **2.00** | - | - | 1.5% | 2.00 / 2.00 | - / - |"
    )
