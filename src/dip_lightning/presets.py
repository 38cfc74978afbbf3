"""The settings that `conf/` gives a task, read without Hydra."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from dip_lightning.config import CONFIG_NAME, TASK_KEYS, Config, config_folder
from dip_lightning.errors import UserError, first_line
from dip_lightning.prior.settings import FitSettings

LAYERS = ("task", "preset", "budget")  # groups whose values are keys, in the order of composing
# What a call may set: the fit and the task, not where files are and what is written.
CONFIGURABLE = {entry.name for entry in fields(FitSettings)} | TASK_KEYS.keys() - {"mask"}
CONFIGURABLE |= {"network", "accelerate", "log_every"}
SIBLING = re.compile(r"\$\{\.(\w+)\}")
ONE_THREAD = threading.Lock()
GIVEN = "image"  # what `dip.restore` calls the damaged image


def load(path: Path) -> dict[str, Any]:
    """Read a file of `conf/`."""
    return dict(_load(path))


@cache
def _load(path: Path) -> dict[str, Any]:
    text = path.read_text(encoding="utf-8")
    found = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - faster
    assert isinstance(found, dict)  # noqa: S101 - what every file of conf/ is
    return found


def options(group: str) -> list[str]:
    """List what there is to choose from in a group."""
    return sorted(path.stem for path in (config_folder() / group).glob("*.yaml"))


def layered(task: str, **chosen: str) -> dict[str, Any]:
    """Lay the files of a task over each other; the later one counts.

    Args:
        task: option of the group.
        chosen: options of other groups, such as `preset`; else those of `conf/dip.yaml`.

    Returns:
        Keys with their values, interpolations as they are written; `network` is the option's name.
    """
    folder = config_folder()
    choices: dict[str, str] = {}
    for entry in load(folder / f"{CONFIG_NAME}.yaml")["defaults"]:
        choices |= entry if isinstance(entry, dict) else {}
    choices |= {"task": task, **chosen}
    values: dict[str, Any] = {}
    for group in LAYERS:
        option = folder / group / choices[group]
        for path in (option.with_suffix(".yaml"), option / f"{task}.yaml"):
            values |= load(path) if path.is_file() else {}
            for entry in values.pop("defaults", ()):
                choices |= {"network": entry["override /network"]}
    return {**values, "network": choices["network"]}


def network_of(name: str, task: str) -> dict[str, Any]:
    """Read the settings of a network, as a task needs it.

    Args:
        name: option of the group.
        task: whose own values count, where the network has some.
    """
    folder = config_folder() / "network"
    values = load(folder / f"{name}.yaml")
    bases = [entry for entry in values.pop("defaults", ()) if isinstance(entry, str)]
    for base in bases:
        values = values if base == "_self_" else network_of(base, task) | values
    own = folder / name / f"{task}.yaml"
    values |= load(own) if own.is_file() else {}
    siblings = {k: SIBLING.fullmatch(v) for k, v in values.items() if isinstance(v, str)}
    return values | {k: values[found[1]] for k, found in siblings.items() if found}


def configure(task: str, keys: dict[str, Any], preset: str = "fast") -> Config:
    """Return the settings of a task for a damaged image, as the command composes them.

    Args:
        task: such as "inpainting".
        keys: keys of the command with the values that are to be others, such as `lr`; `network`
            may be the name of an option.
        preset: option of the group.

    Raises:
        UserError: a key is unknown, or has a value that is not allowed.
    """
    from omegaconf import OmegaConf  # noqa: PLC0415 - --help does without
    from omegaconf.errors import OmegaConfBaseException  # noqa: PLC0415

    for group, option in (("task", task), ("preset", preset)):
        if option not in options(group):
            raise UserError(f"{group}={option}: choose one of {', '.join(options(group))}")
    for name, value in keys.items():
        if name not in CONFIGURABLE:
            close = get_close_matches(name, CONFIGURABLE, 1) or sorted(CONFIGURABLE)
            raise UserError(f"{name}={value}: unknown argument; choose one of {', '.join(close)}")
    layers = layered(task, preset=preset)
    network = keys.get("network", layers["network"])
    if isinstance(network, str):
        if network not in options("network"):
            raise UserError(f"network={network}: choose one of {', '.join(options('network'))}")
        network = network_of(network, task)
    given = {**layers, **keys, "network": network, "logger": {"name": "none"}, "observed": GIVEN}
    try:
        with _resolving():
            merged = OmegaConf.merge(OmegaConf.structured(Config), given)
            config = OmegaConf.to_object(merged)
    except OmegaConfBaseException as error:
        name = getattr(error, "full_key", None) or "restore"
        value = keys.get(name)
        raise UserError(f"{name}={value}: {first_line(error)}") from None
    assert isinstance(config, Config)  # noqa: S101 - what structured() promises
    config.spend()
    config.check()
    return config


@contextmanager
def _resolving() -> Iterator[None]:
    """Let interpolations call what they name; OmegaConf's list is left as it was."""
    from omegaconf import OmegaConf  # noqa: PLC0415 - --help does without

    with ONE_THREAD:  # the list is one for all of them
        unknown = [called for called in CALLED if not OmegaConf.has_resolver(called.__name__)]
        for called in unknown:
            OmegaConf.register_new_resolver(called.__name__, called)
        try:
            yield
        finally:
            for called in unknown:
                OmegaConf.clear_resolver(called.__name__)


def if_made(value: Any, observed: str | None, noise: str = "", kind: str = "") -> Any:
    """Give a value where y is made from `image`, with noise of that kind; else null."""
    return value if observed is None and noise == kind else None


def if_at_least(value: float, bound: float, then: Any, otherwise: Any) -> Any:
    """Choose between two values in conf/, such as the paper's for large and small factors."""
    return then if value >= bound else otherwise


def if_given(value: Any, then: Any, otherwise: Any) -> Any:
    """Choose between two values in conf/, by whether another key has one."""
    return otherwise if value is None else then


CALLED = (if_at_least, if_given, if_made)  # by interpolations in conf/
