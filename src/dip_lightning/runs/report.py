"""The result folder: images, metrics.json and the comparison."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch.nn.functional as F
from torch import Tensor

from dip_lightning.images import Format, Picture, preview, with_beyond, write_png, write_tiff
from dip_lightning.metrics import GRAY, RGB, Scores
from dip_lightning.outcome import Outcome
from dip_lightning.prior.problem import Problem
from dip_lightning.runs import ownership
from dip_lightning.runs.figure import Panel, draw_comparison
from dip_lightning.runs.naming import counted

DEEPEST = 2.0**16 - 1
WHITE = 0.1  # standard deviation that uncertainty.png shows in white, the range of the data being 1


def write_metrics(folder: Path, values: dict[str, Any]) -> None:
    """Write metrics.json in one step, so that a reader never sees half of it."""
    text = json.dumps(_finite(values), indent=2, allow_nan=False) + "\n"
    ownership.write(folder / "metrics.json", text.encode())


def write_observed(folder: Path, problem: Problem, picture: Picture) -> None:
    """Write observed.png and, where there is one, the mask as it was understood."""
    alpha = picture.alpha
    pixels = problem.as_stored(problem.shown().cpu())
    same = alpha is not None and alpha.shape[-2:] == pixels.shape[-2:]
    observed = replace(picture, pixels=pixels, alpha=alpha if same else None)
    beyond = None if picture.beyond is None else problem.as_stored(picture.beyond)
    stored = replace(observed, pixels=with_beyond(observed.pixels, beyond))
    _write_png(folder / "observed.png", stored)
    _write_for_the_eye(folder / "snapshots" / "observed.png", observed)
    if problem.mask is not None:
        _write_png(folder / "mask.png", Picture(mask_shown(problem.mask), None, Format()))


def _write_png(path: Path, picture: Picture) -> None:
    with ownership.writing(path) as partial:
        write_png(partial, picture)


def mask_shown(m: Tensor) -> Tensor:
    """Return a mask as gray or RGB: white where the pixel, or its channel, is known."""
    m = m.cpu()
    return m if m.shape[1] in {GRAY, RGB} else m.amin(1, keepdim=True)


def _write_for_the_eye(path: Path, picture: Picture) -> None:
    """Write the range that was fitted in 8 bits, where the stored values themselves look black."""
    if not picture.format.is_whole:
        path.parent.mkdir(exist_ok=True)
        _write_png(path, replace(picture, format=Format()))


def write_images(folder: Path, picture: Picture, outcome: Outcome) -> None:
    """Write restored.png (and restored.tif for a TIFF)."""
    pixels = outcome.chosen.pixels
    restored = replace(picture, pixels=pixels, alpha=_restored_alpha(picture, pixels.shape[-2:]))
    _write_for_the_eye(folder / "snapshots" / "restored.png", restored)
    restored = replace(restored, pixels=with_beyond(pixels, picture.beyond))
    _write_png(folder / "restored.png", restored)
    if picture.format.tiff:
        with ownership.writing(folder / "restored.tif") as partial:
            write_tiff(partial, restored)


def write_classical(folder: Path, outcome: Outcome) -> None:
    """Write snapshots/classical.png, 8 bits for the eye: what the usual classical method makes."""
    for classical in outcome.baselines[:1]:
        path = folder / "snapshots" / "classical.png"
        path.parent.mkdir(exist_ok=True)
        _write_png(path, Picture(preview(classical.pixels), None, Format()))


def write_uncertainty(folder: Path, outcome: Outcome) -> None:
    """Write uncertainty.png: the outputs' standard deviation, white where it is a tenth or more."""
    std = outcome.std.mean(1, keepdim=True)
    _write_png(folder / "uncertainty.png", Picture((std / WHITE).clamp(max=1), None, Format()))


def write_kernel(folder: Path, problem: Problem) -> None:
    """Write kernel.png, where a kernel was found: 16 bits, its greatest weight white."""
    kernel = problem.found_kernel
    if kernel is not None:
        pixels = (kernel / kernel.max()).cpu()[None, None]
        deep = Format("uint16", high=(DEEPEST,))
        _write_png(folder / "kernel.png", Picture(pixels, None, deep))


def write_comparison(folder: Path, problem: Problem, outcome: Outcome, iterations: int) -> None:
    """Write comparison.png: the observation, a classical method, the result, the ground truth."""
    with ownership.writing(folder / "comparison.png") as partial:
        draw_comparison(partial, _panels(problem, outcome, iterations), problem.frame[1:])


def _panels(problem: Problem, outcome: Outcome, iterations: int) -> list[Panel]:
    panels = [Panel("Observed", _note(outcome.observed.scores), outcome.observed.pixels)]
    if problem.mask is not None:
        missing = 100 * (1 - float(problem.mask.mean()))
        panels.append(Panel("Mask", f"black: missing, {missing:.1f} %", mask_shown(problem.mask)))
    titled = [(row.name[:1].upper() + row.name[1:], row) for row in outcome.baselines[:1]]
    if problem.found_kernel is not None:
        panels.append(_of_kernel(problem.found_kernel, problem.frame[1:]))
    how = " combined" if outcome.output == "combined" else ""
    titled.append((f"Deep image prior{how}, {counted(iterations, 'iteration')}", outcome.chosen))
    panels += [Panel(title, _note(row.scores), row.pixels) for title, row in titled]
    truth = [] if problem.x is None else [Panel("Ground truth", "", problem.x.cpu())]
    return [*panels, *truth]


def _of_kernel(kernel: Tensor, size: tuple[int, int]) -> Panel:
    """Show a kernel as large as it fits into a panel, in whole pixels, on black."""
    high, wide = kernel.shape
    shown = (kernel / kernel.max()).cpu()[None, None]
    times = max(1, min(size[0] // high, size[1] // wide))
    shown = F.interpolate(shown, scale_factor=times, mode="nearest")
    rows, columns = (n - side for n, side in zip(size, shown.shape[2:], strict=True))
    around = (columns // 2, columns - columns // 2, rows // 2, rows - rows // 2)
    return Panel("Kernel found", f"{wide} x {high} pixels", F.pad(shown, around))


def _note(scores: Scores) -> str:
    if scores.psnr is None:
        return ""
    structure = "" if scores.ssim is None else f", SSIM {scores.ssim:.3f}"
    return f"PSNR {scores.psnr:.2f} dB{structure}"


def _restored_alpha(picture: Picture, size: tuple[int, ...]) -> Tensor | None:
    alpha = picture.alpha
    if alpha is None or alpha.shape[-2:] == size:
        return alpha
    return F.interpolate(alpha, list(size), mode="bicubic", align_corners=False).clamp(0, 1)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None  # JSON has neither
    return value
