"""The report: a section for each experiment that was found, with its tables and figures."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dip_lightning.published import sources
from dip_lightning.runs import ownership
from dip_lightning.runs.drops import AFTER, DEPTH, WITHIN, find_drops
from dip_lightning.study.curves import draw_curves
from dip_lightning.study.experiments import EXPERIMENTS, Experiment, find_experiment
from dip_lightning.study.figures import draw_against
from dip_lightning.study.results import (
    Result,
    all_axes,
    column_of,
    find_results,
    frame,
    latest,
)
from dip_lightning.study.strips import draw_stages, draw_strip
from dip_lightning.study.tables import TITLES, label, markdown, wide

INTRODUCTION = """\
# The study

DIP is what this suite computed: the last iterate, the averaged output, where asked for the same
with the known pixels in their places, or combined with a classical method, and the best iterate, an
oracle that looks at the ground truth and is no result. The classical methods were computed here, on
the same observation. Published numbers come from the named sources
and were measured at the paper's budget, with the source's own network and settings, whatever those
of a row; they are shown only for the same degradation of the same, whole image by the same protocol
(of half of the pixels missing, the study drew masks of its own). A cell is empty where a number is
not known. Several seeds: mean ± standard deviation. A mean over images is that of a full column.
"""
MILESTONES = (20, 50, 100, 200, 400, 600, 1000, 2000, 3000)  # iterations


def write_report(folders: list[Path], target: Path) -> list[str]:
    """Write report.md, and CSV tables and figures beside it.

    Args:
        folders: where results are looked for.
        target: folder of the report.

    Returns:
        The names of the experiments found, in the study's order.
    """
    found = find_results(folders)
    order = [experiment.name for experiment in EXPERIMENTS]
    names = sorted(found, key=lambda name: (order.index(name) if name in order else 99, name))
    if not names:
        return []
    ownership.begin(target)
    for name in ("report.md", *(f"{name}.csv" for name in names)):
        ownership.check(target / name)
    sections = [_section(found[name], find_experiment(name), target) for name in names]
    ownership.write(target / "report.md", "\n".join([INTRODUCTION, *sections]).encode())
    return names


def _section(results: list[Result], experiment: Experiment, target: Path) -> str:
    parts = [f"## {experiment.title}", f"Claim: {experiment.claim}" if experiment.claim else ""]
    parts.append(f"`python -m dip_lightning -m +study={experiment.name}`")
    groups: dict[tuple[str, str], list[Result]] = {}
    for result in results:
        if result.trouble is None:
            groups.setdefault((result.limits, result.device), []).append(result)
    for number, group in enumerate(groups.values()):
        name = experiment.name + (f"_{number + 1}" if number else "")
        parts += _measured(group, experiment, target, name)
    lost = [r for r in results if r.trouble is not None]
    if lost:
        listed = "; ".join(f"{r.run.folder.name} ({r.trouble})" for r in lost)
        parts.append(f"Not shown, {len(lost)} of {len(results)} jobs: {listed}.")
    return "\n\n".join(part for part in parts if part) + "\n"


def _measured(results: list[Result], experiment: Experiment, target: Path, name: str) -> list[str]:
    axes = all_axes(results, experiment)
    results = _in_order(latest(results, axes), axes)
    fixed = [key for key in experiment.axes if key not in axes]
    rows, note = frame(results, experiment, axes), label(results, axes, fixed)
    ownership.write(target / f"{name}.csv", rows.to_csv(index=False).encode())
    parts = [note]
    for metric in experiment.metrics:
        table = wide(rows, tuple(map(column_of, axes)), metric)
        if not table.empty:
            parts += [f"**{TITLES.get(metric, metric)}**", markdown(table)]
    if rows["method"].str.contains("published|the study").any():
        parts.append(_sources(results))
    parts.append((_losses if experiment.curve == "loss" else _drops)(results, axes))
    parts += _figures(results, axes, experiment, note, target / name)
    return parts


def _figures(
    results: list[Result], axes: tuple[str, ...], experiment: Experiment, note: str, stem: Path
) -> list[str]:
    """Draw the figures of an experiment; return the lines of the report that show them."""
    shown = (results, axes, experiment, note)
    images = (results, axes, note)
    figures: list[tuple[str, str, Callable[..., bool | None], tuple[Any, ...]]] = [
        ("curves", f"curves of {stem.name}", draw_curves, shown)
    ]
    if experiment.curve == "psnr":
        figures += [
            ("settings", f"PSNR against the settings of {stem.name}", draw_against, shown),
            ("strip", f"results of {stem.name}", draw_strip, images),
            ("stages", f"{stem.name} over the iterations", draw_stages, images),
        ]
    return [
        f"![{title}]({stem.name}_{kind}.png)"
        for kind, title, draw, what in figures
        if draw(stem.with_name(f"{stem.name}_{kind}"), *what) is not False
    ]


def _in_order(results: list[Result], axes: tuple[str, ...]) -> list[Result]:
    def order(result: Result) -> list[tuple[bool, float, str]]:
        values = [result.image, *(result.setting(key) for key in axes)]
        return [
            (False, value, "") if isinstance(value, int | float) else (True, 0.0, str(value))
            for value in [*values, result.run.metrics["seed"]]
        ]

    return sorted(results, key=order)


def _sources(results: list[Result]) -> str:
    tables = sorted({result.table for result in results if result.table is not None})
    found = dict.fromkeys(source for table in tables for source in sources(table))
    return f"Published: {'; '.join(found)}."


def _losses(results: list[Result], axes: tuple[str, ...]) -> str:
    rows = []
    for result in results:
        history = result.run.history
        losses = dict(zip(history["iteration"], history["loss"], strict=True))
        row = {"image": result.image, "job": result.label(axes)}
        shown = [t for t in MILESTONES if t in losses]
        rows.append({**row, **{f"at {t}": f"{losses[t]:.2e}" for t in shown}})
    return f"**Loss on the way**\n\n{markdown(pd.DataFrame(rows).fillna(''))}"


def _drops(results: list[Result], axes: tuple[str, ...]) -> str:
    lines = []
    for result in results:
        iterations, psnr = result.run.curve["iteration"], result.run.curve["psnr"]
        drops = find_drops(iterations, psnr)
        if not drops:
            continue
        deepest = max(drops, key=lambda drop: drop.depth)
        where = f"{deepest.depth:.1f} dB from {deepest.start}"
        sampled = int(np.median(np.diff(iterations)))
        row = (result.image, result.label(axes), len(drops), where, sampled)
        lines.append(row)
    columns = ["image", "job", "drops", "deepest", "sampled every"]
    explained = (
        f"**Sudden drops**: after iteration {AFTER}, the PSNR of the iterate falls at least "
        f"{DEPTH} dB below its highest value of the last {WITHIN} iterations. Seen are those that "
        f"show in the rows of the curve. {len(lines)} of {len(results)} jobs have some."
    )
    table = f"\n\n{markdown(pd.DataFrame(lines, columns=columns))}" if lines else ""
    return explained + table
