"""The time-to-quality benchmark's tables."""

import json
from dataclasses import asdict

from benchmarks.time_to_quality_tables import Case, Method, goal_table, table


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


def test_a_case_is_read_as_it_was_written():
    case = Case("photo", methods())
    assert Case.read(json.loads(json.dumps(asdict(case)))) == case
