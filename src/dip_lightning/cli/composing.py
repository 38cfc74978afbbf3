"""What Hydra composes for one job, checked; its complaints in one sentence."""

import os
from dataclasses import dataclass, fields
from pathlib import Path

from hydra import compose, initialize_config_dir
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from dip_lightning.cli import resolvers
from dip_lightning.cli.overrides import parse_overrides, quote
from dip_lightning.config import CONFIG_NAME, Config, config_folder
from dip_lightning.errors import UserError, first_line
from dip_lightning.keys import is_optional, kind_of


@dataclass(frozen=True)
class Source:
    """Where configurations are looked for.

    Attributes:
        name: primary configuration.
        folder: folder searched besides conf/.
    """

    name: str = CONFIG_NAME
    folder: str | None = None

    def roots(self) -> list[Path]:
        """List the folders, the one with the primary configuration first.

        Raises:
            UserError: there is no such folder or file.
        """
        if self.folder is None:
            return [config_folder()]
        folder = Path(self.folder).resolve()
        if not os.path.isdir(folder):
            raise UserError(f"--config-dir {self.folder}: no such folder")
        roots = [config_folder(), folder]
        found = [root for root in roots if os.path.isfile(root / f"{self.name}.yaml")]
        if not found:
            raise UserError(f"--config-name {self.name}: no such file in {folder}")
        return [found[0], *(root for root in roots if root is not found[0])]

    def options(self, group: str) -> list[str]:
        """List what there is to choose from in a group."""
        return sorted(
            {path.stem for root in self.roots() for path in (root / group).glob("*.yaml")}
        )

    def compose(self, overrides: list[str], *, with_hydra: bool = False) -> DictConfig:
        """Compose one job.

        Args:
            overrides: key=value, no sweeps.
            with_hydra: keep Hydra's own settings under `hydra`.

        Raises:
            UserError: Hydra's complaint, in one sentence.
        """
        # Hydra's compose() looks for the primary file in the first folder only.
        first, *others = self.roots()
        search = [f"hydra.searchpath=[{quote(f'file://{folder}')}]" for folder in others]
        resolvers.register()
        with initialize_config_dir(str(first), version_base="1.3"):
            try:
                return compose(self.name, [*search, *overrides], return_hydra_config=with_hydra)
            except (HydraException, OmegaConfBaseException) as error:
                raise _sentence(error, overrides) from None

    def sweep_folder(self, overrides: list[str]) -> str:
        """Name the folder of a sweep, its interpolations resolved.

        Raises:
            UserError: one cannot be resolved.
        """
        return self._folder("sweep", overrides)

    def run_folder(self, overrides: list[str]) -> str:
        """Name the folder of a single job; as `sweep_folder`."""
        return self._folder("run", overrides)

    def _folder(self, kind: str, overrides: list[str]) -> str:
        composed = self.compose(overrides, with_hydra=True)
        try:
            return str(composed.hydra[kind].dir)
        except OmegaConfBaseException as error:
            raise _sentence(error, overrides) from None

    def check(self, overrides: list[str]) -> DictConfig:
        """Compose one job and check it.

        Raises:
            UserError: the first mistake found.
        """
        composed = self.compose(overrides)
        config = to_config(composed)
        named = {name: getattr(config, name) for name in ("task", "preset", "budget")}
        named |= {"network": config.network["name"], "logger": config.logger["name"]}
        for text in overrides:
            group, _, option = text.partition("=")
            if group in named and option != named[group]:
                raise UserError(
                    f"{text}: {self.name}.yaml says {named[group]} all the same; a repeated run "
                    f"keeps its {group}, and a file of your own names itself (name: {option})"
                )
        return composed


def check_value(composed: DictConfig, text: str) -> None:
    """Check one more key=value on top of a composed job.

    Raises:
        UserError: it does not fit.
    """
    (override,) = parse_overrides([text])
    changed = composed.copy()
    try:
        OmegaConf.update(changed, override.key_or_group, override.value())
    except OmegaConfBaseException as error:
        raise _sentence(error, [text]) from None
    to_config(changed)


def to_config(composed: DictConfig) -> Config:
    """Turn what Hydra composed into the checked dataclass.

    Raises:
        UserError: a key, a type or a value is wrong.
    """
    try:
        typed = OmegaConf.merge(OmegaConf.structured(Config), composed)
        config = OmegaConf.to_object(typed)
    except OmegaConfBaseException as error:
        raise _sentence(error, []) from None
    assert isinstance(config, Config)  # noqa: S101 - what structured() promises
    config.spend()
    config.check()
    # PyTorch takes seconds to import; only a job that is going to run needs its networks.
    from dip_lightning.generators import parse_options  # noqa: PLC0415

    parse_options(config.network)
    return config


def _sentence(error: BaseException, overrides: list[str]) -> UserError:
    cause: BaseException | None = error
    while cause is not None:
        name = getattr(cause, "full_key", None)
        if isinstance(cause, OmegaConfBaseException) and name:
            given = next((o for o in reversed(overrides) if _concerns(o, str(name))), name)
            parent = getattr(cause, "parent_node", None)
            if "is not in struct" in str(cause) and isinstance(parent, DictConfig):
                allowed = ", ".join(map(str, parent))
                return UserError(f"{given}: unknown key; choose one of {allowed}")
            return UserError(f"{given}: {_expected(str(name), first_line(cause))}")
        cause = cause.__cause__
    return UserError(" ".join(str(error).split()))


def _concerns(override: str, name: str) -> bool:
    changed = override.partition("=")[0].lstrip("+")
    return changed == name or changed.startswith(f"{name}.")


def _expected(name: str, reason: str) -> str:
    kinds = {"float": "a number", "int": "an integer", "bool": "true or false", "str": "text"}
    entry = next((entry for entry in fields(Config) if entry.name == name), None)
    if entry is None or kind_of(entry) not in kinds:
        return reason
    return f"expected {kinds[kind_of(entry)]}" + (" or null" if is_optional(entry) else "")
