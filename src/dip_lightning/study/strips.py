"""Strips of images: what an experiment's jobs were given, and what they made of it."""

import hashlib
import sys
import textwrap
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image as PillowImage

from dip_lightning.files import reason
from dip_lightning.runs.run import snapshots
from dip_lightning.study.figures import STYLE, save
from dip_lightning.study.results import Result, format_value

PANEL = 1.9  # inches
LINE, GAP = 0.13, 0.25  # inches, of a title, and around an image
STAGES = 6  # iterations in a strip
TITLE_LETTERS = 30  # in a line over a panel

Row = list[tuple[str, Path]]  # titles and image files


def draw_strip(stem: Path, results: list[Result], axes: tuple[str, ...], note: str) -> bool:
    """Put results beside the ground truth, the observation and the classical method.

    There is a row for each observation, with the first seed of each setting.

    Args:
        stem: path of the figure without a suffix.
        results: jobs of the experiment.
        axes: settings that keep them apart.
        note: budget and device, written below.

    Returns:
        Whether any job has its images, and so a figure.
    """
    rows: dict[tuple[str, str], Row] = {}
    for (image, settings), result in _first_seeds(results, axes).items():
        if not (result.run.folder / "observed.png").is_file():
            continue  # a result whose numbers alone were brought home
        observed = hashlib.sha256((result.run.folder / "observed.png").read_bytes()).hexdigest()
        truth = (_titled(image, "ground truth"), _truth(result))
        row = rows.setdefault((image, observed), [truth, *_given(result)])
        text = _titled(settings or "deep image prior", result.run.metrics.get("psnr_result"))
        row.append((text, result.run.folder / "restored.png"))
    if rows:
        _draw_rows(stem, list(rows.values()), f"restored.png and its PSNR; {note}")
    return bool(rows)


def draw_stages(stem: Path, results: list[Result], axes: tuple[str, ...], note: str) -> bool:
    """Show the averaged output over the iterations, beside what the job was given.

    There is a row for the first seed of each image and setting.

    Args:
        stem: path of the figure without a suffix.
        results: jobs of the experiment.
        axes: settings that keep them apart.
        note: budget and device, written below.

    Returns:
        Whether there was something to draw: previews in `snapshots/`.
    """
    rows = []
    for (image, settings), result in _first_seeds(results, axes).items():
        shown = snapshots(result.run.folder)
        if not shown:
            continue
        name = ", ".join(filter(None, (image, settings)))
        # Spread evenly over what there is, the first and the last included.
        chosen = np.unique(np.linspace(0, len(shown) - 1, STAGES).round().astype(int))
        stages = [(f"iteration {int(shown[index].stem)}", shown[index]) for index in chosen]
        rows.append([(_titled(name, "ground truth"), _truth(result)), *_given(result), *stages])
    if rows:
        _draw_rows(stem, rows, f"averaged output on the way; {note}")
    return bool(rows)


def _first_seeds(results: list[Result], axes: tuple[str, ...]) -> dict[tuple[str, str], Result]:
    first: dict[tuple[str, str], Result] = {}
    for result in results:
        settings = ", ".join(f"{key}={format_value(result.setting(key))}" for key in axes)
        first.setdefault((result.image, settings), result)
    return first


def _truth(result: Result) -> Path:
    return result.run.folder / "snapshots" / "truth.png"


def _given(result: Result) -> Row:
    """List the observation, and what the usual classical method makes of it."""
    folder, metrics = result.run.folder, result.run.metrics
    observed = _titled("observed", metrics.get("observed", {}).get("psnr"))
    row = [(observed, folder / "observed.png")]
    for classical in metrics.get("baselines", ())[:1]:
        title = _titled(classical["name"], classical.get("psnr"))
        row.append((title, folder / "snapshots" / "classical.png"))
    return row


def _titled(name: str, below: Any) -> str:
    """Title a panel: its name, and below it words or a PSNR, if there is one."""
    text = textwrap.fill(name, TITLE_LETTERS)
    if below is None:
        return text
    return f"{text}\n{below if isinstance(below, str) else format(below, '.2f') + ' dB'}"


def _draw_rows(stem: Path, rows: list[Row], note: str) -> None:
    """Draw rows of titled images, and a note below."""
    columns = max(map(len, rows))
    lines = 1 + max(text.count("\n") for row in rows for text, _ in row)
    height = PANEL + LINE * lines + GAP
    with mpl.style.context(STYLE):
        figure = Figure(figsize=(PANEL * columns, height * len(rows) + 0.3))
        frames = figure.subplots(len(rows), columns, squeeze=False)
        for line, row in zip(frames, rows, strict=True):
            for frame in line:
                frame.set_axis_off()
            for frame, (text, image) in zip(line, row, strict=False):
                _show(frame, text, image)
        figure.supxlabel(textwrap.fill(note, 42 * columns), fontsize=6, color="0.4")
        save(figure, stem)


def _show(frame: Axes, text: str, path: Path) -> None:
    frame.set_title(text, fontsize=7)
    try:
        with PillowImage.open(path) as image:
            shown = image.convert("RGB")  # on the range of its type: a black result is black
    except OSError as error:  # one lost file leaves the other panels as they are
        print(f"warning: panel left empty: {path}: {reason(error)}", file=sys.stderr)
        return
    frame.imshow(shown, interpolation="nearest")
