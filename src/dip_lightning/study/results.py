"""Jobs of an experiment, read back from their result folders."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from dip_lightning.config import ASIDE
from dip_lightning.metrics import decibels
from dip_lightning.published import find_table, numbers
from dip_lightning.runs.run import Run, differs, find_runs
from dip_lightning.study.experiments import Experiment

DRAWN = {"iteration", "loss", "psnr"}
LAST, AVERAGED, BEST = "DIP, last", "DIP, averaged", "DIP, best (oracle)"
KEPT, COMBINED = "DIP, averaged, known pixels kept", "DIP, combined"
OURS = (LAST, AVERAGED, KEPT, COMBINED, BEST)  # methods, in the order of a table
NAME = re.compile(r"[^./\\][^/\\]*")  # no path
LEAST_PLAIN = 1e-6  # smaller numbers are written with an exponent
# Have a place of their own in a table.
PLACED = {"image", "seed", "device", "max_iterations", "max_side"}
OF_AN_IMAGE = {"mask", "observed"}  # each may have its own


@dataclass(frozen=True)
class Result:
    """One job of a study.

    Attributes:
        run: what its folder holds.
        image: what the image is called; the path too where others have the same name.
    """

    run: Run
    image: str

    @cached_property
    def trouble(self) -> str | None:
        """Why the job has no numbers to show; None if it has."""
        folder, metrics = self.run.folder, self.run.metrics
        if not metrics and (folder / "metrics.json").is_file():
            return "metrics.json cannot be read"
        if self.run.status != "finished":
            reason = metrics.get("error")
            return f"{self.run.status}{f': {reason}' if reason else ''}"
        if not (folder / "history.csv").is_file():
            return "history.csv missing"
        if metrics.get("psnr") is None:
            return "no ground truth"
        curves = {"history.csv": self.run.history, "diagnostics.csv": self.run.curve}
        broken = [name for name, curve in curves.items() if not curve.keys() >= DRAWN]
        return f"{broken[0]} cannot be read" if broken else None

    @property
    def limits(self) -> str:
        """The budget, and the limits that were in force."""
        parts = [
            f"at most {self.run.settings[key]} {unit}"
            for key, unit in (("max_iterations", "iterations"), ("max_side", "pixels a side"))
            if self.setting(key) is not None
        ]
        return f"{self.setting('budget')} ({', '.join(parts) or 'no limits'})"

    @property
    def device(self) -> str:
        """What it was computed on, and in which number format."""
        return f"{self.run.metrics.get('device_name')}, {self.run.metrics.get('precision')}"

    @property
    def table(self) -> str | None:
        """The table of published numbers that is about the same."""
        return find_table(self.run.settings, self.run.is_whole)

    def setting(self, key: str) -> Any:
        """Return a setting; of a group, the option's name."""
        return self.run.settings.get(key)

    def label(self, axes: tuple[str, ...]) -> str:
        """Name the job by its values on the axes, and its seed where that is not 0."""
        parts = [f"{key}={format_value(self.setting(key))}" for key in axes]
        seed = self.setting("seed") or 0
        return ", ".join([*parts, *([f"seed={seed}"] if seed else [])])


def format_value(value: Any) -> str:
    """Write a setting as one would type it."""
    if value is None:
        return "null"
    if not isinstance(value, float):
        return str(value)
    text = f"{value:g}"
    return format(Decimal(text), "f") if value == 0 or abs(value) >= LEAST_PLAIN else text


def find_results(folders: list[Path]) -> dict[str, list[Result]]:
    """Read every job of a study below some folders, those without a result included.

    Args:
        folders: such as outputs/; one inside another counts once.

    Returns:
        The jobs by experiment, in the order of their folders.
    """
    runs = {run.folder: run for folder in folders for run in find_runs(folder.resolve())}
    found: dict[str, list[Result]] = {}
    for _, run in sorted(runs.items()):
        study = run.settings.get("study")
        if isinstance(study, str) and NAME.fullmatch(study):  # files are called by it
            found.setdefault(study, []).append(Result(run, run.image))
    return {study: _named(jobs) for study, jobs in found.items()}


def latest(results: list[Result], axes: tuple[str, ...]) -> list[Result]:
    """Keep of jobs with the same image, axes and seed the one that was finished last.

    A fit done twice is no second seed, so the earlier result is left out of tables and figures.
    """
    kept: dict[tuple[str, ...], Result] = {}
    for result in sorted(results, key=lambda r: (r.run.folder / "metrics.json").stat().st_mtime_ns):
        values = (format_value(result.setting(key)) for key in axes)
        kept[result.image, str(result.run.metrics["seed"]), *values] = result
    return [result for result in results if any(result is one for one in kept.values())]


def _named(results: list[Result]) -> list[Result]:
    paths: dict[str, set[str]] = {}
    for result in results:
        paths.setdefault(result.image, set()).add(_path(result))
    return [replace(r, image=_path(r)) if len(paths[r.image]) > 1 else r for r in results]


def _path(result: Result) -> str:
    return str(result.setting("observed") or result.setting("image") or result.image)


def all_axes(results: list[Result], experiment: Experiment) -> tuple[str, ...]:
    """Return those of the experiment's axes, and of the other settings, that keep jobs apart.

    Jobs that differ in nothing but the seed are repetitions; whatever else differs between jobs of
    the same image and axes gets a column, as does what was typed for some images only. An axis with
    one value has none.
    """
    seen: dict[tuple[str, ...], list[Result]] = {}
    for result in results:
        values = (format_value(result.setting(key)) for key in experiment.axes)
        seen.setdefault((result.image, *values), []).append(result)
    extra = {
        key
        for jobs in seen.values()
        for key in {key for job in jobs for key in job.run.settings}
        if key.partition(".")[0] not in ASIDE | PLACED
        and differs(key, [job.run.settings for job in jobs])
    }
    typed = {text.partition("=")[0].lstrip("+") for r in results for text in r.run.overrides}
    extra |= {
        key
        for key in typed
        if key.partition(".")[0] not in ASIDE | PLACED | OF_AN_IMAGE
        and differs(key, [result.run.settings for result in results])
    }
    candidates = (*experiment.axes, *sorted(extra - set(experiment.axes)))
    return tuple(
        key for key in candidates if len({format_value(r.setting(key)) for r in results}) > 1
    )


def frame(results: list[Result], experiment: Experiment, axes: tuple[str, ...]) -> pd.DataFrame:
    """Put what was measured, and what was published, into one table.

    Returns:
        A row for each job, metric and method: image, the axes (see `column_of`), seed, iterations
        that were done, seconds, budget, device, metric, method, value.
    """
    rows = []
    for result in results:
        m = result.run.metrics
        fixed: dict[str, Any] = {"image": result.image}
        fixed |= {key: m.get(key) for key in ("seed", "iterations", "seconds")}
        fixed |= {column_of(key): format_value(result.setting(key)) for key in axes}
        fixed |= {"budget": result.limits, "device": result.device}
        for metric in experiment.metrics:
            for method, value in _values(result, metric):
                rows.append({**fixed, "metric": metric, "method": method, "value": value})
    return pd.DataFrame(rows)


def column_of(axis: str) -> str:
    """Name the column of an axis: the iterations that were asked for may not all have been done."""
    return "iterations asked" if axis == "iterations" else axis


def _values(result: Result, metric: str) -> Iterator[tuple[str, float | None]]:
    m = result.run.metrics
    if metric == "loss":
        yield LAST, m.get("loss")
        return
    yield from numbers(result.table, metric, result.run.image).items()
    for row in m.get("baselines", ()):
        yield row["name"], row.get(metric)
    yield LAST, m.get(metric)
    yield AVERAGED, m.get(f"{metric}_average")
    if metric == "psnr" and m.get("psnr_holes_average") is not None:
        yield KEPT, _with_known_pixels(m)
    if m.get("result") == "combined":
        yield COMBINED, m.get(f"{metric}_result")
    if metric == "psnr":
        yield BEST, m.get("psnr_best")


def _with_known_pixels(m: dict[str, Any]) -> float | None:
    """Return the PSNR of the averaged output with the known pixels in their places, dB.

    Its error is then that of the missing pixels alone. Their share follows from w = share * h +
    (1 - share) * k, the errors of the whole, of the missing and of the known pixels. Where a fit
    keeps the known ones, k is not measured, and nothing is left to do.
    """
    found = [m.get(f"psnr{part}_average") for part in ("", "_holes", "_known")]
    if found[2] is None:
        return found[0]
    w, h, k = (10 ** (-psnr / 10) for psnr in found if psnr is not None)
    return decibels((w - k) / (h - k) * h) if h != k else None
