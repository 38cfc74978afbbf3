"""Jobs of an experiment, read back from their result folders."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from dip_lightning.config import ASIDE
from dip_lightning.dashboard.runs import differs, flatten
from dip_lightning.resolvers import register_resolvers
from dip_lightning.study.experiments import Experiment
from dip_lightning.study.published import published

FILES = ("history.csv", "observed.png", "restored.png")
CURVES = ("history.csv", "diagnostics.csv")
DRAWN = ("loss", "psnr")  # against "iteration"
# Have a place of their own in a table.
PLACED = {"image", "seed", "device", "max_iterations", "max_side"}


@dataclass(frozen=True)
class Result:
    """One job.

    Attributes:
        folder: its result folder.
        metrics: metrics.json.
        settings: the composed configuration, options of the network as `network.down`.
        overrides: what was typed or swept, as key=value.
        image: what the image is called; the path too where others have the same name.
    """

    folder: Path
    metrics: dict[str, Any]
    settings: dict[str, Any]
    overrides: tuple[str, ...] = ()
    image: str = ""

    @cached_property
    def history(self) -> pd.DataFrame:
        """history.csv."""
        return _read_curve(self.folder / "history.csv")

    @cached_property
    def curve(self) -> pd.DataFrame:
        """Loss and PSNR: of every iteration where that was recorded, else history.csv."""
        every_one = self.folder / "diagnostics.csv"
        return _read_curve(every_one) if every_one.is_file() else self.history

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
        for name in CURVES:
            try:
                _read_curve(self.folder / name)
            except FileNotFoundError:
                continue  # diagnostics are not always recorded
            except (KeyError, ValueError, OSError):  # pandas' errors of reading are ValueErrors
                return f"{name} cannot be read"
        return None

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
        """Whether the image is known to have been left whole."""
        return self.metrics.get("cropped") is False

    def setting(self, key: str) -> Any:
        """Return a setting; of a group, the option's name."""
        return self.settings.get(key)

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
        result = _read(path.parent)
        if result is not None and result.settings.get("study"):
            found.setdefault(result.settings["study"], []).append(result)
    return {study: _named(jobs) for study, jobs in found.items()}


def latest(results: list[Result], axes: tuple[str, ...]) -> list[Result]:
    """Keep of jobs with the same image, axes and seed the one that was finished last.

    A fit done twice is no second seed, so the earlier result is left out of tables and figures.
    """
    kept: dict[tuple[str, ...], Result] = {}
    for result in sorted(results, key=lambda r: (r.folder / "metrics.json").stat().st_mtime_ns):
        values = (format_value(result.setting(key)) for key in axes)
        kept[result.image, str(result.metrics["seed"]), *values] = result
    return [result for result in results if any(result is one for one in kept.values())]


def _named(results: list[Result]) -> list[Result]:
    paths: dict[str, set[str]] = {}
    for result in results:
        paths.setdefault(result.image, set()).add(_path(result))
    return [replace(r, image=_path(r)) if len(paths[r.image]) > 1 else r for r in results]


def _path(result: Result) -> str:
    return str(result.settings.get("observed") or result.settings.get("image") or result.image)


def all_axes(results: list[Result], experiment: Experiment) -> tuple[str, ...]:
    """Return those of the experiment's axes, and of the other settings, that keep jobs apart.

    Jobs that differ in nothing but the seed are repetitions; whatever else differs between jobs of
    the same image and axes gets a column. An axis with one value has none.
    """
    seen: dict[tuple[str, ...], list[Result]] = {}
    for result in results:
        values = (format_value(result.setting(key)) for key in experiment.axes)
        seen.setdefault((result.image, *values), []).append(result)
    extra = {
        key
        for jobs in seen.values()
        for key in jobs[0].settings
        if key.partition(".")[0] not in ASIDE | PLACED
        and differs(key, [job.settings for job in jobs])
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
        fixed: dict[str, Any] = {"image": result.image}
        fixed |= {key: m.get(key) for key in ("seed", "iterations", "seconds")}
        fixed |= {key: format_value(result.setting(key)) for key in axes}
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


def _read_curve(path: Path) -> pd.DataFrame:
    table = pd.read_csv(path).astype(dict.fromkeys(DRAWN, float))
    if table.empty or not pd.api.types.is_integer_dtype(table["iteration"]):
        raise ValueError(f"{path}: no iterations")
    return table


def _read(folder: Path) -> Result | None:
    try:
        metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
        loaded = OmegaConf.load(folder / ".hydra" / "config.yaml")
        settings = OmegaConf.to_container(loaded, resolve=True)
        typed = OmegaConf.to_container(OmegaConf.load(folder / ".hydra" / "overrides.yaml"))
    except (OSError, ValueError, YAMLError, OmegaConfBaseException):
        return None
    if not isinstance(metrics, dict) or not isinstance(settings, dict):
        return None
    overrides = tuple(map(str, typed)) if isinstance(typed, list) else ()
    flat = flatten({str(key): value for key, value in settings.items()})
    return Result(folder, metrics, flat, overrides, str(metrics.get("image")))
