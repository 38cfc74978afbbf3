"""One job: load, build, fit, report; the only place that wires everything together."""

import logging
import sys
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning.loggers import Logger
from torch import Tensor

from dip_lightning import __version__, compute, outcome, tasks
from dip_lightning.building import check_memory, describe_network
from dip_lightning.callbacks import History, Stopping
from dip_lightning.callbacks.loggers import (
    close_logger,
    how_to_upload,
    log_result,
    open_logger,
)
from dip_lightning.cli.fitting import Whole
from dip_lightning.cli.tiling import Tiling, grid_of
from dip_lightning.compute import acceleration, memory
from dip_lightning.config import Config
from dip_lightning.files import shown_path
from dip_lightning.generators.inputs import check_input
from dip_lightning.images import Format, Picture, describe_noise
from dip_lightning.loading import checksums, load
from dip_lightning.outcome import Fitted, Outcome
from dip_lightning.prior import health
from dip_lightning.prior.problem import Problem
from dip_lightning.prior.randomness import source
from dip_lightning.prior.tiles import Grid
from dip_lightning.runs import report
from dip_lightning.runs.checkpoint import Identity, fingerprints
from dip_lightning.runs.naming import Place, counted
from dip_lightning.tasks.given import Given

GOAL = "differs from the noisy image by as much as its noise"  # where the fit ends by itself


def run(
    config: Config, place: Place, begin: Callable[[], object], *, goes_on: bool = False
) -> dict[str, Any]:
    """Restore one image and fill its result folder.

    Args:
        config: settings of the job.
        place: result folder and names for the dashboard.
        begin: makes room in the folder; called when all that is given has been read and checked.
        goes_on: from the checkpoint in the folder.

    Returns:
        What metrics.json holds; `signal` is the number of the signal that came, or None.

    Raises:
        UserError: an image cannot be used, the settings do not fit it, or the checkpoint is
            another fit's.
        OSError: the result cannot be written.
    """
    device = _prepare(config)
    picture, given = load(config)
    inputs = checksums(asdict(config))  # before the fit: a file may change while it runs
    with Stopping() as stopping:
        problem = tasks.problem(given, asdict(config))
        if given.x is not None:
            picture = picture.without(problem.margins)
        seen = _hold_out(config, problem)
        work = _work(config, problem, seen, _input(config, problem, given), place.folder, device)
        if goes_on:
            work.find()
        begin()
        report.write_observed(place.folder, problem, picture)
        _announce(config, problem, picture.format, device)
        _explain(pointless := outcome.pointless(problem), config)
        logger = open_logger(config, place)
        fitted, history = work.fit(device, stopping, logger)
        problem, status = problem.cpu(), _status(fitted, stopping)
        found = _measure(config, problem, fitted, status)
        values = {
            **_facts(config, problem, picture.format, device),
            **_numbers(found, fitted, history),
            "cropped": given.is_cropped,
            "psnr_holdout": outcome.psnr_holdout(problem, found, seen),
            "status": status,
            "stopping": outcome.stopping(problem, fitted),
            "diagnosis": outcome.diagnosis(problem, fitted, pointless),
            "inputs": inputs,
            "swept": place.values,
        }
        _write(place.folder, problem, picture, found, values, opaque=given.m_is_alpha)
        log_result(logger, values, place.folder / "comparison.png")
        close_logger(_exit_code(status, stopping))
        with suppress(OSError):  # nobody reads any more; the result is complete
            if values["diagnosis"] != pointless:
                _explain(values["diagnosis"], config)
            _conclude(config, problem, fitted, status, found)
            _say_where(config, problem, picture, place, logger)
    return {**values, "signal": stopping.received}


def _prepare(config: Config) -> torch.device:
    # A sweep runs its jobs in one process: whatever one job sets, the next sets again.
    compute.keep_freed_memory()
    compute.keep_float32()
    quiet_lightning()
    torch.set_num_threads(config.threads or compute.ALL_THREADS)
    device = compute.find_device(config.device)
    acceleration.check(config.accelerate, device, diagnose=config.diagnose)
    return device


def quiet_lightning() -> None:
    """Silence what Lightning says about every fit: the devices it found, advice, adverts."""
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    logging.getLogger("lightning").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", message=".*LeafSpec.*", category=FutureWarning)
    warnings.filterwarnings("ignore", message="GPU available but not used.*")
    warnings.filterwarnings("ignore", message=".*`srun` command is available.*")


def _hold_out(config: Config, problem: Problem) -> Tensor | None:
    if not config.holdout:
        return None
    return problem.hold_out(config.holdout, source("holdout", config.seed))


def _input(config: Config, problem: Problem, given: Given) -> Tensor | None:
    """Cut the image to use as z, which is as large as what was given for x, to the results."""
    if given.z is None:
        return None
    size = problem.frame[1:] if given.x is None else given.x.shape[2:]
    check_input(given.z, config.input_type, (config.input_depth, *size))
    return given.z if given.x is None else problem.framed(given.z)


def _work(
    config: Config,
    problem: Problem,
    seen: Tensor | None,
    z: Tensor | None,
    folder: Path,
    device: torch.device,
) -> Whole | Tiling:
    grid = grid_of(config, problem)
    # Before z, which is many times as large as the image, and what follows from it.
    height, width = (n + 2 * m for n, m in zip(grid.size, problem.margins, strict=True))
    check_memory(config, problem, (height, width), device)
    computed = f"{_precision_name(config, device)} on {device.type}"
    identity = Identity(config.identity(), fingerprints(problem, seen, z), computed)
    if len(grid) > 1:
        return Tiling(config, problem, seen, z, folder, identity)
    return Whole(config, problem, z, folder, identity)


def _explain(diagnosis: str | None, config: Config) -> None:
    if diagnosis not in {None, "not_finite"}:  # the job says by itself where that was
        print(health.explain(str(diagnosis), config.lr), file=sys.stderr)


def _announce(config: Config, problem: Problem, stored: Format, device: torch.device) -> None:
    channels, height, width = problem.frame
    kind = {1: "gray", 3: "RGB"}.get(channels, f"{channels} channels")
    missing = ""
    if problem.mask is not None:
        missing = f", {100 * (1 - float(problem.mask.mean())):.1f} % missing"
    values = ""
    if len(stored.low) > 1:
        values = ", each on its own range"
    elif not stored.is_whole:
        values = f", values {stored.low[0]:g} to {stored.high[0]:g}"
    print(
        f"{config.task}: {config.name}, {width} x {height} {kind}{values}"
        f"{_tiles(grid_of(config, problem))}{missing}; "
        f"network {config.network['name']}, {_parameters(config, problem):,} parameters; "
        f"{'at most ' if _ends(config, problem) else ''}{counted(config.iterations, 'iteration')} "
        f"on {device.type}, {_precision_name(config, device)}",
        flush=True,
    )

    if problem.mask is not None and config.keep_known is None and problem.y_noise_std is not None:
        found = describe_noise(problem.y_noise_std, stored)
        print(
            f"noise of {found} found: known pixels are fitted, too; keep_known=true keeps them",
            file=sys.stderr,
        )


def _parameters(config: Config, problem: Problem) -> int:
    return sum(p.numel() for p in describe_network(config, problem).parameters())


def _tiles(grid: Grid) -> str:
    if len(grid) == 1:
        return ""
    return f" in {len(grid)} tiles of {grid.size[1]} x {grid.size[0]}"


def _precision_name(config: Config, device: torch.device) -> str:
    return str(compute.compute_dtype(config.precision, device)).removeprefix("torch.")


def _status(fitted: Fitted, stopping: Stopping) -> str:
    if fitted.diverged_at is not None:
        return "diverged"
    return "interrupted" if stopping.received is not None and not fitted.is_over else "finished"


def _measure(config: Config, problem: Problem, fitted: Fitted, status: str) -> Outcome:
    whole = status != "interrupted"
    return outcome.measure(problem, fitted, config.output, with_baselines=whole)


def _exit_code(status: str, stopping: Stopping) -> int:
    """Return the status of a command with this job alone; a fit that diverged has a result."""
    if status != "interrupted" or stopping.received is None:
        return 0
    return 128 + stopping.received


def _ends(config: Config, problem: Problem) -> bool:
    return config.discrepancy != 0 and problem.has_goal


def _facts(
    config: Config, problem: Problem, stored: Format, device: torch.device
) -> dict[str, Any]:
    return {
        "data_range": stored.ranges,
        **outcome.noise(problem, config.discrepancy),
        "device": device.type,
        "device_name": compute.device_name(device),
        "threads": torch.get_num_threads(),
        "precision": _precision_name(config, device),
        "peak_memory_bytes": memory.peak_bytes(device),
        "versions": {
            "dip_lightning": __version__,
            "torch": torch.__version__,
            "pytorch_lightning": version("pytorch-lightning"),
        },
        "task": config.task,
        "noise": config.noise,
        "image": config.name,
        "network": config.network["name"],
        "preset": config.preset,
        "study": config.study,
        "budget": config.budget,
        "size": list(problem.frame),
        "seed": config.seed,
        "tiles": len(grid_of(config, problem)),
        "parameters": _parameters(config, problem),
        **problem.findings(),
    }


def _numbers(found: Outcome, fitted: Fitted, history: History) -> dict[str, Any]:
    seconds = history.seconds
    return {
        **outcome.metrics(found, fitted),
        "network_computed": fitted.network_computed,
        "psnr_best": history.psnr_best,
        "iteration_best": history.iteration_best,
        "seconds": seconds,
        "iterations_per_second": fitted.iteration / seconds if seconds else None,
    }


def _write(
    folder: Path,
    problem: Problem,
    picture: Picture,
    found: Outcome,
    values: dict[str, Any],
    *,
    opaque: bool,
) -> None:
    report.write_observed(folder, problem, picture)  # once more: the folder may be a new one
    if picture.alpha is not None and problem.x is None:  # what was transparent is restored
        whole, m = torch.ones_like(picture.alpha), problem.mask
        filled = picture.alpha if m is None else picture.alpha.where(m.amin(1, keepdim=True) > 0, 1)
        picture = replace(picture, alpha=whole if opaque else filled)
    report.write_images(folder, picture, found)
    report.write_classical(folder, found)
    report.write_uncertainty(folder, found)
    report.write_kernel(folder, problem)
    report.write_comparison(folder, problem, found, values["iterations"])
    report.write_metrics(folder, values)  # says that the images are there


def _conclude(
    config: Config, problem: Problem, fitted: Fitted, status: str, found: Outcome
) -> None:
    if status == "diverged":
        print(
            f"lr={config.lr}: the loss was not a finite number any more at iteration "
            f"{fitted.diverged_at}; the last good result is kept, a smaller lr may help",
            file=sys.stderr,
        )
    elif status == "interrupted":
        at = fitted.iteration
        print(f"stopped at iteration {at}; the result so far is saved", file=sys.stderr)
    elif fitted.reached_at is not None:
        print(f"ended at iteration {fitted.iteration}: the result {GOAL}")
    elif _ends(config, problem):
        print(
            f"iterations={config.iterations}: the fit would end where the result "
            f"{GOAL}; more may show more detail",
            file=sys.stderr,
        )
    elif config.discrepancy and problem.is_noisy:
        print(
            "noise: how much there is cannot be told from this image, so the fit went on to its "
            "last iteration; if grain is left, give fewer iterations",
            file=sys.stderr,
        )
    if fitted.fit_weight is not None:
        classical = next(iter(problem.baselines()))
        share = 100 * fitted.fit_weight
        print(f"combined: {share:.0f} % fit, {100 - share:.0f} % {classical}, in the mean")
    if found.is_polished:
        print("polished: similar patches were made alike (output=average: the fit alone)")
    if problem.x is not None:
        print(outcome.format_table(found))


def _say_where(
    config: Config, problem: Problem, picture: Picture, place: Place, logger: Logger | None
) -> None:
    noise = outcome.noise(problem, config.discrepancy)["y_noise_std"]
    if problem.x is None and noise is not None:
        how = "told" if problem.noise_is_told else "found"
        photons = "" if problem.peak is None else f", {problem.peak:.4g} photons at white"
        print(f"noise {how}: {describe_noise(noise, picture.format)}{photons}")
    restored = "restored.tif" if picture.format.tiff else "restored.png"
    print(f"result: {shown_path(place.folder / restored)}", flush=True)
    upload = how_to_upload(logger)
    if upload is not None and not place.group:  # a sweep says it at its end
        print(upload, flush=True)
