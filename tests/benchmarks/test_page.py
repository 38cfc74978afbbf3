"""The benchmarks' page: a section keeps what is there, and mixes nothing."""

import argparse
import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from benchmarks.page import Section, check_settings


def opened(**how):
    return Section("part", {"settings": [], **how}, lambda results: f"cases: {results}")


def test_cases_that_are_there_stay_and_one_of_the_same_name_is_replaced(docs):
    for case, numbers in (("cat", [1]), ("dog", [2]), ("cat", [3])):
        opened().add(case, numbers)
    page = (docs / "benchmarks.md").read_text()
    assert page == (
        "before\n<!-- part: begin -->\ncases: {'cat': [3], 'dog': [2]}\n<!-- part: end -->\nafter\n"
    )
    found = json.loads((docs / "benchmarks" / "part.json").read_text())
    assert found["results"] == {"cat": [3], "dog": [2]}
    assert "PyTorch" in found["hardware"]


def test_two_processes_keep_each_others_cases(docs):
    one, other = opened(), opened()
    one.add("cat", [1])
    other.add("dog", [2])
    one.add("cat", [3])
    assert opened().results == {"cat": [3], "dog": [2]} == one.results


def test_even_at_the_same_time(docs):
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda case: opened().add(str(case), [case]), range(40)))
    assert opened().results == {str(case): [case] for case in range(40)}
    assert (docs / "benchmarks.md").read_text().endswith("<!-- part: end -->\nafter\n")
    assert not list(docs.rglob("*.partial"))


def test_what_was_measured_in_another_way_is_replaced_as_a_whole(docs):
    opened(iterations=5).add("cat", [1])
    opened(iterations=6).add("dog", [2])
    assert opened(iterations=6).results == {"dog": [2]}
    assert "cat" not in (docs / "benchmarks.md").read_text()


def test_but_not_by_single_cases(docs, capsys):
    parser = argparse.ArgumentParser()
    opened(iterations=5).check(["dog"], parser)  # nothing is there yet
    opened(iterations=5).add("cat", [1])
    opened(iterations=5).check(["dog"], parser)
    other = opened(iterations=6)
    other.check([], parser)
    with pytest.raises(SystemExit):
        other.check(["dog"], parser)
    said = capsys.readouterr().err
    assert f"{docs / 'benchmarks' / 'part.json'} was measured with iterations=5:" in said
    assert "measure all cases anew, or use --dry" in said


def test_settings_of_the_case_are_refused(capsys):
    parser = argparse.ArgumentParser()
    check_settings(["lr=0.1"], {"task"}, "is the case's own", parser)
    with pytest.raises(SystemExit):
        check_settings(["lr=0.1", "task=sr"], {"task"}, "is the case's own", parser)
    assert "--setting task=sr: task is the case's own" in capsys.readouterr().err
