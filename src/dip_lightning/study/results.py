"""Jobs of an experiment, read back from their result folders."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from dip_lightning.naming import PREVIOUS, register_resolvers
from dip_lightning.study.experiments import Experiment
from dip_lightning.study.published import published

FILES = ("history.csv", "observed.png", "restored.png")
# Settings that change no result, or that have a place of their own in a table.
ASIDE = {
    *("study", "budget", "max_iterations", "max_side", "seed", "image", "threads", "chunk"),
    *("logger", "resume", "log_every", "diagnose", "device", "iterations"),
}


@dataclass(frozen=True)
class Result:
    """One job.

    Attributes:
        folder: its result folder.
        metrics: metrics.json.
        settings: the composed configuration.
        overrides: what was typed or swept, as key=value.
    """

    folder: Path
    metrics: dict[str, Any]
    settings: dict[str, Any]
    overrides: tuple[str, ...] = ()

    @cached_property
    def history(self) -> pd.DataFrame:
        """history.csv."""
        return pd.read_csv(self.folder / "history.csv")

    @cached_property
    def curve(self) -> pd.DataFrame:
        """Loss and PSNR: of every iteration where that was recorded, else history.csv."""
        every_one = self.folder / "diagnostics.csv"
        return pd.read_csv(every_one) if every_one.is_file() else self.history

    @cached_property
    def trouble(self) -> str | None:
        """Why the job has no numbers to show; None if it has."""
        if self.metrics.get("status") != "finished":
            reason = self.metrics.get("error")
            return f"{self.metrics.get('status')}{f': {reason}' if reason else ''}"
        missing = [name for name in FILES if not (self.folder / name).is_file()]
        if missing:
            return f"{', '.join(missing)} missing"
        if self.metrics.get("psnr") is None:
            return "no ground truth"
        try:
            if self.history.empty:
                return "history.csv is empty"
        except (ValueError, OSError):  # pandas' EmptyDataError and ParserError are ValueErrors
            return "history.csv cannot be read"
        try:
            broken = not {"iteration", "psnr"} <= set(self.curve.columns)
        except (ValueError, OSError):
            broken = True
        return "diagnostics.csv cannot be read" if broken else None

    @property
    def limits(self) -> str:
        """The budget, and the limits that were in force."""
        parts = [
            f"at most {self.settings[key]} {unit}"
            for key, unit in (("max_iterations", "iterations"), ("max_side", "pixels a side"))
            if self.settings.get(key) is not None
        ]
        return f"{self.settings.get('budget')} ({', '.join(parts) or 'no limits'})"

    @property
    def device(self) -> str:
        """What it was computed on, and in which number format."""
        return f"{self.metrics.get('device_name')}, {self.metrics.get('precision')}"

    @property
    def is_whole(self) -> bool:
        """Whether the image was left whole."""
        side, size = self.settings.get("max_side"), self.metrics.get("size")
        if "cropped" in self.metrics:
            return not self.metrics["cropped"]
        return side is None or (size is not None and max(size[1:]) < side)

    def setting(self, key: str) -> Any:
        """Return a setting; of a group, the option's name."""
        value = self.settings.get(key)
        return value.get("name") if isinstance(value, dict) else value

    def label(self, axes: tuple[str, ...]) -> str:
        """Name the job by its values on the axes, and its seed where that is not 0."""
        parts = [f"{key}={format_value(self.setting(key))}" for key in axes]
        seed = self.settings.get("seed") or 0
        return ", ".join([*parts, *([f"seed={seed}"] if seed else [])])


def format_value(value: Any) -> str:
    """Write a setting as one would type it."""
    if value is None:
        return "null"
    return f"{value:g}" if isinstance(value, float) else str(value)


def find_results(folders: list[Path]) -> dict[str, list[Result]]:
    """Read every job of a study below some folders, those without a result included.

    Args:
        folders: such as outputs/; one inside another counts once.

    Returns:
        The jobs by experiment, in the order of their folders.
    """
    register_resolvers()
    found: dict[str, list[Result]] = {}
    paths = {p.resolve() for folder in folders for p in folder.rglob("metrics.json")}
    for path in sorted(paths):
        if path.parent.name == PREVIOUS:  # another result has replaced it, or will
            continue
        result = _read(path.parent)
        if result is not None and result.settings.get("study"):
            found.setdefault(result.settings["study"], []).append(result)
    return found


def all_axes(results: list[Result], experiment: Experiment) -> tuple[str, ...]:
    """Return those of the experiment's axes, and of the other settings, that keep jobs apart.

    Jobs that differ in nothing but the seed are repetitions; whatever else differs between jobs of
    the same image and axes gets a column. An axis with one value has none.
    """
    seen: dict[tuple[str, ...], list[Result]] = {}
    for result in results:
        values = (format_value(result.setting(key)) for key in experiment.axes)
        seen.setdefault((str(result.setting("image")), *values), []).append(result)
    extra = {
        key
        for jobs in seen.values()
        for key in jobs[0].settings
        if key not in ASIDE and len({format_value(job.setting(key)) for job in jobs}) > 1
    }
    candidates = (*experiment.axes, *sorted(extra - set(experiment.axes)))
    return tuple(
        key for key in candidates if len({format_value(r.setting(key)) for r in results}) > 1
    )


def frame(results: list[Result], experiment: Experiment, axes: tuple[str, ...]) -> pd.DataFrame:
    """Put what was measured, and what was published, into one table.

    Returns:
        A row for each job, metric and method: image, the axes, seed, iterations, size, budget,
        device, seconds, metric, method, value.
    """
    rows = []
    for result in results:
        m = result.metrics
        fixed = {"image": m["image"]}
        fixed |= {key: format_value(result.setting(key)) for key in axes}
        fixed |= {key: m.get(key) for key in ("seed", "iterations", "seconds")}
        fixed |= {"budget": result.limits, "device": result.device}
        for metric in experiment.metrics:
            for method, value in _values(result, experiment, metric):
                rows.append({**fixed, "metric": metric, "method": method, "value": value})
    return pd.DataFrame(rows)


def _values(
    result: Result, experiment: Experiment, metric: str
) -> Iterator[tuple[str, float | None]]:
    m = result.metrics
    if metric == "loss":
        yield "DIP, last", m.get("loss")
        return
    if experiment.published is not None and experiment.compares(result.settings, result.is_whole):
        table = published(experiment.published.format_map(result.settings), metric)
        if m["image"] in table.index:
            yield from table.loc[m["image"]].dropna().items()
    for row in m.get("baselines", ()):
        yield row["name"], row.get(metric)
    yield "DIP, last", m.get(metric)
    yield "DIP, averaged", m.get(f"{metric}_average")
    if metric == "psnr":
        yield "DIP, best (oracle)", m.get("psnr_best")


def _read(folder: Path) -> Result | None:
    try:
        metrics = json.loads((folder / "metrics.json").read_text())
        loaded = OmegaConf.load(folder / ".hydra" / "config.yaml")
        settings = OmegaConf.to_container(loaded, resolve=True)
        typed = OmegaConf.to_container(OmegaConf.load(folder / ".hydra" / "overrides.yaml"))
    except (OSError, ValueError, YAMLError, OmegaConfBaseException):
        return None
    if not isinstance(metrics, dict) or not isinstance(settings, dict):
        return None
    overrides = tuple(map(str, typed)) if isinstance(typed, list) else ()
    return Result(folder, metrics, {str(key): v for key, v in settings.items()}, overrides)
