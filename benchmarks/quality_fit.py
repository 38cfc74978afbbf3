"""One case of benchmarks/quality.py: fitted as the command does, compared with the truth."""

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import Callback, Trainer
from torch import Tensor

import dip_lightning
from benchmarks.quality_sets import SETS, filled
from benchmarks.quality_tables import Result
from dip_lightning import compute, metrics, outcome, tasks
from dip_lightning.building import build_prior
from dip_lightning.callbacks import History, Progress
from dip_lightning.cli.composing import Source, to_config
from dip_lightning.cli.fitting import fit
from dip_lightning.cli.run import quiet_lightning
from dip_lightning.config import Config, value_of
from dip_lightning.errors import UserError
from dip_lightning.images import Picture, read
from dip_lightning.images.collections import find_image
from dip_lightning.loading import load
from dip_lightning.outcome import Fitted, Measured
from dip_lightning.prior.deep_image_prior import DeepImagePrior
from dip_lightning.prior.problem import Problem
from dip_lightning.prior.stopping import EVERY
from dip_lightning.runs import report
from dip_lightning.runs.checkpoint import Identity, fingerprints


class Highest(Callback):
    """Remember the best averaged output on the way, which only who knows the truth could keep.

    Args:
        score: what to measure, dB.

    Attributes:
        psnr: of the best, dB; None before the first look.
        iteration: of the best.
    """

    def __init__(self, score: Callable[[Tensor], float | None]) -> None:
        self.score = score
        self.psnr: float | None = None
        self.iteration = 0

    def on_train_batch_end(self, _: Trainer, prior: DeepImagePrior, *__: object) -> None:
        """Look after every tenth iteration and at the end."""
        if prior.iteration % EVERY and not prior.is_over:
            return
        found = self.score(prior.problem.framed(prior.x_average))
        if found is not None and (self.psnr is None or found > self.psnr):
            self.psnr, self.iteration = found, prior.iteration


@dataclass(frozen=True)
class Job:
    """A case as it is asked.

    Attributes:
        config: of the command.
        picture: the image as stored.
        problem: what is asked, with the truth, which only measurements read.
        z: image to use as input of the network; None: drawn.
        metric: a key of metrics.json, dB.
    """

    config: Config
    picture: Picture
    problem: Problem
    z: Tensor | None
    metric: str

    def score(self, pixels: Tensor) -> float | None:
        """Measure an image on the device where it is, dB."""
        assert self.problem.x is not None  # noqa: S101 - every case has a truth
        x = self.problem.x.to(pixels.device)
        found: float | None = getattr(metrics, self.metric)(pixels, x)
        return found


def arguments(case: str, settings: list[str]) -> list[str]:
    """Write a case's arguments of the command.

    Args:
        case: `set/image`.
        settings: key=value besides the case's own.

    Raises:
        UserError: an image is not there.
    """
    group, image = case.split("/")
    of = SETS[group]
    given = [f"image={filled(of.clean, image)}"]
    if of.observed:
        given = [f"observed='{find_image(filled(of.observed, image), 'observed')}'"]
    if of.kernel:
        given.append(f"kernel='{find_image(filled(of.kernel, image), 'kernel')}'")
    for name in of.sides.keys() & image.split("_"):
        given.append(f"kernel_size={of.sides[name]}")
    return [*of.keys, *given, "logger=none", *settings]


def composed(case: str, settings: list[str]) -> Config:
    """Compose a case's configuration, as `arguments` of the command.

    Raises:
        UserError: a setting is not allowed, or an image is not there.
    """
    return to_config(Source().compose(arguments(case, settings)))


def device_of(settings: list[str]) -> str:
    """Return what the settings say of the device, as the command's key.

    Raises:
        UserError: a setting is not allowed.
    """
    return to_config(Source().compose(["logger=none", *settings])).device


def version(case: str, settings: list[str]) -> str:
    """Return a checksum of all settings that a case's result depends on."""
    identity = composed(case, settings).identity() | {"observed": case}  # no path of this machine
    if SETS[case.partition("/")[0]].kernel:
        identity["kernel"] = case
    text = json.dumps([dip_lightning.__version__, identity], sort_keys=True, default=str)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def opened(case: str, settings: list[str]) -> Job:
    """Read a case's files.

    Raises:
        UserError: a setting is not allowed, or a file cannot be used.
    """
    group, image = case.split("/")
    of, config = SETS[group], composed(case, settings)
    picture, given = load(config)
    if given.kernel is not None and Path(value_of(config.kernel)).stem in of.turned:
        given = replace(given, kernel=given.kernel.flip(0, 1))
    problem = tasks.problem(given, vars(config))
    if given.x is not None:
        picture = picture.without(problem.margins)
    if of.truth:
        truth = read(find_image(filled(of.truth, image), "truth"), "truth")
        if config.max_side is not None:
            truth = truth.part(*truth.middle(config.max_side))
        problem.x = truth.pixels
        if problem.x.shape != (1, *problem.frame):
            raise UserError(f"{case}: the truth is {tuple(problem.x.shape)}, not as the image")
    return Job(config, picture, problem, given.z, of.metric)


def prepare(config: Config) -> None:
    """Set the process up as the command does."""
    compute.keep_freed_memory()
    compute.keep_float32()
    quiet_lightning()
    torch.set_num_threads(config.threads or compute.ALL_THREADS)


def fitted(job: Job, folder: Path) -> tuple[Fitted, History, Highest]:
    """Fit a case as the command does; history.csv and last.ckpt go to the folder."""
    config, device = job.config, compute.find_device(job.config.device)
    prior = build_prior(config, job.problem, job.z)
    given = fingerprints(job.problem, None, job.z)
    identity = Identity(config.identity(), given, prior.computed(device))
    highest = Highest(job.score)
    around = [highest, Progress(config.iterations)]
    history = fit(prior, config, identity, folder, around, device=device)
    return Fitted.of(prior), history, highest


def restored(case: str, settings: list[str], folder: Path) -> tuple[Result, History]:
    """Restore a case's image and compare all that there is with the truth.

    Args:
        case: `set/image`.
        settings: key=value besides the case's own.
        folder: gets restored.png, comparison.png and history.csv.

    Returns:
        What was measured; the curve of the fit.

    Raises:
        UserError: a setting is not allowed, or a file cannot be used.
    """
    job = opened(case, settings)
    if job.score(job.problem.stand_in()) is None:
        raise UserError(f"{case}: the image is too small for {job.metric}")
    prepare(job.config)
    folder.mkdir(parents=True, exist_ok=True)
    start = time.perf_counter()
    found_by_fit, history, highest = fitted(job, folder)
    problem = job.problem.cpu()
    found = outcome.measure(problem, found_by_fit, job.config.output)
    seconds = time.perf_counter() - start
    report.write_images(folder, job.picture, found)
    report.write_comparison(folder, problem, found, found_by_fit.iteration)

    def score(row: Measured) -> Any:
        is_comparable = problem.x is not None and row.pixels.shape == problem.x.shape
        return job.score(row.pixels) if is_comparable else None

    return Result(
        case=case,
        version=version(case, settings),
        observed=score(found.observed),
        classical={row.name: score(row) for row in found.baselines},
        fit=score(found.average),
        result=score(found.chosen),
        made=found.chosen.name,
        highest=highest.psnr,
        highest_at=highest.iteration,
        seconds=seconds,
        iterations=found_by_fit.iteration,
    ), history
