"""The jobs of the study, in the order of parts.yaml: their commands, and what they will cost."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import yaml
from PIL import Image

from dip_lightning.cli.composing import Source
from dip_lightning.cli.overrides import parse_overrides, values_of
from dip_lightning.cli.resolvers import job_folder
from dip_lightning.config import DRAWN
from dip_lightning.errors import UserError
from dip_lightning.images.collections import find_image, find_mask

PARTS = Path(__file__).with_name("parts.yaml")


@dataclass(frozen=True)
class Job:
    """One fit.

    Attributes:
        part: of parts.yaml.
        name: of its folder, after its swept values.
        command: key=value, what `python -m dip_lightning -m` is given.
        network: by name.
        kind: all that an iteration's time depends on: network, optimiser and size.
        iterations: of the fit.
        missing: the image or mask that is not there; None: all are.
    """

    part: str
    name: str
    command: tuple[str, ...]
    network: str
    kind: str
    iterations: int
    missing: str | None = None

    @property
    def key(self) -> str:
        """Its place among the results."""
        return f"{self.part}/{self.name}"


def read_jobs(path: Path = PARTS, more: Sequence[str] = ()) -> list[Job]:
    """List the jobs of all parts.

    Args:
        path: such as parts.yaml.
        more: key=value for all of them; in place of what a part or its experiment says.

    Raises:
        UserError: a key or a value is wrong.
    """
    parts = yaml.safe_load(path.read_text(encoding="utf-8"))
    return [job for name, told in parts.items() for job in _jobs(name, _told(told), more)]


def _told(text: str) -> list[str]:
    return [f"+{word}" if word.startswith("study=") else word for word in text.split()]


def _jobs(part: str, told: list[str], more: Sequence[str]) -> Iterator[Job]:
    changed = {text.partition("=")[0] for text in more}
    texts = [*(text for text in told if text.partition("=")[0] not in changed), *more]
    given = parse_overrides(texts)
    first = tuple(values_of(override)[0] for override in given)
    params = _composed(first).hydra.sweeper.params or {}
    keys = {override.key_or_group for override in given}
    swept = [f"{key}={value}" for key, value in params.items() if key not in keys]
    overrides = parse_overrides([*texts, *swept])
    several = [override.is_sweep_override() for override in overrides]
    for values in product(*map(values_of, overrides)):
        chosen = [text for text, is_swept in zip(values, several, strict=True) if is_swept]
        yield _job(part, job_folder(",".join(sorted(chosen))), values)


def _job(part: str, name: str, command: tuple[str, ...]) -> Job:
    # No other setting depends on the image, and composing takes a tenth of a second.
    composed = _composed(tuple(text for text in command if not text.startswith("image=")))
    named = [text.partition("=")[2] for text in command if text.startswith("image=")]
    image, limit = (named or [composed.image])[-1], composed.max_iterations
    iterations = min(composed.iterations, limit or composed.iterations)
    network, size, missing = composed.network.name, "", None
    try:
        size = _size(find_image(image), composed.max_side)
        if composed.mask is not None and composed.mask not in DRAWN.get("mask", ()):
            find_mask(composed.mask, image)
    except UserError as error:
        missing = str(error).partition(":")[0]
    kind = f"{network}, {composed.optimizer}, input {composed.input_depth}, {size}"
    return Job(part, name, command, network, kind, iterations, missing)


@cache
def _composed(command: tuple[str, ...]) -> Any:
    return Source().compose(list(command), with_hydra=True)


def _size(path: Path, limit: int | None) -> str:
    with Image.open(path) as image:
        width, height = (min(side, limit or side) for side in image.size)
        return f"{width} x {height} {'gray' if image.mode == 'L' else 'RGB'}"
