"""The networks by name, as `network=` picks them: one module each, with `Options` and `build`."""

from dataclasses import MISSING, fields
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, Protocol, cast

import torch
from torch import nn

from dip_lightning.errors import UserError
from dip_lightning.generators.layers import AnySize

PARTS = {"fused", "inputs", "kernel", "layers", "registry", "upsampling"}
PACKAGE = "dip_lightning.generators"
NEEDED = ("name", "generator")  # of every network's settings


class GeneratorModule(Protocol):
    """What a module of this package must offer for `network.generator` to choose it."""

    @property
    def Options(self) -> type[Any]:  # noqa: N802 - the name of a class
        """Dataclass of the settings."""

    def build(
        self, options: Any, inputs: int, outputs: int, generator: torch.Generator
    ) -> nn.Module:
        """Build the network."""


def names() -> list[str]:
    """List the generators that exist.

    Example:
        >>> from dip_lightning import generators
        >>> "skip" in generators.names()
        True
    """
    return sorted(
        m.name for m in iter_modules(import_module(PACKAGE).__path__) if m.name not in PARTS
    )


def load(name: str) -> GeneratorModule:
    """Import one generator's module.

    Raises:
        UserError: there is none with that name.

    Example:
        >>> from dip_lightning import generators
        >>> generators.load("resnet").Options().blocks
        10
    """
    if name not in names():
        raise UserError(f"network.generator={name}: choose one of {', '.join(names())}")
    return cast("GeneratorModule", import_module(f"{PACKAGE}.{name}"))


def parse_options(settings: dict[str, Any]) -> Any:
    """Turn the `network` settings into the checked options of its generator.

    Args:
        settings: `name`, `generator`, and what that generator's `Options` lists.

    Raises:
        UserError: an unknown key, a value of another type or out of range.

    Example:
        >>> from dip_lightning import generators
        >>> settings = {"name": "small", "generator": "resnet", "blocks": 2}
        >>> generators.parse_options(settings).blocks
        2
    """
    for key in NEEDED:
        if not isinstance(settings.get(key), str):
            raise UserError(
                f"network.{key}={settings.get(key)}: expected a name; see conf/network/"
            )
    given = {key: value for key, value in settings.items() if key not in NEEDED}
    options = load(settings["generator"]).Options
    known = {f.name: f for f in fields(options)}
    for key, value in given.items():
        if key not in known:
            raise UserError(
                f"network.{key}={value}: unknown key; "
                f"network={settings['name']} has {', '.join(known)}"
            )
        field = known[key]
        factory = field.default_factory
        example = factory() if factory is not MISSING else field.default
        if not _same_type(value, example):
            raise UserError(f"network.{key}={value}: expected a value like {example}")
    return options(**given)


def _same_type(value: Any, example: Any) -> bool:
    if isinstance(example, list):
        return isinstance(value, list) and all(_same_type(item, example[0]) for item in value)
    if isinstance(example, float):
        return isinstance(value, int | float) and not isinstance(value, bool)
    return type(value) is type(example)


def default_network(inputs: int, outputs: int, generator: torch.Generator) -> nn.Module:
    """Build the paper's hourglass; see `skip.Skip`.

    Example:
        >>> import torch
        >>> from dip_lightning.generators import default_network
        >>> network = default_network(32, 3, torch.Generator().manual_seed(0))
        >>> sum(p.numel() for p in network.parameters())
        2217831
    """
    return build({"name": "skip", "generator": "skip"}, inputs, outputs, generator)


def follows_input_dtype(network: nn.Module) -> bool:
    """Say whether a network computes in the number format of its input, like those here.

    Example:
        >>> import torch
        >>> from dip_lightning.generators import Skip, follows_input_dtype
        >>> follows_input_dtype(Skip()), follows_input_dtype(torch.nn.Conv2d(32, 3, 1))
        (True, False)
    """
    return isinstance(network, AnySize)


def build(
    settings: dict[str, Any], inputs: int, outputs: int, generator: torch.Generator
) -> nn.Module:
    """Build the generator that the `network` settings describe.

    Args:
        settings: see `parse_options`.
        inputs: channels of z.
        outputs: channels of x_hat.
        generator: source of the initial weights, on the CPU.

    Returns:
        A module from z, (1, inputs, H, W), to x_hat, (1, outputs, H, W), float32 in [0, 1].

    Example:
        >>> import torch
        >>> from dip_lightning import generators
        >>> settings = {"name": "small", "generator": "resnet", "blocks": 1}
        >>> network = generators.build(settings, 4, 3, torch.Generator().manual_seed(0))
        >>> network(torch.rand(1, 4, 9, 12)).shape
        torch.Size([1, 3, 9, 12])
    """
    module = load(settings["generator"])
    # PyTorch's layers draw weights as they are made, which `generator` then overwrites.
    with torch.random.fork_rng(devices=[]):
        return module.build(parse_options(settings), inputs, outputs, generator)
