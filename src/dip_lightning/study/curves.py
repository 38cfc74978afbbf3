"""Curves of an experiment against the iterations."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.style
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from dip_lightning.published import NAMES, numbers
from dip_lightning.runs.drops import find_drops
from dip_lightning.study.experiments import Experiment
from dip_lightning.study.figures import (
    STYLE,
    add_legend,
    finish,
    lay_out,
    looks,
    plain_ticks,
)
from dip_lightning.study.results import Result, format_value

STD_SEEDS = 3  # from so many on, a band is a standard deviation
BAND_ROWS = 200  # of a band, which a figure with letters and lines would hold in full
LABELS = {"psnr": "PSNR of the iterate (dB)", "loss": "loss"}
DROP, ALONE = "sudden drop", "DIP"

Lines = dict[str, list[Result]]


def draw_curves(
    stem: Path, results: list[Result], axes: tuple[str, ...], experiment: Experiment, note: str
) -> None:
    """Draw the curves against the iterations, a frame for each image and each of its `panels`.

    Several seeds are one line, their mean, in a band. Published numbers are dotted, and sudden
    drops marked.

    Args:
        stem: path of the figure without a suffix.
        results: jobs of the experiment.
        axes: settings that keep them apart.
        experiment: which it is.
        note: budget and device, written below.
    """
    apart = [key for key in experiment.panels if key in axes]
    named = tuple(key for key in axes if key not in apart)
    panels: dict[str, Lines] = {}
    for result in results:
        title = ", ".join(
            [result.image, *(f"{k}={format_value(result.setting(k))}" for k in apart)]
        )
        line = ", ".join(f"{key}={format_value(result.setting(key))}" for key in named) or ALONE
        panels.setdefault(title, {}).setdefault(line, []).append(result)
    names = list(dict.fromkeys(name for lines in panels.values() for name in lines))
    styles = dict(zip(names, looks(results, named, len(names)), strict=True))
    images = len({result.image for result in results})
    columns = -(-len(panels) // images) if apart else None
    with mpl.style.context(STYLE):
        figure, frames, free = lay_out(len(panels), "iteration", columns)
        for frame, (title, lines) in zip(frames, panels.items(), strict=True):
            frame.set_title(title, fontsize=9)
            for name, jobs in lines.items():
                _draw_line(frame, jobs, experiment.curve, {**styles[name], "label": name})
            _mark(frame, lines, experiment.curve, styles)
        if experiment.curve == "loss":
            frames[0].set_yscale("log")
            plain_ticks(frames[0].yaxis)
        figure.supylabel(LABELS[experiment.curve], fontsize=9)
        add_legend(figure, frames, free)
        finish(figure, stem, experiment.title, " ".join([*_explained(panels, experiment), note]))


def _draw_line(frame: Axes, jobs: list[Result], column: str, look: dict[str, Any]) -> None:
    table = _table(jobs, column)
    mean = table.mean(axis=1)
    frame.plot(mean.index, mean, **look)
    if len(jobs) == 1:
        return
    std = table.std(axis=1)
    within = len(jobs) < STD_SEEDS
    low, high = (table.min(axis=1), table.max(axis=1)) if within else (mean - std, mean + std)
    # Of each stretch of a long curve, all that the band has covered.
    stretch = np.arange(len(table)) * min(BAND_ROWS, len(table)) // len(table)
    x = table.index.to_series().groupby(stretch).mean()
    low, high = low.groupby(stretch).min(), high.groupby(stretch).max()
    frame.fill_between(x, low, high, color=look["color"], alpha=0.2, linewidth=0)


def _table(jobs: list[Result], column: str) -> pd.DataFrame:
    """Put the curves of several seeds side by side, at the iterations that all of them have."""
    curves = [
        pd.Series(job.run.curve[column], job.run.curve["iteration"]).groupby(level=0).mean()
        for job in jobs
    ]
    return pd.concat(curves, axis=1).dropna()


def _mark(frame: Axes, lines: Lines, column: str, styles: dict[str, dict[str, Any]]) -> None:
    if column != "psnr":
        return
    known = (_published(job) for jobs in lines.values() for job in jobs)
    level = next((value for value in known if value is not None), None)
    if level is not None:
        frame.axhline(level, color="0.25", linestyle=":", linewidth=1.2, label=NAMES["dip"])
    for name, jobs in lines.items():
        found = np.array([point for job in jobs for point in _bottoms(job)]).reshape(-1, 2)
        look = {"facecolor": "none", "edgecolor": styles[name]["color"], "linewidth": 0.8}
        label = DROP if len(found) else None
        frame.scatter(found[:, 0], found[:, 1], 18, marker="v", zorder=3, label=label, **look)


def _published(job: Result) -> float | None:
    return numbers(job.table, "psnr", job.run.image).get(NAMES["dip"])


def _bottoms(job: Result) -> Iterator[tuple[float, float]]:
    t, p = job.run.curve["iteration"], job.run.curve["psnr"]
    for drop in find_drops(t, p):
        yield drop.bottom, p[np.searchsorted(t, drop.bottom)]


def _explained(panels: dict[str, Lines], experiment: Experiment) -> Iterator[str]:
    """Say what is in the figure besides lines."""
    counts = {len(jobs) for lines in panels.values() for jobs in lines.values()}
    bands = []
    if max(counts) >= STD_SEEDS:
        bands.append("one standard deviation")
    if counts & set(range(2, STD_SEEDS)):
        bands.append(f"of fewer than {STD_SEEDS} seeds lowest to highest")
    if bands:
        yield f"Line: mean over seeds; band: {', '.join(bands)}."
    if experiment.curve == "psnr":
        yield "All channels, whole frame."
