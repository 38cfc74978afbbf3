"""key=value arguments: their grammar, quotes, and the values of a sweep."""

import re
from math import prod

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep, Override, RangeSweep
from hydra.errors import HydraException

from dip_lightning.errors import UserError

MOST_JOBS = 100_000


def parse_overrides(texts: list[str]) -> list[Override]:
    """Parse key=value arguments by Hydra's grammar.

    Raises:
        UserError: one does not follow it.
    """
    parser = OverridesParser.create()
    parsed = []
    for text in texts:
        try:
            parsed.extend(parser.parse_overrides([text]))
        except HydraException:
            raise UserError(
                f"{text}: cannot be parsed; quote a value with special characters twice, "
                "for the shell and for the value: \"key='value'\""
            ) from None
    return parsed


def values_of(override: Override, *, optimised: bool = False) -> list[str]:
    """List what an override gives to each job: itself, or each value of its sweep, as key=value.

    Args:
        override: parsed key=value.
        optimised: an optimiser chooses values, so that there are intervals, of which both ends are
            listed.

    Raises:
        UserError: a sweep whose values only an optimiser could choose, a pattern, or too many.
    """
    if not override.is_sweep_override():
        return [str(override.input_line)]
    prefix, value = str(override.input_line).partition("=")[0], override.value()
    if optimised and isinstance(value, IntervalSweep):
        return [f"{prefix}={value.start}", f"{prefix}={value.end}"]
    if isinstance(value, RangeSweep):
        _check_range(override, value)
    try:
        return [f"{prefix}={text}" for text in override.sweep_string_iterator()]
    except HydraException:
        raise UserError(
            f"{override.input_line}: expected values separated by commas, or range(...); "
            "interval(...) goes with search=optuna"
        ) from None


def _check_range(override: Override, sweep: RangeSweep) -> None:
    start, stop, step = (float(value or 0) for value in (sweep.start, sweep.stop, sweep.step))
    count = (stop - start) / step if step else 0
    if not count > 0:
        raise UserError(f"{override.input_line}: expected range(start,stop,step) with some value")
    if count > MOST_JOBS:
        raise UserError(f"{override.input_line}: expected at most {MOST_JOBS:,} values")


def check_count(choices: list[int]) -> None:
    """Check how many jobs a sweep over so many values of each key has.

    Raises:
        UserError: more than anybody means.
    """
    if prod(choices) > MOST_JOBS:
        raise UserError(
            f"-m: these are {prod(choices):,} jobs, expected at most {MOST_JOBS:,} in one sweep"
        )


def quote(value: str) -> str:
    """Write a string as Hydra reads it back, whatever is in it."""
    literal = re.sub(r"(\\*)\$\{", lambda m: 2 * m[1] + "\\${", value)  # no interpolation
    escaped = re.sub(r"(\\*)('|$)", lambda m: 2 * m[1] + ("\\'" if m[2] else ""), literal)
    return f"'{escaped}'"
