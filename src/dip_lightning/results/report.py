"""The result folder: images, metrics.json, the comparison, and the table on the terminal."""

import json
import math
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from dip_lightning.callbacks import History
from dip_lightning.config import value_of
from dip_lightning.images import Format, Picture, write_png, write_tiff
from dip_lightning.metrics import GRAY, RGB, Scores, psnr_where, score
from dip_lightning.results import ownership
from dip_lightning.results.figure import Panel, draw_comparison
from dip_lightning.results.naming import counted
from dip_lightning.tasks.base import RestorationTask

MOST_UNKNOWNS = 1_000_000
NO_SCORES = Scores()


@dataclass(frozen=True)
class Measured:
    """An image and how good it is.

    Attributes:
        name: what it is called in the table.
        pixels: (1, C, H, W), in [0, 1].
        scores: against the ground truth; all None without one.
        seconds: how long it took to compute, where that was measured.
    """

    name: str
    pixels: Tensor
    scores: Scores
    seconds: float | None = None


@dataclass(frozen=True)
class Outcome:
    """What a job ends with.

    Attributes:
        observed: the observation.
        baselines: what classical methods make of it, the usual one first.
        last: the last iterate.
        average: the averaged output.
    """

    observed: Measured
    baselines: list[Measured]
    last: Measured
    average: Measured

    @property
    def rows(self) -> list[Measured]:
        """The lines of the table, from top to bottom."""
        return [self.observed, *self.baselines, self.last, self.average]


def measure(task: RestorationTask, *, with_baselines: bool = True) -> Outcome:
    """Measure the observation and both outputs, beside the classical methods' where wanted."""
    x, factor, m = task.x, task.config.factor, task.mask

    def measured(name: str, pixels: Tensor, seconds: float | None = None) -> Measured:
        comparable = x is not None and pixels.shape == x.shape
        scores = score(pixels, value_of(x), factor, m) if comparable else NO_SCORES
        return Measured(name, pixels.cpu(), scores, seconds)

    baselines, wanted = [], with_baselines and baselines_are_affordable(task)
    for name, compute in task.baselines().items() if wanted else ():
        start = time.perf_counter()
        pixels = compute()
        baselines.append(measured(name, pixels, time.perf_counter() - start))
    return Outcome(
        measured("observed", task.y),
        baselines,
        measured("DIP last", task.x_hat),
        measured("DIP averaged", task.x_average),
    )


def baselines_are_affordable(task: RestorationTask) -> bool:
    """Say whether the classical methods take less than about a minute and a gigabyte or two.

    Biharmonic inpainting solves a linear system with an unknown for each missing pixel.
    """
    m = task.mask
    if m is None or float((1 - m).sum()) <= MOST_UNKNOWNS:
        return True
    print(f"baselines: left out, more than {MOST_UNKNOWNS:,} pixels are missing", flush=True)
    return False


def metrics(
    task: RestorationTask, history: History, outcome: Outcome, facts: dict[str, Any]
) -> dict[str, Any]:
    """Collect everything that is known about a finished job; None where it is not defined."""
    last, average = asdict(outcome.last.scores), asdict(outcome.average.scores)
    return {
        **facts,
        "task": task.config.task,
        "image": task.config.name,
        "network": task.config.network["name"],
        "preset": task.config.preset,
        "study": task.config.study,
        "budget": task.config.budget,
        "size": list(task.shape),
        "cropped": task.given.is_cropped,
        **{
            f"{name}{suffix}": scores[name]
            for name in last
            for suffix, scores in (("", last), ("_average", average))
        },
        "psnr_holdout": _psnr_holdout(task),
        "psnr_best": history.psnr_best,
        "iteration_best": history.iteration_best,
        "observed": asdict(outcome.observed.scores),
        "baselines": [
            {"name": row.name, "seconds": row.seconds, **asdict(row.scores)}
            for row in outcome.baselines
        ],
        "loss": task.iterates[-1].loss if task.iterates else None,
        "iterations": task.iteration,
        "seconds": history.seconds,
        "iterations_per_second": task.iteration / history.seconds if history.seconds else None,
        "seed": task.config.seed,
        "parameters": sum(p.numel() for p in task.generator.parameters()),
    }


def _psnr_holdout(task: RestorationTask) -> float | None:
    """Compare A(result) with the pixels of y that the loss has not seen."""
    held_out = task.held_out()
    if held_out is None:
        return None
    result = task.x_average if task.config.output == "average" else task.x_hat
    with torch.no_grad():
        return psnr_where(task.A(result), task.y, held_out)


def write_result(
    folder: Path,
    task: RestorationTask,
    picture: Picture,
    outcome: Outcome,
    values: dict[str, Any],
) -> None:
    """Write the images, then metrics.json, which says that they are there."""
    write_observed(folder, task, picture)  # once more: the folder may be a new one
    write_images(folder, task, picture, outcome)
    write_metrics(folder, values)


def write_metrics(folder: Path, values: dict[str, Any]) -> None:
    """Write metrics.json in one step, so that a reader never sees half of it."""
    text = json.dumps(_finite(values), indent=2, allow_nan=False) + "\n"
    ownership.write(folder / "metrics.json", text.encode())


def write_observed(folder: Path, task: RestorationTask, picture: Picture) -> None:
    """Write observed.png and, where there is one, the mask as it was understood."""
    alpha = picture.alpha
    same = alpha is not None and alpha.shape[-2:] == task.y.shape[-2:]
    observed = replace(picture, pixels=task.y.cpu(), alpha=alpha if same else None)
    _write_png(folder / "observed.png", with_beyond(observed, picture.beyond))
    _write_for_the_eye(folder / "snapshots" / "observed.png", observed)
    if task.mask is not None:
        _write_png(folder / "mask.png", Picture(mask_shown(task.mask), None, Format()))


def _write_png(path: Path, picture: Picture) -> None:
    with ownership.writing(path) as partial:
        write_png(partial, picture)


def mask_shown(m: Tensor) -> Tensor:
    """Return a mask as gray or RGB: white where the pixel, or its channel, is known."""
    m = m.cpu()
    return m if m.shape[1] in {GRAY, RGB} else m.amin(1, keepdim=True)


def with_beyond(picture: Picture, beyond: Tensor | None) -> Picture:
    """Add what the observed image holds outside the range that was fitted, enlarged with it."""
    if beyond is None:
        return picture
    if beyond.shape[-2:] != picture.size:
        beyond = F.interpolate(beyond, picture.size, mode="bilinear", align_corners=False)
    return replace(picture, pixels=picture.pixels + beyond)


def _write_for_the_eye(path: Path, picture: Picture) -> None:
    """Write the range that was fitted in 8 bits, where the stored values themselves look black."""
    if not picture.format.is_whole:
        path.parent.mkdir(exist_ok=True)
        _write_png(path, replace(picture, format=Format()))


def write_images(folder: Path, task: RestorationTask, picture: Picture, outcome: Outcome) -> None:
    """Write restored.png (and restored.tif for a TIFF) and comparison.png."""
    chosen = outcome.average if task.config.output == "average" else outcome.last
    restored = replace(picture, pixels=chosen.pixels, alpha=_restored_alpha(task, picture))
    _write_for_the_eye(folder / "snapshots" / "restored.png", restored)
    restored = with_beyond(restored, picture.beyond)
    _write_png(folder / "restored.png", restored)
    if picture.format.tiff:
        with ownership.writing(folder / "restored.tif") as partial:
            write_tiff(partial, restored)
    with ownership.writing(folder / "comparison.png") as partial:
        draw_comparison(partial, _panels(task, outcome, chosen), task.shape[1:])


def _panels(task: RestorationTask, outcome: Outcome, chosen: Measured) -> list[Panel]:
    panels = [Panel("Observed", _note(outcome.observed.scores), outcome.observed.pixels)]
    if task.mask is not None:
        missing = 100 * (1 - float(task.mask.mean()))
        panels.append(Panel("Mask", f"black: missing, {missing:.1f} %", mask_shown(task.mask)))
    titled = [(row.name[:1].upper() + row.name[1:], row) for row in outcome.baselines[:1]]
    titled.append((f"Deep image prior, {counted(task.iteration, 'iteration')}", chosen))
    panels += [Panel(title, _note(row.scores), row.pixels) for title, row in titled]
    truth = [] if task.x is None else [Panel("Ground truth", "", task.x.cpu())]
    return [*panels, *truth]


def format_table(outcome: Outcome) -> str:
    """Lay out the table for a terminal; a dash where a metric is not defined."""
    rows = outcome.rows
    width = max(len(row.name) for row in rows)
    lines = [f"{'':{width}}  PSNR (dB)  PSNR-Y (dB)    SSIM"]
    for row in rows:
        s = row.scores
        cells = (_cell(s.psnr, 9, 2), _cell(s.psnr_y, 11, 2), _cell(s.ssim, 6, 4))
        lines.append(f"{row.name:{width}}  {'  '.join(cells)}")
    return "\n".join(lines)


def _cell(value: float | None, width: int, digits: int) -> str:
    return f"{'-' if value is None else format(value, f'.{digits}f'):>{width}}"


def _note(scores: Scores) -> str:
    if scores.psnr is None:
        return ""
    structure = "" if scores.ssim is None else f", SSIM {scores.ssim:.3f}"
    return f"PSNR {scores.psnr:.2f} dB{structure}"


def _restored_alpha(task: RestorationTask, picture: Picture) -> Tensor | None:
    alpha = picture.alpha
    if alpha is None:
        return None
    if task.given.m_is_alpha:
        return alpha.new_ones(alpha.shape)
    if alpha.shape[-2:] != task.shape[1:]:
        return F.interpolate(alpha, task.shape[1:], mode="bicubic", align_corners=False).clamp(0, 1)
    return alpha


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None  # JSON has neither
    return value
