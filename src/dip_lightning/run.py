"""One job: load, build, fit, report; the only place that wires everything together."""

import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

import dip_lightning
from dip_lightning import engine, tasks
from dip_lightning.callbacks import Panels, Progress, Stopping
from dip_lightning.config import Config
from dip_lightning.datasets import checksums
from dip_lightning.engine import acceleration, memory
from dip_lightning.fitting import fit
from dip_lightning.generators import build
from dip_lightning.images import Format, Picture, describe_noise
from dip_lightning.loading import load
from dip_lightning.results import checkpoint, health, report
from dip_lightning.results.loggers import how_to_upload, log_result, open_logger
from dip_lightning.results.naming import Place, counted, shown_path
from dip_lightning.tasks.base import RestorationTask
from dip_lightning.tasks.given import Given
from dip_lightning.tiling import Tiling, grid_of


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
        task, tiling = _build(config, given, device, place.folder)
        found = _find(task, tiling, device, place.folder) if goes_on else None
        begin()
        report.write_observed(place.folder, task, picture)
        _announce(task, picture.format, device, tiling)
        pointless = health.of_given(task.y if task.x is None else task.x, task.mask)
        if pointless is not None:
            print(health.explain(pointless, config.lr), file=sys.stderr)
        with open_logger(config, place) as logger:
            if tiling is None:
                panels = Panels(place.folder / "snapshots", config.iterations)
                around = [panels, Progress(config.iterations, found=found), stopping]
                history = fit(task, device, place.folder, around, logger, found)
            else:
                history = tiling.fit(device, stopping, logger)
            status = _status(task, stopping)
            outcome = report.measure(task, with_baselines=status != "interrupted")
            diagnosis = _diagnosis(task, tiling, pointless)
            facts = _facts(task, picture.format, device)
            facts |= {"status": status, "diagnosis": diagnosis, "inputs": inputs}
            facts |= {"tiles": 1 if tiling is None else len(tiling.grid), "swept": place.values}
            values = report.metrics(task, history, outcome, facts)
            report.write_result(place.folder, task, picture, outcome, values)
            log_result(logger, values, place.folder / "comparison.png")
        with suppress(OSError):  # nobody reads any more; the result is complete
            if diagnosis not in {pointless, "not_finite"}:
                print(health.explain(str(diagnosis), config.lr), file=sys.stderr)
            _conclude(task, status, outcome)
            _say_where(task, picture, place.folder, how_to_upload(logger))
    return {**values, "signal": stopping.received}


def _prepare(config: Config) -> torch.device:
    # A sweep runs its jobs in one process: whatever one job sets, the next sets again.
    engine.keep_freed_memory()
    engine.keep_float32()
    engine.quiet_lightning()
    torch.set_num_threads(config.threads or engine.ALL_THREADS)
    device = engine.find_device(config.device)
    acceleration.check(config.accelerate, device, diagnose=config.diagnose)
    return device


def _build(
    config: Config, given: Given, device: torch.device, folder: Path
) -> tuple[RestorationTask, Tiling | None]:
    shape = given.shape(config.factor or 1)
    grid = grid_of(config, shape)
    _check_memory(config, shape[0], grid.size, device)  # before anything of that size exists
    given = replace(given, is_tiled=len(grid) > 1)
    task = tasks.load(config.task)(config, given)
    return task, Tiling(task, folder) if given.is_tiled else None


def _check_memory(
    config: Config, channels: int, size: tuple[int, int], device: torch.device
) -> None:
    def per_pixel() -> float:
        generator = build(config.network, config.input_depth, channels, torch.Generator())
        dtype = engine.compute_dtype(config.precision, device)
        saved = memory.saved_bytes_per_pixel(generator, config.input_depth, dtype)
        return memory.fit_bytes_per_pixel(saved, config.input_depth, device)

    memory.check_memory(per_pixel, size, device)


def _find(
    task: RestorationTask, tiling: Tiling | None, device: torch.device, folder: Path
) -> Path | None:
    if tiling is None:
        return checkpoint.find(folder, task, device)
    tiling.find(device)
    return None


def _announce(
    task: RestorationTask, stored: Format, device: torch.device, tiling: Tiling | None
) -> None:
    c, (channels, height, width) = task.config, task.shape
    kind = {1: "gray", 3: "RGB"}.get(channels, f"{channels} channels")
    parameters = sum(p.numel() for p in task.generator.parameters())
    precision = _precision_name(task, device)
    missing = ""
    if task.mask is not None:
        missing = f", {100 * (1 - float(task.mask.mean())):.1f} % missing"
    values = ""
    if len(stored.low) > 1:
        values = ", each on its own range"
    elif not stored.is_whole:
        values = f", values {stored.low[0]:g} to {stored.high[0]:g}"
    tiles = ""
    if tiling is not None:
        tiles = f" in {len(tiling.grid)} tiles of {tiling.grid.size[1]} x {tiling.grid.size[0]}"
    limit = "at most " if c.discrepancy else ""
    print(
        f"{c.task}: {c.name}, {width} x {height} {kind}{values}{tiles}{missing}; "
        f"network {c.network['name']}, {parameters:,} parameters; "
        f"{limit}{counted(c.iterations, 'iteration')} on {device.type}, {precision}",
        flush=True,
    )


def _precision_name(task: RestorationTask, device: torch.device) -> str:
    return str(engine.compute_dtype(task.config.precision, device)).removeprefix("torch.")


def _status(task: RestorationTask, stopping: Stopping) -> str:
    if task.diverged_at is not None:
        return "diverged"
    return "interrupted" if stopping.received is not None and not task.is_over else "finished"


def _diagnosis(task: RestorationTask, tiling: Tiling | None, pointless: str | None) -> str | None:
    if task.diverged_at is not None:
        return "not_finite"
    if tiling is None:
        last = task.iterates[-1].loss
        found = health.of_losses(task.loss_first, task.loss_best, last)
    else:
        found = tiling.diagnosis
    return found or pointless or health.of_output(task.x_hat)


def _facts(task: RestorationTask, stored: Format, device: torch.device) -> dict[str, Any]:
    return {
        "data_range": stored.ranges,
        "y_noise_std": task.y_noise_std(),
        "device": device.type,
        "device_name": engine.device_name(device),
        "threads": torch.get_num_threads(),
        "precision": _precision_name(task, device),
        "network_computed": task.network_computed,
        "peak_memory_bytes": memory.peak_bytes(device),
        "versions": {
            "dip_lightning": dip_lightning.__version__,
            "torch": torch.__version__,
            "pytorch_lightning": version("pytorch-lightning"),
        },
    }


def _conclude(task: RestorationTask, status: str, outcome: report.Outcome) -> None:
    if status == "diverged":
        print(
            f"lr={task.config.lr}: the loss was not a finite number any more at iteration "
            f"{task.diverged_at}; the last good result is kept, a smaller lr may help",
            file=sys.stderr,
        )
    elif status == "interrupted":
        print(f"stopped at iteration {task.iteration}; the result so far is saved", file=sys.stderr)
    elif task.discrepancy.reached_at is not None:
        print(
            f"ended at iteration {task.iteration}: the result differs from the noisy image by "
            "as much as its noise"
        )
    elif task.y_noise_std():
        print(
            f"iterations={task.config.iterations}: the fit ended before the result was as near to "
            "the noisy image as its noise lets it; more may show more detail",
            file=sys.stderr,
        )
    if task.x is not None:
        print(report.format_table(outcome))


def _say_where(task: RestorationTask, picture: Picture, folder: Path, upload: str | None) -> None:
    noise = task.y_noise_std()
    if task.x is None and noise is not None:
        print(f"noise found: {describe_noise(noise, picture.format)}")
    restored = "restored.tif" if picture.format.tiff else "restored.png"
    print(f"result: {shown_path(folder / restored)}", flush=True)
    if upload is not None:
        print(upload, flush=True)
