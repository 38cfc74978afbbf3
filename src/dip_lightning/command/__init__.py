"""The command line: its grammar, its mistakes, and what Hydra is to be given."""

import argparse
import difflib
from dataclasses import dataclass, field, fields, replace
from math import prod
from pathlib import Path
from typing import NoReturn

from hydra.core.override_parser.types import Override
from omegaconf import DictConfig

from dip_lightning.command.composing import Source, check_value
from dip_lightning.command.identity import sweep_folder
from dip_lightning.command.overrides import (
    check_count,
    expand_folders,
    parse_overrides,
    quote,
    quoted,
    values_of,
)
from dip_lightning.command.rerun import latest_unfinished
from dip_lightning.command.trust import check_file, check_typed
from dip_lightning.config import CONFIG_NAME, PATH_KEYS, Config
from dip_lightning.errors import UserError
from dip_lightning.sweeps import search
from dip_lightning.sweeps.launchers import require
from dip_lightning.sweeps.sweep import Sweep

GROUPS = ("task", "network", "preset", "budget", "study", "logger", "launcher", "search")
ONE_FOR_ALL = {"launcher": "local", "search": "grid"}  # a sweep has one of each
INFO = ("all", "config", "defaults", "defaults-tree", "plugins", "searchpath")


@dataclass(frozen=True)
class Command:
    """One parsed command line.

    Attributes:
        flags: Hydra's own flags with their values.
        overrides: key=value, folders already expanded.
        multirun: several jobs.
        source: where configurations are looked for.
        expanded: keys whose folder of images was replaced by its files.
        sweep_folder: where the jobs of a sweep go; None for a single job.
        launcher: where jobs run.
        search: what chooses their values.
        values: the values of each swept key, as Hydra writes them.
        sweep: what the jobs of a sweep have in common.
    """

    flags: list[str]
    overrides: list[str]
    multirun: bool
    source: Source
    expanded: frozenset[str] = frozenset()
    sweep_folder: Path | None = None
    launcher: str = ONE_FOR_ALL["launcher"]
    search: str = ONE_FOR_ALL["search"]
    values: dict[str, list[str]] = field(default_factory=dict)
    sweep: Sweep = field(default_factory=Sweep)

    @property
    def shows(self) -> bool:
        """Whether a configuration is only to be printed: that of the first job."""
        return not {"--cfg", "--info"}.isdisjoint(self.flags)

    @property
    def arguments(self) -> list[str]:
        """What Hydra is given: `-m` in front, where its parser takes it."""
        return [*(["--multirun"] if self.multirun else []), *self.flags, *self.overrides]


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UserError(f"command line: {message}; see --help")


def parse(argv: list[str]) -> Command:
    """Parse a command line, `-m` and the flags anywhere in it.

    Raises:
        UserError: an argument that is neither a flag nor key=value, or an empty folder.
    """
    parser = _Parser(add_help=False, allow_abbrev=False)
    parser.add_argument("-m", "--multirun", action="store_true")
    parser.add_argument("--config-dir", "-cd")
    parser.add_argument("--config-name", "-cn", default=CONFIG_NAME)
    parser.add_argument("--cfg", "-c", choices=("job", "hydra", "all"))
    parser.add_argument("--package", "-p")
    parser.add_argument("--resolve", action="store_true")
    parser.add_argument("--info", "-i", nargs="?", const="all", choices=INFO)
    parser.add_argument("overrides", nargs="*")
    given = parser.parse_intermixed_args(argv)
    flags = [
        text
        for name in ("config_dir", "config_name", "cfg", "package", "info")
        if (value := getattr(given, name)) is not None
        for text in (f"--{name.replace('_', '-')}", value)
    ]
    flags += ["--resolve"] if given.resolve else []
    told = [_spelled(text) for text in given.overrides]
    for text in told:
        if "=" not in text:
            raise UserError(f"{text}: expected key=value or a flag; see --help")
    if given.resolve and not given.cfg:
        raise UserError("--resolve: goes with --cfg")
    expanded = [expand_folders(quoted(text)) for text in told]
    several = given.multirun or any(many for _, many in expanded)
    chosen = {group: _last(told, group) for group in ONE_FOR_ALL}
    return Command(
        flags,
        [text for text, _ in expanded],
        several or chosen != ONE_FOR_ALL,
        Source(given.config_name, given.config_dir),
        frozenset(text.partition("=")[0] for text, many in expanded if many),
        launcher=chosen["launcher"],
        search=chosen["search"],
    )


def _last(told: list[str], group: str) -> str:
    given = [text.partition("=")[2] for text in told if text.startswith(f"{group}=")]
    return given[-1] if given else ONE_FOR_ALL[group]


def _spelled(text: str) -> str:
    """Write a key as Hydra spells it: a study is added, a launcher's options are Hydra's own."""
    for ours, hydras in (
        ("study=", "+study="),
        ("launcher.", "hydra.launcher."),
        ("search.", "hydra.sweeper."),
    ):
        if text.startswith(ours):
            return hydras + text.removeprefix(ours)
    return text


def check(command: Command) -> Command:
    """Compose every job of the command and check it; name the swept values for folders.

    Each swept value is checked by itself, the other sweeps at their first value.

    Returns:
        The command with Hydra told which overrides are the same in all of its jobs.

    Raises:
        UserError: the first mistake found.
    """
    for override in parse_overrides(command.overrides):
        _check_key(override, command)
    command = _with_study(command)
    parsed = parse_overrides(command.overrides)
    sweeps = [o for o in parsed if o.is_sweep_override()]
    if sweeps and not command.multirun:
        text = sweeps[0].input_line
        raise UserError(f"{text}: several values need -m (or quotes: \"key='a,b'\")")
    values = [values_of(o, optimised=command.search == "optuna") for o in parsed]
    check_count([len(choices) for choices in values])
    job = [choices[0] for choices in values]
    check_file(command.source, job)
    composed = command.source.check(job)
    if command.shows:
        return replace(command, overrides=job, multirun=False)
    if command.search == "optuna":
        search.check(composed)
    for position, override in enumerate(parsed):
        for value in values[position][1:]:
            other = [*job[:position], value, *job[position + 1 :]]
            _check_other(command.source, override.key_or_group, value, other, composed)
    if not command.multirun:
        return _found_again(command, parsed, composed)
    return _as_sweep(command, parsed, values, composed)


def _as_sweep(
    command: Command, parsed: list[Override], values: list[list[str]], composed: DictConfig
) -> Command:
    """Say where the jobs of a sweep go and what is the same in all of them."""
    swept = {
        o.key_or_group: [text.partition("=")[2] for text in choices]
        for o, choices in zip(parsed, values, strict=True)
        if o.is_sweep_override() or o.key_or_group in command.expanded
    }
    constant = sorted({o.key_or_group for o in parsed} - swept.keys())
    exclude = f"hydra.job.config.override_dirname.exclude_keys=[{','.join(constant)}]"
    overrides = [t.replace("hydra.run.dir=", "hydra.sweep.dir=", 1) for t in command.overrides]
    if not any(text.startswith("hydra.sweep.dir=") for text in overrides):
        folder = sweep_folder(command.source, parsed, [*swept], command.search)
        overrides.append(f"hydra.sweep.dir={folder}")
    (named,) = parse_overrides([t for t in overrides if t.startswith("hydra.sweep.dir=")][-1:])
    is_search = command.search != "grid"
    sweep = Sweep(
        tuple(swept), prod(map(len, values)), objective=composed.objective if is_search else None
    )
    return replace(
        command,
        overrides=[*overrides, exclude],
        sweep_folder=Path(str(named.value())),
        values=swept,
        sweep=sweep,
    )


def _check_other(
    source: Source, key: str, value: str, job: list[str], composed: DictConfig
) -> None:
    """Check one more value of a swept key: by itself, unless it says what else is composed."""
    if key in {*GROUPS, "hydra"} or "." in key:
        source.check(job)
    elif key not in PATH_KEYS:
        check_value(composed, value)


def _found_again(command: Command, parsed: list[Override], composed: DictConfig) -> Command:
    typed = {o.key_or_group: o.value() for o in parsed}
    if typed.get("resume") is not True or "hydra.run.dir" in typed:
        return command
    whole = command.source.compose(command.overrides, with_hydra=True)
    found = latest_unfinished(Path(whole.hydra.run.dir).parent, composed)
    if found is None:
        print("resume=true: no unfinished run of this configuration; starting a new one")
        return command
    return replace(command, overrides=[*command.overrides, f"hydra.run.dir={quote(str(found))}"])


def resume_search(command: Command) -> Command:
    """Let a search go on where the same command left it; anything else stays as it is."""
    if command.search != "optuna" or command.sweep_folder is None:
        return command
    command.sweep_folder.mkdir(parents=True, exist_ok=True)
    parsed = parse_overrides(command.overrides)
    job = [values_of(override, optimised=True)[0] for override in parsed]
    composed = command.source.compose(job, with_hydra=True)
    done, left = search.resume(composed.hydra.sweeper)
    sweep = replace(command.sweep, total=composed.hydra.sweeper.n_trials, before=done)
    return replace(command, overrides=[*command.overrides, *left], sweep=sweep)


def _with_study(command: Command) -> Command:
    parsed = parse_overrides(command.overrides)
    studies = [value for o in parsed if o.key_or_group == "study" for value in values_of(o)]
    if not studies:
        return command
    if len(studies) > 1:
        raise UserError("study: one at a time; start the others afterwards")
    job = [values_of(o)[0] for o in parsed]
    params = command.source.compose(job, with_hydra=True).hydra.sweeper.params or {}
    given = {o.key_or_group for o in parsed}
    swept = [f"{key}={value}" for key, value in params.items() if key not in given]
    return replace(command, overrides=[*swept, *command.overrides], multirun=True)


def _check_key(override: Override, command: Command) -> None:
    name = override.key_or_group
    top = name.replace("/", ".").split(".")[0]
    known = [entry.name for entry in fields(Config)]
    if override.is_delete():
        raise UserError(f"{override.input_line}: keys cannot be removed; set another value")
    if top == "hydra":
        check_typed(override)
        return
    if top not in known and not (top in GROUPS and command.source.options(top)):
        near = difflib.get_close_matches(top, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"choose one of {', '.join(known)}"
        raise UserError(f"{override.input_line}: unknown key {name}; {hint}")
    if name in GROUPS:
        options = command.source.options(name)
        for value in values_of(override):
            option = value.partition("=")[2]
            if option not in options:
                raise UserError(f"{name}={option}: choose one of {', '.join(options)}")
            require(name, option)
        if name in ONE_FOR_ALL and override.is_sweep_override():
            raise UserError(f"{override.input_line}: a sweep has one {name}; start several sweeps")
