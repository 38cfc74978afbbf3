"""The jobs of a grid, before Hydra begins: the folder of each, and its swept values."""

from collections.abc import Collection, Iterator
from itertools import product
from typing import Any

from hydra.core.override_parser.types import Override

from dip_lightning.cli.overrides import parse_overrides
from dip_lightning.cli.resolvers import job_folder

PARAMS = "hydra.sweeper.params"  # would sweep keys that are not among the arguments


def planned(overrides: list[str], swept: Collection[str]) -> dict[str, dict[str, Any]]:
    """List the jobs of a grid.

    Args:
        overrides: what Hydra is given.
        swept: the keys by which a job's folder is named.

    Returns:
        The swept values of each job, by the name of its folder.
    """
    if any(text.startswith(PARAMS) for text in overrides):
        return {}
    # Of a key that is given twice, Hydra's sweeper takes the last.
    choices = {
        override.get_key_element(): list(_values(override))
        for override in parse_overrides(overrides)
        if override.key_or_group in swept and not override.is_hydra_override()
    }
    return {
        job_folder(",".join(sorted(text for text, _, _ in job))): {
            key: value for _, key, value in job
        }
        for job in product(*choices.values())
    }


def _values(override: Override) -> Iterator[tuple[str, str, Any]]:
    """Give each key=value as Hydra writes it, with its key and its typed value."""
    if override.is_sweep_override():
        texts = list(override.sweep_string_iterator())
    else:
        texts = [override.get_value_element_as_str()]
    for text in texts:
        line = f"{override.get_key_element()}={text}"
        (parsed,) = parse_overrides([line])
        yield line, override.key_or_group, _typed(parsed.value())


def _typed(value: Any) -> Any:
    if isinstance(value, list):
        return [_typed(item) for item in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return getattr(value, "text", value) if not isinstance(value, dict) else str(value)
