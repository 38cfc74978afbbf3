"""The quality benchmark's tables."""

import json
from dataclasses import asdict, replace

import pytest

from benchmarks.quality_sets import SETS
from benchmarks.quality_tables import Result, page, set_table, summary


def result(case="half/house", **values):
    numbers = {
        "version": "1",
        "observed": 9.0,
        "classical": {"biharmonic": 35.0},
        "fit": 35.5,
        "result": 36.0,
        "made": "DIP averaged",
        "highest": 36.2,
        "highest_at": 90,
        "seconds": 12.4,
        "iterations": 100,
    }
    return Result(case=case, **{**numbers, **values})


def test_the_floor_is_the_best_that_needs_no_fit():
    assert result().margin == pytest.approx(1)
    assert result(classical={"a": 30.0, "b": 38.0}).margin == pytest.approx(-2)
    assert result(observed=37.0).margin == pytest.approx(-1)
    assert result(observed=None).margin == pytest.approx(1)


def test_a_line_for_each_image_and_their_mean():
    rows = [result("x4/bird", observed=None), result("x4/head", observed=None, result=34.0)]
    head, ruler, *lines = set_table(rows).splitlines()
    assert head.startswith("| image | observed | biharmonic | fit alone | result | best on the way")
    assert ruler == "|---" * (head.count("|") - 1) + "|"
    assert lines == [
        "| bird | - | 35.00 | 35.50 | **36.00** | 36.20 (90) | +1.00 | 12 | 100 |",
        "| head | - | 35.00 | 35.50 | **34.00** | 36.20 (90) | -1.00 | 12 | 100 |",
        "| mean | - | 35.00 | 35.50 | **35.00** | 36.20 | +0.00 | 12 | 100 |",
    ]


def test_a_method_that_some_images_lack_has_no_mean():
    lines = set_table([result(), result(classical={"tv": 30.0})]).splitlines()
    assert lines[2].startswith("| house | 9.00 | 35.00 | - |")
    assert lines[-1].startswith("| mean | 9.00 | - | - | 35.50 |")


def test_least_margin_comes_first_and_what_is_below_is_named():
    rows = [result(), result("half/hill", result=34.96), result("half/man", result=34.9)]
    written = page(rows, whole=True)
    images = [line.split(" | ")[0] for line in written.splitlines() if " (90) |" in line]
    assert images == ["| man", "| hill", "| house"]
    assert "More than 0.05 dB below the best without a fit: half/man." in written
    assert "below the best without a fit: none." in page(rows[:2], whole=True)
    assert "`make quality ARGS=half`" in written


def test_only_a_whole_set_of_whole_images_is_beside_its_target():
    rows = [result(f"half/{image}") for image in SETS["half"].images]
    line = summary({"half": rows}, whole=True).splitlines()[-1]
    assert "| 11 of 11 | 35.00 | 35.50 | **36.00** | 36.20 | +1.00 (barbara) |" in line
    assert line.endswith(
        "| 35.2; above biharmonic on each | DIP, published 33.48; DIP, the study (oracle) 33.57; "
        "Self2Self 35.14 |"
    )
    assert summary({"half": rows}, whole=False).endswith("| - | - |")
    assert summary({"half": rows[1:]}, whole=True).endswith("| - | - |")


def test_a_result_is_read_as_it_was_written():
    before = replace(result(), observed=None)
    assert Result(**json.loads(json.dumps(asdict(before)))) == before
