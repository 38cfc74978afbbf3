"""The grammar of the command line: flags, key=value, folders replaced by their files."""

import argparse
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from omegaconf import DictConfig

from dip_lightning.cli import synonyms
from dip_lightning.cli.composing import Source
from dip_lightning.cli.paths import expand, quoted
from dip_lightning.cli.sweeps.sweep import Sweep
from dip_lightning.config import CONFIG_NAME
from dip_lightning.errors import UserError

ONE_FOR_ALL = {"launcher": "local", "search": "grid"}  # a sweep has one of each
TRUE = {"true", "yes", "y", "on", "1"}  # as OmegaConf reads it
INFO = ("all", "config", "defaults", "defaults-tree", "plugins", "searchpath")


@dataclass(frozen=True)
class Command:
    """One parsed command line.

    Attributes:
        flags: Hydra's own flags with their values.
        overrides: key=value, folders already expanded.
        multirun: several jobs.
        source: where configurations are looked for.
        files: those of folders and patterns, each with the folder that it was found from.
        notes: what a user should know before it begins.
        expanded: keys whose folder or pattern was replaced by its files.
        first: configuration of the first job, once it is composed.
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
    files: list[tuple[Path, Path]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    expanded: frozenset[str] = frozenset()
    first: DictConfig | None = None
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


def _parser() -> _Parser:
    parser = _Parser(add_help=False, allow_abbrev=False)
    parser.add_argument("-m", "--multirun", action="store_true")
    parser.add_argument("--config-dir", "-cd")
    parser.add_argument("--config-name", "-cn", default=CONFIG_NAME)
    parser.add_argument("--cfg", "-c", choices=("job", "hydra", "all"))
    parser.add_argument("--package", "-p")
    parser.add_argument("--resolve", action="store_true")
    parser.add_argument("--info", "-i", nargs="?", const="all", choices=INFO)
    parser.add_argument("overrides", nargs="*")
    return parser


def parse(argv: list[str]) -> Command:
    """Parse a command line, `-m` and the flags anywhere in it.

    Raises:
        UserError: an argument that is neither a flag nor key=value, or an empty folder.
    """
    parser = _parser()
    given, unknown = parser.parse_known_intermixed_args(argv)
    if unknown:
        raise UserError(synonyms.about_flag(unknown[0]))
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
            raise UserError(synonyms.about_word(text))
    if given.resolve and not given.cfg:
        raise UserError("--resolve: goes with --cfg")
    given_last = [text.partition("=")[2] for text in told if text.startswith("recursive=")][-1:]
    recursive = bool(given_last) and given_last[0].lower() in TRUE
    expanded = [expand(quoted(text), recursive=recursive) for text in told]
    files = [pair for argument in expanded for pair in argument.files]
    chosen = {group: _last(told, group) for group in ONE_FOR_ALL}
    return Command(
        flags,
        [argument.text for argument in expanded],
        given.multirun or bool(files) or chosen != ONE_FOR_ALL,
        Source(given.config_name, given.config_dir),
        files=files,
        notes=[argument.note for argument in expanded if argument.note],
        expanded=frozenset(a.text.partition("=")[0] for a in expanded if a.files),
        launcher=chosen["launcher"],
        search=chosen["search"],
    )


def _last(told: list[str], group: str) -> str:
    given = [text.partition("=")[2] for text in told if text.startswith(f"{group}=")]
    return given[-1] if given else ONE_FOR_ALL[group]


def _spelled(text: str) -> str:
    """Write a key as Hydra spells it: a study is added, a launcher's options are Hydra's own.

    `operator=` is short for `operator.name=`, as the others of `operator` are its arguments.
    """
    for ours, hydras in (
        ("study=", "+study="),
        ("operator=", "operator.name="),
        ("launcher.", "hydra.launcher."),
        ("search.", "hydra.sweeper."),
    ):
        if text.startswith(ours):
            return hydras + text.removeprefix(ours)
    return text
