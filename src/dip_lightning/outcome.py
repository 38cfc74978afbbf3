"""What a fit ends with, measured: the result beside the observation and the classical methods."""

import time
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

import torch
from torch import Tensor

from dip_lightning.baselines.filling import MOST_UNKNOWNS
from dip_lightning.metrics import Scores, psnr_where, score
from dip_lightning.prior.deep_image_prior import DeepImagePrior
from dip_lightning.prior.health import of_given, of_losses, of_output
from dip_lightning.prior.outputs import Outputs
from dip_lightning.prior.problem import Problem

NO_SCORES = Scores()


@dataclass
class Fitted:
    """Where a fit, or the fits of all tiles of an image, ended.

    Attributes:
        outputs: what was computed.
        loss: of the last iteration; None where there was none.
        diagnosis: what is wrong with the course of the loss; see `health.of_losses`.
        iteration: how many iterations were computed.
        is_over: nothing is left to do.
        reached_at: iteration at which only noise was left; None: never.
        diverged_at: iteration whose loss was not finite; None: none.
        network_computed: how, as a word; None: unknown.
        is_combined: the averaged output was combined with a classical method, or with y itself.
        fit_weight: mean weight of the fit against the classical method; None: it is the fit alone.
    """

    outputs: Outputs
    loss: float | None
    diagnosis: str | None
    iteration: int
    is_over: bool
    reached_at: int | None = None
    diverged_at: int | None = None
    network_computed: str | None = None
    is_combined: bool = False
    fit_weight: float | None = None

    @classmethod
    def of(cls, prior: DeepImagePrior) -> Self:
        """Take what a fit has computed so far."""
        loss = prior.iterates[-1].loss if prior.iterates else None
        return cls(
            prior.outputs().cpu(),
            loss,
            None if loss is None else of_losses(prior.loss_first, prior.loss_best, loss),
            prior.iteration,
            prior.is_over,
            prior.discrepancy.reached_at,
            prior.diverged_at,
            prior.network_computed,
            bool(prior.combination.is_done),
            prior.combination.fit_weight,
        )


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
        combined: the averaged output combined with a classical method; None: it was not.
        chosen: which of them is the result.
        output: its name.
        is_polished: similar patches of the combined result were made alike.
        std: how uncertain the result is, (1, C, H, W); see `Outputs`.
    """

    observed: Measured
    baselines: list[Measured]
    last: Measured
    average: Measured
    combined: Measured | None
    chosen: Measured
    output: str
    is_polished: bool
    std: Tensor

    @property
    def rows(self) -> list[Measured]:
        """The lines of the table, from top to bottom."""
        combined = [] if self.combined is None else [self.combined]
        return [self.observed, *self.baselines, self.last, self.average, *combined]


def measure(
    problem: Problem, fitted: Fitted, output: str = "average", *, with_baselines: bool = True
) -> Outcome:
    """Measure the observation, both outputs and, if wanted, those of the classical methods.

    Args:
        problem: what was asked, on the CPU.
        fitted: where the fit ended.
        output: which one is the result, "combined", "average" or "last".
        with_baselines: compute the classical methods.
    """
    x, m, factor = problem.x, problem.mask, problem.scale if problem.scale > 1 else None

    def measured(name: str, pixels: Tensor, seconds: float | None = None) -> Measured:
        if x is None or pixels.shape != x.shape or pixels.is_complex():
            return Measured(name, pixels.cpu(), NO_SCORES, seconds)
        scores = score(*problem.compared(pixels), factor, m)
        return Measured(name, pixels.cpu(), scores, seconds)

    baselines, wanted = [], with_baselines and not problem.takes_long
    if with_baselines and problem.takes_long:
        print(f"baselines: left out, more than {MOST_UNKNOWNS:,} pixels are missing", flush=True)
    for name, compute in problem.baselines().items() if wanted else ():
        start = time.perf_counter()
        pixels = compute()
        baselines.append(measured(name, pixels, time.perf_counter() - start))
    images = fitted.outputs
    last, average = measured("DIP last", images.last), measured("DIP averaged", images.average)
    combined = measured("DIP combined", images.combined) if fitted.is_combined else None
    if output == "combined" and combined is None:
        output = "average"
    chosen = {"combined": combined, "average": average, "last": last}[output]
    assert chosen is not None  # noqa: S101 - see above
    observed = replace(measured("observed", problem.y), pixels=problem.shown().cpu())
    polished = output == "combined" and problem.is_polished
    made = (last, average, combined, chosen, output, polished)
    return Outcome(observed, baselines, *made, images.std)


def metrics(outcome: Outcome, fitted: Fitted) -> dict[str, Any]:
    """Collect what was measured, as in metrics.json; None where it is not defined."""
    measured = {"": outcome.last, "_average": outcome.average, "_result": outcome.chosen}
    return {
        **{
            f"{name}{suffix}": value
            for suffix, image in measured.items()
            for name, value in asdict(image.scores).items()
        },
        "result": outcome.output,
        "fit_weight": fitted.fit_weight,
        "polished": outcome.is_polished,
        "observed": asdict(outcome.observed.scores),
        "baselines": [
            {"name": row.name, "seconds": row.seconds, **asdict(row.scores)}
            for row in outcome.baselines
        ],
        "loss": fitted.loss,
        "iterations": fitted.iteration,
    }


def pointless(problem: Problem) -> str | None:
    """Return what makes a fit pointless before it begins; see `health.of_given`."""
    return of_given(problem.shown() if problem.x is None else problem.x, problem.mask)


def diagnosis(problem: Problem, fitted: Fitted, before: str | None) -> str | None:
    """Return what is wrong with a fit, a word; None: nothing.

    Args:
        problem: what was fitted.
        fitted: where it ended.
        before: what was wrong before it began; see `pointless`.
    """
    if fitted.diverged_at is not None:
        return "not_finite"
    course = fitted.diagnosis or before
    return course or of_output(fitted.outputs.last) or problem.diagnosis()


@torch.no_grad()
def psnr_holdout(problem: Problem, outcome: Outcome, seen: Tensor | None) -> float | None:
    """Compare A(result) with the known values of y that the loss has not seen, dB.

    If A needs x's margins, which the result lacks, with the inner values only.

    Args:
        problem: what was asked.
        outcome: its result.
        seen: which values the loss has seen, 0 or 1, as y; None: all, so nothing can be compared.
    """
    if seen is None:
        return None
    held_out = problem.known_values() - seen
    # Without x's margins, A gives y without margins as wide.
    y, held_out = problem.framed(problem.y), problem.framed(held_out)
    return psnr_where(problem.A(outcome.chosen.pixels), y, held_out)


def noise(problem: Problem, discrepancy: float | None) -> dict[str, Any]:
    """Say at which noise a fit was to end, as in metrics.json; None: at none.

    Args:
        problem: what was asked.
        discrepancy: share of its power.
    """
    if discrepancy == 0 or problem.y_noise_std is None:
        return {"y_noise_std": None, "peak": None, "noise_level": None}
    level = "told" if problem.noise_is_told else "estimated"
    return {"y_noise_std": problem.y_noise_std, "peak": problem.peak, "noise_level": level}


def stopping(problem: Problem, fitted: Fitted) -> str | None:
    """Say what ended a fit.

    Args:
        problem: what was asked.
        fitted: where the fit ended.

    Returns:
        "noise level"; "noise level and bend", for noise that is not white; "iterations", the last
        one; None if it was not over.
    """
    if not fitted.is_over:
        return None
    if fitted.reached_at is None:
        return "iterations"
    return "noise level" if problem.noise_is_white else "noise level and bend"


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
