"""The default beside another library's deep image prior: deepinv's, with its own decoder.

Both restore the same observation on the same machine, one after the other. deepinv's network and
settings are those of its documentation's example (ConvDecoder, 64 channels, input of 2 x 2, Adam,
lr 0.01, 100 iterations), and the same fit goes on to the 2500 iterations that are its class's
default, or for as long as is looked at. Its PSNR is that of the last iterate, clipped to [0, 1], as
that is what it returns; the time to measure it is left out.
"""

import math
import time
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from statistics import mean
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks import quality_fit
from benchmarks.time_to_quality import Curve, at
from benchmarks.time_to_quality_tables import Case, Method
from dip_lightning import compute, metrics
from dip_lightning.prior.problem import Problem

SECONDS = (10.0, 30.0, 60.0, 120.0, 300.0)
CHANNELS, IN_SIZE, LR = 64, (2, 2), 0.01  # of its documentation's example
SHORT, LONG = 100, 2500  # iterations: of that example, of its class


class _EnoughError(Exception):
    """The fit has been looked at for long enough."""


def missing() -> str | None:
    """Return why there is no peer; None: there is."""
    try:
        import deepinv  # noqa: F401
    except ImportError as error:
        return f"needs deepinv 0.5 (pip install deepinv==0.5.0), which cannot be imported: {error}"
    return None


def compare(name: str, case: str, settings: list[str], folder: Path) -> Case:
    """Restore the image of a case by both.

    Args:
        name: of the comparison.
        case: `set/image`.
        settings: key=value besides the case's own, for ours.
        folder: gets our restored.png and curve.

    Raises:
        UserError: a setting is not allowed, or a file cannot be used.
    """
    result, history = quality_fit.restored(case, settings, folder)
    curve = [(float(r["seconds"]), float(r["psnr_average"])) for r in history.rows]
    times = [at([*curve, (result.seconds, result.result)], limit) for limit in SECONDS]
    ours = Method("dip_lightning", times, result.result, result.seconds, result.highest)
    job = quality_fit.opened(case, settings)
    device = compute.find_device(job.config.device)
    found = curve_of_deepinv(job.problem.to(device), max(SECONDS))
    short = method(f"deepinv, {SHORT} iterations", found, SHORT)
    return Case(name, [ours, short, method(f"deepinv, {LONG} iterations", found, LONG)])


def method(name: str, curve: Curve, iterations: int) -> Method:
    """Describe the first iterations of a curve; a fit that was cut short has no end.

    Args:
        name: of the method.
        curve: a point for each iteration.
        iterations: of the whole fit.
    """
    seen = curve[:iterations]
    is_whole = len(seen) == iterations
    times = [at(seen, limit) for limit in SECONDS]
    steps = [after - before for (before, _), (after, _) in pairwise(seen)]
    took = seen[-1][0] if is_whole else mean(steps) * iterations
    highest = max(psnr for _, psnr in seen)
    return Method(name, times, seen[-1][1] if is_whole else None, took, highest)


def curve_of_deepinv(problem: Problem, seconds: float, iterations: int = LONG) -> Curve:
    """Fit by deepinv, for so many iterations or seconds; seconds and PSNR after each iteration.

    Args:
        problem: what is asked, with the truth.
        seconds: after which the fit is cut short, but not before its example's iterations.
        iterations: of the fit.
    """
    from deepinv.models import ConvDecoder, DeepImagePrior

    torch.manual_seed(0)
    x, curve, measured, start = problem.x, [], 0.0, math.nan
    assert x is not None  # noqa: S101 - every case has a truth

    def look(_: nn.Module, __: Any, output: Tensor) -> None:
        # The network is called before each step, and once more for the result.
        nonlocal measured, start
        if x.is_cuda:  # else what is still being computed would count as measuring
            torch.cuda.synchronize()
        now = time.perf_counter()
        start = now if math.isnan(start) else start
        curve.append((now - start - measured, metrics.psnr(output.detach().clamp(0, 1), x)))
        measured += time.perf_counter() - now
        if curve[-1][0] > seconds and len(curve) > SHORT:
            raise _EnoughError

    network = ConvDecoder(img_size=problem.shape, in_size=IN_SIZE, channels=CHANNELS).to(x.device)
    network.register_forward_hook(look)
    prior = DeepImagePrior(network, (CHANNELS, *IN_SIZE), iterations=iterations, learning_rate=LR)
    with suppress(_EnoughError):
        prior(problem.y, physics(problem))
    return curve[1:]  # what the first call gives was not fitted


def physics(problem: Problem) -> Any:
    """Return deepinv's operator of a problem."""
    from deepinv.physics import Denoising, Inpainting

    if problem.mask is None:
        return Denoising()
    return Inpainting(problem.shape, mask=problem.mask[0], device=problem.y.device)
