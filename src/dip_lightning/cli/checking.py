"""The command line: its mistakes, and what Hydra is to be given."""

from dataclasses import fields, replace
from math import prod
from pathlib import Path

from hydra.core.override_parser.types import Override
from omegaconf import DictConfig

from dip_lightning.cli import inputs, synonyms
from dip_lightning.cli.composing import Source, check_value
from dip_lightning.cli.identity import sweep_folder
from dip_lightning.cli.overrides import check_count, parse_overrides, quote, values_of
from dip_lightning.cli.parsing import ONE_FOR_ALL, Command, parse
from dip_lightning.cli.rerun import latest_unfinished
from dip_lightning.cli.sweeps import search
from dip_lightning.cli.sweeps.launchers import require
from dip_lightning.cli.sweeps.sweep import Sweep
from dip_lightning.cli.trust import check_file, check_operator, check_typed
from dip_lightning.config import PATH_KEYS, Config
from dip_lightning.errors import UserError
from dip_lightning.prior.settings import OUTPUTS

__all__ = ["GROUPS", "ONE_FOR_ALL", "Command", "check", "check_inputs", "parse", "resume_search"]

GROUPS = ("task", "network", "preset", "budget", "study", "logger", "launcher", "search")


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
    typed = {override.key_or_group for override in parse_overrides(command.overrides)}
    command = _with_study(command)
    parsed = parse_overrides(command.overrides)
    sweeps = [o for o in parsed if o.is_sweep_override()]
    if sweeps and not command.multirun:
        text = sweeps[0].input_line
        raise UserError(f"{text}: several values need -m (or quotes: \"key='a,b'\")")
    _check_single(parsed)
    values = [values_of(o, optimised=command.search == "optuna") for o in parsed]
    check_count([len(choices) for choices in values])
    job = [choices[0] for choices in values]
    check_file(command.source, job, typed)
    composed = command.source.check(job)
    command = replace(command, first=composed)
    if command.shows:
        return replace(command, overrides=job, multirun=False)
    if command.search == "optuna":
        search.check(composed)
    for position, override in enumerate(parsed):
        for value in values[position][1:]:
            other = [*job[:position], value, *job[position + 1 :]]
            changed = _check_other(command.source, override.key_or_group, value, other, composed)
            check_operator(command.source, changed, typed)
    if not command.multirun:
        return _found_again(command, parsed, composed)
    return _as_sweep(command, parsed, values, composed)


def _check_single(parsed: list[Override]) -> None:
    """Refuse a swept key that is typed again: the last counts, and no job is named after it."""
    swept = {o.key_or_group for o in parsed if o.is_sweep_override()}
    for key in swept:
        typed = [o.input_line for o in parsed if o.key_or_group == key]
        if len(typed) > 1:
            raise UserError(f"{' '.join(map(str, typed))}: give {key} once")


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
    place = str(named.value())
    if "${" in place:  # what is in it must be known before Hydra writes there
        job = [choices[0] for choices in values]
        place = command.source.sweep_folder([*job, str(named.input_line)])
        overrides.append(f"hydra.sweep.dir={quote(place)}")
    is_search = command.search != "grid"
    sweep = Sweep(
        tuple(swept), prod(map(len, values)), objective=composed.objective if is_search else None
    )
    return replace(
        command,
        overrides=[*overrides, exclude],
        sweep_folder=Path(place),
        values=swept,
        sweep=sweep,
    )


def _check_other(
    source: Source, key: str, value: str, job: list[str], composed: DictConfig
) -> DictConfig:
    """Check one more value of a swept key: by itself, unless it says what else is composed.

    Returns:
        What is composed with it.
    """
    if key in {*GROUPS, "hydra"} or "." in key:
        return source.check(job)
    if key not in PATH_KEYS:
        check_value(composed, value)
    return composed


def _found_again(command: Command, parsed: list[Override], composed: DictConfig) -> Command:
    typed = {o.key_or_group: o.value() for o in parsed}
    if "hydra.run.dir" in typed:
        if "${" in str(typed["hydra.run.dir"]):  # what is in it must be known before Hydra writes
            command.source.run_folder(command.overrides)
        return command
    if "resume" not in typed or not composed.resume:
        return command
    whole = command.source.compose(command.overrides, with_hydra=True)
    found = latest_unfinished(Path(whole.hydra.run.dir).parent, composed)
    if found is None:
        print("resume=true: no unfinished run of this configuration; starting a new one")
        return command
    return replace(command, overrides=[*command.overrides, f"hydra.run.dir={quote(str(found))}"])


def check_inputs(command: Command) -> list[str]:
    """Look for the files that all jobs read, unless a configuration is only to be printed.

    Returns:
        What a user should know before it begins, a line each.

    Raises:
        UserError: a file is missing, empty or may not be read.
    """
    if command.first is None or command.shows:
        return []
    inputs.check(command.first, frozenset(command.values))
    return [*command.notes, *inputs.notes(command.first)]


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
        hint = synonyms.about_key(name)
        raise UserError(f"{override.input_line}: unknown key {name}; {hint}")
    if name in GROUPS:
        _check_option(override, command.source.options(name))
    if name == "output" and any("." in value or "/" in value for value in values_of(override)):
        raise UserError(
            f"{override.input_line}: choose one of {', '.join(OUTPUTS)}; the folder of the result "
            "is hydra.run.dir="
        )


def _check_option(override: Override, options: list[str]) -> None:
    name = override.key_or_group
    for value in values_of(override):
        option = value.partition("=")[2]
        if option not in options:
            raise UserError(f"{name}={option}: {synonyms.near(option, options)}")
        require(name, option)
    if name in ONE_FOR_ALL and override.is_sweep_override():
        raise UserError(f"{override.input_line}: a sweep has one {name}; start several sweeps")
