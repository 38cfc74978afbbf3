"""What all figures of an experiment share, and the PSNR against a setting."""

import textwrap
from collections.abc import Sequence
from itertools import cycle, islice
from math import sqrt
from pathlib import Path
from typing import Any, Literal

import matplotlib as mpl
import matplotlib.style
import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator

from dip_lightning.runs import ownership
from dip_lightning.study.experiments import Experiment
from dip_lightning.study.results import Result, format_value

WIDTH, HEIGHT = 7.0, 3.6  # inches, of one frame or two
SMALL = 2.4, 1.9  # inches, of one of more
COLUMNS, MANY, MORE_COLUMNS = 3, 6, 4  # of several frames; of more than MANY
BRIGHTEST = 0.8  # of a line on white, as a share of the scale of colours
INCHES_PER_LETTER, INCHES_OF_HANDLE = 0.065, 0.6  # of a legend
LOGARITHMIC = {"lr": 10, "epsilon": 10, "factor": 2, "input_depth": 2}
MOST_TICKS = 8  # of a swept number that has one for each value
STYLE = Path(__file__).with_name("figures.mplstyle")
# Okabe and Ito's colours, without the yellow, which is too faint for a line on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
# Dotted is what is published. As many as have no factor in common with the colours.
DASHES = ("-", (0, (5, 1.5)), (0, (5, 1.5, 1, 1.5)), (0, (9, 2)))
MOST_BYTES = 1_000_000  # of an SVG
LEAST_DPI = 20


def save(figure: Figure, stem: Path) -> None:
    """Save a figure as PNG, SVG and PDF; where images make an SVG large, in fewer pixels.

    Args:
        figure: what to save.
        stem: path without a suffix.
    """
    dpi = float(mpl.rcParams["savefig.dpi"])
    _write(figure, f"{stem}.png", dpi)
    figure.set_layout_engine("none")  # laid out once, which takes longer than to draw
    # Without a date, the same figure is the same file.
    _write(figure, f"{stem}.pdf", dpi, metadata={"CreationDate": None})
    while True:
        size = _write(figure, f"{stem}.svg", dpi, metadata={"Date": None})
        if size <= MOST_BYTES or dpi < LEAST_DPI:
            return
        dpi *= 0.95 * sqrt(MOST_BYTES / size)


def _write(figure: Figure, name: str, dpi: float, **options: Any) -> int:
    """Write a file whole or not at all, and none of the user's; return its bytes."""
    with ownership.writing(Path(name)) as partial:
        figure.savefig(partial, dpi=dpi, **options)
        return partial.stat().st_size


def looks(results: list[Result], axes: Sequence[str], count: int) -> list[dict[str, Any]]:
    """Choose how lines look: numbers from dark to light, names as different as can be.

    Args:
        results: what is drawn.
        axes: keys that a line is named by.
        count: lines.
    """
    if axes and all(is_swept_number(results, key) for key in axes):
        return [{"color": c} for c in mpl.colormaps["viridis"](np.linspace(0, BRIGHTEST, count))]
    pairs = zip(cycle(COLOURS), cycle(DASHES), strict=False)
    return [{"color": colour, "linestyle": dash} for colour, dash in islice(pairs, count)]


def is_swept_number(results: list[Result], key: str) -> bool:
    """Say whether jobs differ in a number; true and false are names."""
    values = [result.setting(key) for result in results]
    numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)
    return numbers and len(set(values)) > 1


def plain_ticks(axis: Axis, values: Sequence[float] | None = None) -> None:
    """Write the ticks of an axis as plain numbers: 0.001, not a power of ten.

    Args:
        axis: a logarithmic one.
        values: where the ticks are, if there are not too many.
    """
    if values is not None and len(values) <= MOST_TICKS:
        axis.set_ticks(values)
    axis.set_major_formatter(FuncFormatter(lambda value, _: format_value(float(value))))
    axis.set_minor_locator(NullLocator())


def lay_out(
    count: int, x_label: str, columns: int | None = None
) -> tuple[Figure, list[Axes], list[Axes]]:
    """Lay out frames on one vertical scale; those of a column have one horizontal scale, too.

    Args:
        count: frames.
        x_label: below the last row.
        columns: what stands below each other belongs together; None: all do.

    Returns:
        The figure, its frames, and those that are left over.
    """
    share_x: Literal["col", "all"] = "all" if columns is None else "col"
    columns = columns or min(count, COLUMNS if count <= MANY else MORE_COLUMNS)
    rows = -(-count // columns)
    small = SMALL[0] * columns, SMALL[1] * rows + 0.6
    figure = Figure(figsize=(WIDTH, HEIGHT) if rows == 1 and columns < COLUMNS else small)
    grid = figure.subplots(rows, columns, sharex=share_x, sharey=True, squeeze=False)
    frames = list(grid.ravel())
    for position, frame in enumerate(frames[:count]):
        frame.tick_params(labelbottom=position + columns >= count)
        if position >= (rows - 1) * columns:
            frame.set_xlabel(x_label)
    for frame in frames[count:]:
        frame.set_axis_off()
    return figure, frames[:count], frames[count:]


def add_legend(figure: Figure, frames: Sequence[Axes], free: Sequence[Axes]) -> None:
    """Put one legend for all frames beside them, or where one is left over; of one line, none."""
    handles: dict[str, Artist] = {}
    for frame in frames:
        for handle, label in zip(*frame.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    shown = list(handles.values()), list(handles)
    if len(handles) > 1 and free:
        free[0].legend(*shown, loc="center")
    elif len(handles) > 1:
        width = INCHES_OF_HANDLE + INCHES_PER_LETTER * max(map(len, handles))
        figure.set_figwidth(figure.get_figwidth() + width)
        figure.legend(*shown, loc="outside right center")


def finish(figure: Figure, stem: Path, title: str, note: str) -> None:
    """Write title and note around a figure, and save it."""
    figure.suptitle(title, fontweight="bold", fontsize=10)
    width = int(21 * figure.get_figwidth())
    figure.supxlabel(textwrap.fill(note, width), fontsize=6, color="0.4")
    save(figure, stem)


def draw_against(
    stem: Path, results: list[Result], axes: tuple[str, ...], experiment: Experiment, note: str
) -> bool:
    """Draw the PSNR against the swept number, a frame for each image, a line for each setting.

    Several seeds are drawn as their mean, with bars of one standard deviation.

    Args:
        stem: path of the figure without a suffix.
        results: jobs of the experiment.
        axes: settings that keep them apart.
        experiment: which it is.
        note: budget and device, written below.

    Returns:
        Whether there was a number swept, and so a figure.
    """
    swept = [key for key in axes if is_swept_number(results, key)]
    if not swept:
        return False
    x_key, others = swept[-1], [key for key in axes if key != swept[-1]]
    rows = pd.DataFrame(
        {
            "image": r.image,
            "line": ", ".join(f"{k}={format_value(r.setting(k))}" for k in others),
            "x": r.setting(x_key),
            "last": r.run.metrics["psnr"],
            "averaged": r.run.metrics["psnr_average"],
        }
        for r in results
    )
    names = list(rows["line"].unique())
    styles = dict(zip(names, looks(results, others, len(names)), strict=True))
    with mpl.style.context(STYLE):
        figure, frames, free = lay_out(rows["image"].nunique(), x_key)
        for frame, (image, part) in zip(frames, rows.groupby("image", sort=False), strict=True):
            frame.set_title(str(image), fontsize=9)
            for name, line in part.groupby("line", sort=False):
                _draw_means(frame, line, str(name), styles[name]["color"])
        if x_key in LOGARITHMIC:
            frames[0].set_xscale("log", base=LOGARITHMIC[x_key])
            plain_ticks(frames[0].xaxis, sorted(rows["x"].unique()))
        for frame in frames:
            frame.margins(x=0.1)
            frame.tick_params(axis="x", labelsize=9 if len(frames) == 1 else 7)
        figure.supylabel("PSNR (dB), all channels, whole frame", fontsize=9)
        add_legend(figure, frames, free)
        finish(figure, stem, experiment.title, note)
    return True


def _draw_means(frame: Axes, line: pd.DataFrame, name: str, colour: Any) -> None:
    for method, style in (("last", "o-"), ("averaged", "s--")):
        means = line.groupby("x")[method].agg(["mean", "std"]).fillna(0)
        label = ", ".join(filter(None, (name, method)))
        y = means["mean"]
        frame.errorbar(y.index, y, means["std"], fmt=style, markersize=4, color=colour, label=label)
