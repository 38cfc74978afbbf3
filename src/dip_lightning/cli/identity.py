"""Which sweep a command means: what is the same in all of its jobs, and which keys are swept."""

import hashlib
import json
from pathlib import Path

from hydra.core.override_parser.types import Override
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from dip_lightning.cli.composing import Source
from dip_lightning.config import UNIMPORTANT
from dip_lightning.errors import UserError

ELSEWHERE = ("launcher", "search")  # groups that say nothing of a job
SEARCHED = "hydra.sweeper."
COUNTED = ("hydra.sweeper.n_trials", "hydra.sweeper.n_jobs")  # a search may go on with others


def sweep_folder(source: Source, parsed: list[Override], swept: list[str], search: str) -> Path:
    """Name the folder of a sweep, so that any command that means the same jobs finds them there.

    It depends on the settings that all jobs share, defaults included, and on which keys are swept.
    Neither the order of arguments nor the swept values count: jobs lie inside under those. The
    values of a search do count, as its trials were drawn from them.

    Args:
        source: where configurations are looked for.
        parsed: the arguments.
        swept: keys that are swept.
        search: what chooses the values.
    """
    constant = [
        str(override.input_line)
        for override in parsed
        if override.key_or_group not in {*swept, *ELSEWHERE}
        and not override.key_or_group.startswith("hydra")
    ]
    name, shared = _shared(source, constant, swept)
    where = None if source.folder is None else str(Path(source.folder).resolve())
    chosen = sorted(swept) if search == "grid" else [search, *_space(parsed, swept)]
    text = json.dumps([source.name, where, shared, chosen], sort_keys=True, default=str)
    digest = hashlib.sha256(text.encode()).hexdigest()
    return Path("outputs") / "sweeps" / f"{name}-{digest[:10]}"


def _shared(source: Source, constant: list[str], swept: list[str]) -> tuple[str, object]:
    try:
        settings = OmegaConf.to_container(source.compose(constant), resolve=True)
    except (UserError, OmegaConfBaseException):
        # An option of a network that is swept, for instance: as typed, then.
        return "sweep", sorted(constant)
    assert isinstance(settings, dict)  # noqa: S101 - what a DictConfig becomes
    named = [settings[key] for key in ("study", "task") if key not in swept and settings[key]]
    kept = {key: value for key, value in settings.items() if key not in UNIMPORTANT}
    return (str(named[0]) if named else "sweep"), kept


def _space(parsed: list[Override], swept: list[str]) -> list[str]:
    return sorted(
        str(override.input_line)
        for override in parsed
        if override.key_or_group in swept
        or (
            override.key_or_group.startswith((SEARCHED, "hydra/sweeper"))
            and override.key_or_group not in COUNTED
        )
    )
