"""The file that repeats a run: `--config-dir RESULT/.hydra --config-name rerun`."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hydra.conf import HydraConf
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from dip_lightning.config import CONFIG_NAME, DRAWN, PATH_KEYS, UNIMPORTANT, config_folder
from dip_lightning.operators.named import absolute
from dip_lightning.runs import ownership
from dip_lightning.runs.naming import repeating
from dip_lightning.runs.run import finished

GROUPS = ("task", "network", "preset", "budget", "logger")


def write(folder: Path, composed: DictConfig, hydra_config: HydraConf) -> None:
    """Write the composed configuration, and so that Hydra composes the same again.

    Args:
        folder: result folder; the files are config.yaml, overrides.yaml, hydra.yaml, as Hydra
            itself would write them, and rerun.yaml, in its .hydra/.
        composed: configuration of the job.
        hydra_config: Hydra's own.
    """
    inside = folder / ".hydra"
    inside.mkdir(parents=True, exist_ok=True)
    values = repeatable(composed, hydra_config.runtime.choices)
    again = repeating(folder, values["operator"].get("name"))
    texts = {
        "config": OmegaConf.to_yaml(composed),
        "overrides": OmegaConf.to_yaml(hydra_config.overrides.task),
        "hydra": OmegaConf.to_yaml(OmegaConf.create({"hydra": hydra_config})),
        "rerun": f"# {again}\n{OmegaConf.to_yaml(values)}",
    }
    for name, text in texts.items():
        ownership.write(inside / f"{name}.yaml", text.encode(errors="backslashreplace"))


def repeatable(composed: DictConfig, choices: Mapping[str, Any]) -> dict[Any, Any]:
    """Return a primary configuration that composes to the same values.

    Args:
        composed: configuration of the job.
        choices: the option chosen in each group.
    """
    overrides = [{f"override {group}": _ours(group, choices[group])} for group in GROUPS]
    values = OmegaConf.to_container(composed, resolve=True)
    assert isinstance(values, dict)  # noqa: S101 - what a DictConfig becomes
    del values["logger"]  # may be another one; the rest is what the result depends on
    if values["operator"].get("name") is not None:
        values["operator"]["name"] = absolute(values["operator"]["name"])
    for name in PATH_KEYS:
        if values[name] is None or values[name] in DRAWN.get(name, ()):
            continue
        if os.path.exists(values[name]):
            values[name] = str(Path(values[name]).resolve())
        values[name] = re.sub(r"(\\*)\$\{", lambda m: 2 * m[1] + "\\${", values[name])
    return {"defaults": [CONFIG_NAME, *overrides, "_self_"], **values}


def _ours(group: str, option: str | None) -> str | None:
    """Return an option of conf/; None for one of the user's own, whose values are all there."""
    return option if (config_folder() / group / f"{option}.yaml").is_file() else None


def is_same(folder: Path, composed: DictConfig) -> bool:
    """Say whether the job in this folder had the same configuration, but for where it logs."""
    try:
        before = OmegaConf.load(folder / ".hydra" / "config.yaml")
        # Resolved: a default that is typed is the same setting.
        old, new = (OmegaConf.to_container(c, resolve=True) for c in (before, composed))
    except (OSError, ValueError, YAMLError, OmegaConfBaseException):
        return False
    if not isinstance(old, dict) or not isinstance(new, dict):
        return False
    return all(old.get(key) == value for key, value in new.items() if key not in UNIMPORTANT)


def latest_unfinished(folder: Path, composed: DictConfig) -> Path | None:
    """Find the run to go on with among those of an image.

    Args:
        folder: their folders are named after the time when they began.
        composed: configuration of the job.

    Returns:
        The latest of this configuration that has not finished, of those with a checkpoint if there
        are any; None if there is none.
    """
    from dip_lightning.runs import checkpoint  # noqa: PLC0415 - imports PyTorch

    runs = sorted((path.parents[1] for path in folder.glob("*/.hydra/config.yaml")), reverse=True)
    left = [run for run in runs if finished(run) is None and is_same(run, composed)]
    return next((run for run in left if checkpoint.exists(run)), left[0] if left else None)
