"""One key of the configuration: its default, meaning, range and type."""

from dataclasses import MISSING, Field, field, fields
from numbers import Integral, Real
from typing import Any, Literal

from dip_lightning.errors import UserError

KINDS = {"int": (Integral, "an integer"), "float": (Real, "a number")}
Affects = Literal["result", "record", "nothing"]


def key(
    default: Any,
    text: str,
    *,
    low: float | None = None,
    high: float | None = None,
    above: float | None = None,
    choices: tuple[str, ...] = (),
    affects: Affects = "result",
) -> Any:
    """Declare one configuration key.

    Args:
        default: value if nobody sets it.
        text: its meaning, for --help.
        low: smallest value allowed.
        high: greatest value allowed.
        above: bound that the value must exceed.
        choices: the only values allowed.
        affects: what another value changes. "record": how a result is computed, written or called;
            nobody compares results by it. "nothing": a fit may even go on with another value.
    """
    limits = {"text": text, "low": low, "high": high, "above": above, "choices": choices}
    limits["affects"] = affects
    if isinstance(default, dict):
        return field(default_factory=lambda: dict(default), metadata=limits)
    return field(default=default, metadata=limits)


def check_range(entry: Field[Any], value: Any) -> None:
    """Refuse a value outside of the range that its key was declared with.

    Raises:
        UserError: names the key, its value and what is allowed.
    """
    limits = entry.metadata
    if value is None or isinstance(value, dict):
        return
    if limits["choices"] and value not in limits["choices"]:
        raise UserError(f"{entry.name}={value}: choose one of {', '.join(limits['choices'])}")
    for kind, (numbers, called) in KINDS.items():
        if kind_of(entry) == kind and not isinstance(value, numbers):
            raise UserError(f"{entry.name}={value!r}: expected {called}")
    if isinstance(value, str | bool):
        return
    low, high, above = limits["low"], limits["high"], limits["above"]
    inside = (
        (low is None or value >= low)
        and (high is None or value <= high)
        and (above is None or value > above)
        and value - value == 0  # neither nan nor infinite
    )
    if not inside:
        raise UserError(f"{entry.name}={value}: expected {describe_range(entry)}")


def describe_range(entry: Field[Any]) -> str:
    """Say which values a key takes, such as "more than 0, at most 1"."""
    limits = entry.metadata
    if limits["choices"]:
        return ", ".join(limits["choices"])
    parts = [
        f"{word} {limits[name]}"
        for name, word in (("above", "more than"), ("low", "at least"), ("high", "at most"))
        if limits[name] is not None
    ]
    return ", ".join(parts) or "a finite number"


def names_of(declared: type, *affects: Affects) -> frozenset[str]:
    """Return the keys of a dataclass that affect one of these, see `key`."""
    return frozenset(e.name for e in fields(declared) if e.metadata["affects"] in affects)


def default_of(entry: Field[Any]) -> Any:
    """Return a key's default value."""
    return entry.default if entry.default is not MISSING else {}


def kind_of(entry: Field[Any]) -> str:
    """Name a key's type without "or None": "int", "float", "bool", "str" or another."""
    declared = getattr(entry.type, "__args__", (entry.type,))[0]
    return str(getattr(declared, "__name__", declared))


def is_optional(entry: Field[Any]) -> bool:
    """Say whether a key may be null."""
    return type(None) in getattr(entry.type, "__args__", ())
