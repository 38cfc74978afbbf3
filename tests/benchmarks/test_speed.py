"""The benchmark itself runs, on an image of a few pixels."""

import pytest

from benchmarks import speed


@pytest.mark.slow
def test_three_loops_are_timed_in_turn():
    result = speed.compare("no_skip_narrow", 16, iterations=4, pairs=1, device="cpu")
    assert 0 < result["rounds"][0]["suite"]["outside"] < 1
    assert result["ratio"] > 0
    assert "| no_skip_narrow | 16 x 16 |" in speed.row(result)


def gpu_result(network, side, pairs):
    run = {"seconds": 0.5, "peak_bytes": 2e9, "page_faults": None, "outside": 0.015}
    rounds = [{"textbook": {**run, "outside": None}, "suite": {**run, "seconds": 0.25}}] * pairs
    return {"network": network, "side": side, "ratio": 2.0, "of_limit": None, "rounds": rounds}


def test_what_a_gpu_does_not_measure_is_a_dash():
    assert speed.row(gpu_result("skip", 64, 3)) == (
        "| skip | 64 x 64 | 2.000 | 4.000 | **2.00** | - | - | 1.5% | 2.00 / 2.00 | - / - |"
    )


def test_sizes_of_a_network_stand_together_however_they_were_measured():
    cases = (("skip", 64, 5), ("unet", 32, 5), ("skip", 8, 3))
    results = {f"{network}:{side}": gpu_result(network, side, n) for network, side, n in cases}
    first, *lines = speed.text(results, 12, "cpu").splitlines()
    assert first.endswith("; medians of 3 or 5 rounds of 12 iterations.")
    starts = [line.split("|")[1:3] for line in lines[3:]]
    assert starts == [[" skip ", " 8 x 8 "], [" skip ", " 64 x 64 "], [" unet ", " 32 x 32 "]]


def test_a_case_that_is_asked_for_joins_the_table(docs, monkeypatch):
    monkeypatch.setattr(speed, "compare", lambda network, side, *_: gpu_result(network, side, 5))
    page = docs / "benchmarks.md"
    page.write_text(page.read_text().replace("part", "speed"))
    for case in ("skip:64", "unet:32"):
        monkeypatch.setattr("sys.argv", ["speed", case])
        speed.main()
    written = page.read_text()
    assert written.startswith("before")
    assert written.endswith("after\n")
    assert "old" not in written
    assert "| skip | 64 x 64 |" in written
    assert "| unet | 32 x 32 |" in written
