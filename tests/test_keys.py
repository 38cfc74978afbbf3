import re
from dataclasses import dataclass, fields

import pytest

from dip_lightning.config import Config
from dip_lightning.errors import UserError
from dip_lightning.keys import (
    check_range,
    default_of,
    describe_range,
    is_optional,
    key,
    kind_of,
    names_of,
)
from dip_lightning.prior.settings import FitSettings


@dataclass
class Some:
    rate: float = key(0.5, "a rate", above=0, high=1)
    count: int | None = key(None, "a count", low=2)
    kind: str = key("a", "a kind", choices=("a", "b"))
    options: dict = key({"x": 1}, "options")  # noqa: RUF009 - a field with a factory of its own
    free: float = key(0.0, "any number")
    beside: int = key(0, "a number of no weight", affects="nothing")


ENTRY = {entry.name: entry for entry in fields(Some)}


def test_every_key_of_a_job_is_explained():
    for entry in fields(Config):
        assert entry.metadata["text"]


@pytest.mark.parametrize(
    ("name", "allowed", "refused", "described"),
    [
        ("rate", (1e-9, 1), (0, 1.01, float("nan")), "more than 0, at most 1"),
        ("count", (None, 2, 10**9), (1, -3), "at least 2"),
        ("kind", ("a", "b"), ("c", ""), "a, b"),
        ("options", ({}, {"y": 2}), (), "a finite number"),
        ("free", (-1e9, 0), (float("inf"),), "a finite number"),
    ],
)
def test_ranges(name, allowed, refused, described):
    for value in allowed:
        check_range(ENTRY[name], value)
    for value in refused:
        with pytest.raises(UserError, match=f"^{name}={re.escape(str(value))}: "):
            check_range(ENTRY[name], value)
    assert describe_range(ENTRY[name]) == described


def test_types_and_defaults():
    assert [kind_of(entry) for entry in ENTRY.values()] == [
        "float",
        "int",
        "str",
        "dict",
        "float",
        "int",
    ]
    assert [name for name, entry in ENTRY.items() if is_optional(entry)] == ["count"]
    assert default_of(ENTRY["rate"]) == 0.5
    first, second = Some(), Some()
    first.options["x"] = 2
    assert second.options == {"x": 1}


def test_a_key_affects_the_result_unless_it_says_otherwise():
    assert names_of(Some, "nothing") == {"beside"}
    assert names_of(Some, "record", "nothing") == {"beside"}
    assert names_of(Some, "result") == {"rate", "count", "kind", "options", "free"}


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"iterations": 2.5}, "iterations=2.5: expected an integer"),
        ({"lr": "0.1"}, "lr='0.1': expected a number"),
        ({"guard": "2"}, "guard='2': expected a number"),
    ],
)
def test_a_value_of_another_kind_is_refused(given, sentence):
    with pytest.raises(UserError, match=sentence):
        FitSettings(**given).check_fit()
