"""What a configuration may say of Hydra itself, which can be told to call anything."""

import re
import shlex
from collections.abc import Set as AbstractSet
from typing import Any

from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf

from dip_lightning.cli.composing import Source
from dip_lightning.errors import UserError

TYPED = ("hydra.run.dir", "hydra.sweep.dir", "hydra.launcher.", "hydra.sweeper.")
SAMPLERS = "hydra/sweeper/sampler"
DIRECTION = "hydra.sweeper.direction"
CALLED = re.compile(
    r"hydra\._internal\.core_plugins\.(basic_launcher\.BasicLauncher|basic_sweeper\.BasicSweeper)"
    r"|hydra_plugins\.hydra_joblib_launcher\.joblib_launcher\.JoblibLauncher"
    r"|hydra_plugins\.hydra_submitit_launcher\.submitit_launcher\.SlurmLauncher"
    r"|hydra_plugins\.hydra_ray_launcher\.ray_launcher\.RayLauncher"
    r"|hydra_plugins\.hydra_optuna_sweeper\.optuna_sweeper\.OptunaSweeper"
    r"|optuna\.samplers\.[A-Za-z]+Sampler"
    r"|optuna\.storages\.(JournalStorage|journal\.JournalFileBackend)"
)


def check_typed(override: Override) -> None:
    """Check what the command line says of Hydra.

    Raises:
        UserError: it is none of the settings that are meant for it.
    """
    name, text = override.key_or_group, str(override.input_line)
    if name == SAMPLERS:
        return
    if name == DIRECTION:
        raise UserError(
            f"{text}: every objective is better when larger; a search can only maximize"
        )
    if not name.startswith(TYPED) or "_target_" in text or "custom_search_space" in text:
        raise UserError(
            f"{text}: of Hydra's own settings, choose hydra.run.dir, hydra.sweep.dir, "
            "launcher.<option> or search.<option>"
        )


def check_file(source: Source, overrides: list[str], typed_keys: AbstractSet[str]) -> None:
    """Check that a configuration from elsewhere leaves Hydra's settings as they are in conf/.

    A result folder may come from anybody. What only the command line chooses (`launcher=`,
    `search=`) may be a file of that folder; nothing else may change what is run, and where.

    Args:
        source: where configurations are looked for.
        overrides: key=value, no sweeps.
        typed_keys: those on the command line itself.

    Raises:
        UserError: names the setting.
    """
    if source.folder is None:
        return
    typed = [text for text in overrides if text.startswith(("launcher=", "search=", "hydra"))]
    composed = source.compose(overrides, with_hydra=True)
    check_operator(source, composed, typed_keys)
    found = _settings(composed.hydra)
    usual = _settings(Source(folder=source.folder).compose(typed, with_hydra=True).hydra)
    strange = [
        name
        for name in sorted(found.keys() | usual.keys())
        if found.get(name) != usual.get(name)
        or (name.endswith("_target_") and not CALLED.fullmatch(str(found.get(name))))
    ]
    is_study = any(text.lstrip("+").startswith("study=") for text in overrides)
    if composed.hydra.sweeper.get("params") and not is_study:
        strange.append("hydra.sweeper.params")  # a study's are checked as typed ones are
    if strange:
        raise UserError(
            f"{source.name}.yaml: sets {strange[0]}, which a configuration outside conf/ must not: "
            "it could run any program"
        )


def check_operator(source: Source, composed: DictConfig, typed_keys: AbstractSet[str]) -> None:
    """Check that a configuration from elsewhere names no code of its own.

    Args:
        source: where configurations are looked for.
        composed: configuration of a job.
        typed_keys: those on the command line itself.

    Raises:
        UserError: it does.
    """
    operator = composed.operator.get("name")
    if source.folder is None or operator is None or "operator.name" in typed_keys:
        return
    raise UserError(
        f"{source.name}.yaml: names operator={operator}, code that only the command line may "
        f"name; if you trust it, add {shlex.quote(f'operator={operator}')}"
    )


def _settings(hydra_config: DictConfig) -> dict[str, Any]:
    """Flatten what decides on what Hydra calls and writes; the rest says what the job is."""
    values = OmegaConf.to_container(hydra_config)
    assert isinstance(values, dict)  # noqa: S101 - what a DictConfig becomes
    for name in ("overrides", "runtime", "searchpath", "help", "hydra_help"):
        values.pop(name, None)
    for name in ("name", "config_name", "override_dirname"):
        values["job"].pop(name, None)
    values["sweeper"].pop("params", None)
    return _flat(values, "hydra")


def _flat(value: Any, name: str) -> dict[str, Any]:
    if isinstance(value, dict) and value:
        pairs = [(f"{name}.{key}", inner) for key, inner in value.items()]
    elif isinstance(value, list) and value:
        pairs = [(f"{name}.{position}", inner) for position, inner in enumerate(value)]
    else:
        return {name: value}
    return {key: leaf for label, inner in pairs for key, leaf in _flat(inner, label).items()}
