"""What each configuration in conf/study/ asks, and how its results are laid out."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml


@dataclass(frozen=True)
class Experiment:
    """One experiment.

    Attributes:
        name: of its file in conf/study/.
        title: what a reader calls it; the study's number in front, where it has one.
        claim: what the study or the paper says comes out.
        axes: the swept keys, those that a table has a column for.
        metrics: keys of metrics.json to tabulate.
        curve: column of history.csv to draw.
        panels: those of the axes whose values have a frame of curves each.
    """

    name: str
    title: str
    claim: str = ""
    axes: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ("psnr", "ssim")
    curve: str = "psnr"
    panels: tuple[str, ...] = ()


def _read(path: Path) -> tuple[Experiment, ...]:
    def frozen(value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value

    found = yaml.safe_load(path.read_text(encoding="utf-8"))
    return tuple(
        Experiment(name, **{key: frozen(value) for key, value in entry.items()})
        for name, entry in found.items()
    )


EXPERIMENTS = _read(Path(__file__).with_suffix(".yaml"))  # in the study's order


def find_experiment(name: str) -> Experiment:
    """Return an experiment; one of the user's own has its name for a title."""
    known = {experiment.name: experiment for experiment in EXPERIMENTS}
    return known.get(name) or Experiment(name, name)
