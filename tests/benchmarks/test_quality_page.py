"""The time-to-quality benchmark's tables."""

from dataclasses import replace

import pytest

from benchmarks import page, quality_page
from benchmarks.quality_page import Case, Method, Page, goal_table, table
from tests.benchmarks.test_speed import empty_page


def methods():
    return [
        Method("classical: tv", [18.0, 18.0], 18.0, 1.25, 18.0),
        Method("textbook", [None, 20.0], None, 900.0, 20.0),
        Method("paper", [19.0, 21.5], 25.0, 600.0, 27.0),
        Method("fast", [20.0, 24.0], 25.1, 120.0, 25.2),
    ]


def test_the_best_of_each_time_is_bold_and_what_is_missing_stays_empty():
    lines = table([Case("photo", methods())], [30, 60]).splitlines()
    assert lines[0] == "| image | method | 30 s | 60 s | in the end | after, s |"
    assert lines[2:] == [
        "| photo | classical: tv | 18.00 | 18.00 | 18.00 | 1.2 |",
        "| photo | textbook |  | 20.00 |  | 900 |",
        "| photo | paper | 19.00 | 21.50 | 25.00 | 600 |",
        "| photo | fast | **20.00** | **24.00** | **25.10** | 120 |",
    ]


def test_both_ends_and_the_ratios_of_their_times():
    last = goal_table([Case("photo", methods())]).splitlines()[-1]
    assert last == "| photo | 25.00 | 27.00 | 25.10 | 25.20 | +0.10 | 5.0 | 7.5 |"


@pytest.fixture
def docs(tmp_path, monkeypatch):
    folder = empty_page(tmp_path, "quality-64")
    monkeypatch.setattr(page, "DOCS", folder)
    monkeypatch.setattr(quality_page, "DOCS", folder)
    return folder


def test_cases_that_are_there_stay_and_one_of_the_same_name_is_replaced(docs):
    better = [*methods()[:3], Method("fast", [20.0, 24.0], 26.0, 100.0, 26.0)]
    for name, found in (("cat", methods()), ("dog", methods()), ("cat", better)):
        Page(["max_side=64"], [30, 60]).add(Case(name, found))
    shown = (docs / "benchmarks.md").read_text()
    ends = [line for line in shown.splitlines() if line.endswith(("5.0 | 7.5 |", "6.0 | 9.0 |"))]
    assert ends == [
        "| cat | 25.00 | 27.00 | 26.00 | 26.00 | +1.00 | 6.0 | 9.0 |",
        "| dog | 25.00 | 27.00 | 25.10 | 25.20 | +0.10 | 5.0 | 7.5 |",
    ]
    assert "max_side=64; seed 0." in shown


def test_each_side_has_a_section_of_its_own(docs):
    one_time = [replace(method, psnr=method.psnr[:1]) for method in methods()]
    Page(["max_side=64"], [30]).add(Case("cat", one_time))
    assert Page(["max_side=64"], [30]).before is not None
    assert Page(["max_side=65"], [30]).before is None
    assert Page(["threads=1"], [30]).name == "quality"


def test_what_was_measured_differently_is_not_mixed(docs):
    Page(["max_side=64"], [30, 60]).add(Case("cat", methods()))
    assert Page(["max_side=64"], [30, 60]).different() is None
    assert "with seconds=[30, 60]" in Page(["max_side=64"], [30]).different()
    assert "settings" in Page(["max_side=64", "seed=1"], [30, 60]).different()
