"""Figures of an experiment: curves, PSNR against a setting, strips of images."""

import sys
import textwrap
from pathlib import Path

import matplotlib as mpl
import matplotlib.style
import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image as PillowImage

from dip_lightning.files import reason
from dip_lightning.study.experiments import Experiment
from dip_lightning.study.results import Result, format_value

WIDTH, HEIGHT = 7.0, 3.6  # inches
PANEL = 1.9  # inches
STAGES = 6  # iterations in a strip
COLUMNS = 3  # of small curves
INCHES_PER_LETTER = 0.07  # of a legend
LOGARITHMIC = {"lr": 10, "epsilon": 10, "factor": 2, "input_depth": 2}
STYLE = Path(__file__).with_name("figures.mplstyle")
LABELS = {"psnr": "PSNR of the iterate (dB),\nall channels, whole frame", "loss": "loss"}


def draw_curves(
    path: Path, results: list[Result], axes: tuple[str, ...], experiment: Experiment, note: str
) -> None:
    """Draw the curve of every job against the iterations, one frame for each image.

    Args:
        path: image file to write.
        results: jobs of the experiment.
        axes: settings that a curve is named by.
        experiment: which it is.
        note: budget and device, written below.
    """
    images = list(dict.fromkeys(result.image for result in results))
    labels = list(dict.fromkeys(result.label(axes) for result in results))
    colours = mpl.colormaps["viridis"](np.linspace(0, 0.92, len(labels)))
    columns = min(COLUMNS, len(images))
    rows = -(-len(images) // columns)
    with mpl.style.context(STYLE):
        figure = Figure(
            figsize=(WIDTH if columns == 1 else 3.2 * columns, HEIGHT * max(1, rows * 0.7))
        )
        frames = figure.subplots(rows, columns, squeeze=False).ravel()
        for frame, image in zip(frames, images, strict=False):
            for result in results:
                if result.image == image:
                    _draw_curve(
                        frame, result, colours[labels.index(result.label(axes))], axes, experiment
                    )
            frame.set_title(image, fontsize=9)
        for frame in frames[len(images) :]:
            frame.set_axis_off()
        _add_legend(figure, frames[: len(images)])
        _finish(figure, path, experiment.title, note)


def draw_against(
    path: Path, results: list[Result], axes: tuple[str, ...], experiment: Experiment, note: str
) -> bool:
    """Draw the PSNR against the swept number, a line for each image and other setting.

    Several seeds are drawn as their mean, with bars of one standard deviation.

    Returns:
        Whether there was a number swept, and so a figure.
    """
    swept = [key for key in axes if _numbers(results, key)]
    if not swept:
        return False
    x_key, others = swept[-1], [key for key in axes if key != swept[-1]]
    rows = pd.DataFrame(
        {
            "line": ", ".join([r.image, *(f"{k}={format_value(r.setting(k))}" for k in others)]),
            "x": r.setting(x_key),
            "last": r.run.metrics["psnr"],
            "averaged": r.run.metrics["psnr_average"],
        }
        for r in results
    )
    with mpl.style.context(STYLE):
        figure = Figure(figsize=(WIDTH, HEIGHT))
        frame = figure.subplots()
        for number, (name, line) in enumerate(rows.groupby("line", sort=False)):
            for method, style in (("last", "o-"), ("averaged", "s--")):
                means = line.groupby("x")[method].agg(["mean", "std"]).fillna(0)
                label, colour = f"{name}, {method}", f"C{number % 10}"
                frame.errorbar(
                    means.index, means["mean"], means["std"], fmt=style, color=colour, label=label
                )
        if x_key in LOGARITHMIC:
            frame.set_xscale("log", base=LOGARITHMIC[x_key])
        frame.set_xlabel(x_key)
        frame.set_ylabel("PSNR (dB), all channels, whole frame")
        _add_legend(figure, np.array([frame]))
        _finish(figure, path, experiment.title, note)
    return True


def draw_strip(path: Path, results: list[Result], axes: tuple[str, ...], note: str) -> None:
    """Put observation and results side by side, a row for each image, the first seed of each."""
    first: dict[tuple[str, str], Result] = {}
    for result in results:
        settings = ", ".join(f"{key}={format_value(result.setting(key))}" for key in axes)
        first.setdefault((result.image, settings), result)
    rows: dict[str, list[tuple[str, Path]]] = {}
    for (image, settings), result in first.items():
        folder = result.run.folder
        given = f" ({settings})" if "factor" in axes else ""
        row = rows.setdefault(image, [(f"{image}\nobserved{given}", folder / "observed.png")])
        chosen = "psnr" if result.setting("output") == "last" else "psnr_average"
        text = f"{settings or image}\n{result.run.metrics[chosen]:.2f} dB"
        row.append((text, folder / "restored.png"))
    _draw_rows(path, list(rows.values()), f"restored.png and its PSNR; {note}")


def draw_stages(path: Path, results: list[Result], axes: tuple[str, ...], note: str) -> bool:
    """Show the averaged output over the iterations, a row for each job, and the ground truth last.

    Returns:
        Whether there was something to draw: previews in `snapshots/`.
    """
    rows = []
    for result in results:
        shown = sorted(result.run.folder.glob("snapshots/*.webp"))
        if not shown:
            continue
        name = ", ".join(filter(None, (result.image, result.label(axes))))
        # Spread evenly over what there is, the first and the last included.
        chosen = np.unique(np.linspace(0, len(shown) - 1, STAGES).round().astype(int))
        row = [(f"iteration {int(shown[index].stem)}", shown[index]) for index in chosen]
        truth = result.run.folder / "snapshots" / "truth.png"
        rows.append([(f"{name}\n{row[0][0]}", row[0][1]), *row[1:], ("ground truth", truth)])
    if rows:
        _draw_rows(path, rows, f"averaged output on the way; {note}")
    return bool(rows)


def _draw_rows(path: Path, rows: list[list[tuple[str, Path]]], note: str) -> None:
    """Draw rows of titled images, and a note below."""
    columns = max(map(len, rows))
    with mpl.style.context(STYLE):
        figure = Figure(figsize=(PANEL * columns, (PANEL + 0.5) * len(rows) + 0.3))
        frames = figure.subplots(len(rows), columns, squeeze=False)
        for line, row in zip(frames, rows, strict=True):
            for frame in line:
                frame.set_axis_off()
            for frame, (text, image) in zip(line, row, strict=False):
                _show(frame, text, image)
        figure.supxlabel(textwrap.fill(note, 42 * columns), fontsize=6, color="0.4")
        figure.savefig(path)


def _draw_curve(
    frame: Axes,
    result: Result,
    colour: NDArray[np.float64],
    axes: tuple[str, ...],
    experiment: Experiment,
) -> None:
    curve = result.run.curve
    label = result.label(axes) or "seed=0"
    frame.plot(curve["iteration"], curve[experiment.curve], color=colour, label=label)
    if experiment.curve == "loss":
        frame.set_yscale("log")
    frame.set_xlabel("iteration")
    frame.set_ylabel(LABELS[experiment.curve])


def _add_legend(figure: Figure, frames: NDArray[np.object_]) -> None:
    handles: dict[str, Artist] = {}
    for frame in frames:
        for handle, label in zip(*frame.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    if len(handles) > 1:
        figure.set_figwidth(figure.get_figwidth() + INCHES_PER_LETTER * max(map(len, handles)))
        figure.legend(list(handles.values()), list(handles), loc="outside right center")


def _show(frame: Axes, text: str, path: Path) -> None:
    frame.set_title(text, fontsize=7)
    try:
        with PillowImage.open(path) as image:
            shown = image.convert("RGB")  # on the range of its type: a black result is black
    except OSError as error:  # one lost file leaves the other panels as they are
        print(f"warning: panel left empty: {path}: {reason(error)}", file=sys.stderr)
        return
    frame.imshow(shown, interpolation="nearest")


def _numbers(results: list[Result], key: str) -> bool:
    values = {result.setting(key) for result in results}
    return len(values) > 1 and all(isinstance(value, int | float) for value in values)


def _finish(figure: Figure, path: Path, title: str, note: str) -> None:
    figure.suptitle(title, fontweight="bold", fontsize=10)
    width = int(21 * figure.get_figwidth())
    figure.supxlabel(textwrap.fill(note, width), fontsize=6, color="0.4")
    figure.savefig(path)
