"""Cases of benchmarks/quality.py that `python -m dip_lightning` has computed already."""

from pathlib import Path

import torch

from benchmarks import quality_fit
from benchmarks.quality_sets import SETS
from benchmarks.quality_tables import Result
from dip_lightning import compute
from dip_lightning.cli.composing import Source
from dip_lightning.cli.rerun import is_same
from dip_lightning.runs.run import Run, find_runs

MADE = {"combined": "DIP combined", "average": "DIP averaged", "last": "DIP last"}
RECORDED = "psnr"  # the metric whose best on the way history.csv holds


class NoRunError(LookupError):
    """No run in a folder is of a case."""


def find(case: str, settings: list[str], folder: Path) -> Result:
    """Read a case from a run of the same image, by the same settings, on hardware as this.

    Args:
        case: `set/image`.
        settings: key=value besides the case's own.
        folder: with result folders somewhere in it.

    Raises:
        NoRunError: there is none, or no run records what the set's table needs.
    """
    of = SETS.get(case.partition("/")[0])
    if of is None or not of.clean or of.metric != RECORDED:
        raise NoRunError(f"{case}: no run of the command records what its table needs")
    for run in find_runs(folder):
        if run.status == "finished" and is_of(run, case, settings):
            return read(run, case, settings)
    raise NoRunError(f"{case}: {folder} holds no run of it with these settings, on this hardware")


def is_of(run: Run, case: str, settings: list[str]) -> bool:
    """Say whether a run is what a case asks for.

    The number format counts as it was computed, whether it was asked for or found by itself.

    Args:
        run: one that has finished.
        case: `set/image`.
        settings: key=value besides the case's own.
    """
    if run.metrics["image"] != case.partition("/")[2]:
        return False
    asked = quality_fit.composed(case, settings)
    place = compute.find_device(asked.device)
    here = {
        "device_name": compute.device_name(place),
        "threads": torch.get_num_threads(),
        "precision": str(compute.compute_dtype(asked.precision, place)).removeprefix("torch."),
    }
    as_run = f"precision={run.settings['precision']}"
    composed = Source().compose([*quality_fit.arguments(case, settings), as_run])
    return here.items() <= run.metrics.items() and is_same(run.folder, composed)


def read(run: Run, case: str, settings: list[str]) -> Result:
    """Read a case's numbers from its run.

    Args:
        run: one that has finished, and that `is_of` the case.
        case: `set/image`.
        settings: key=value besides the case's own.
    """
    metrics, curve = run.metrics, run.history
    best, at = max(zip(curve["psnr_average"], curve["iteration"], strict=True))
    return Result(
        case=case,
        version=quality_fit.version(case, settings),
        observed=metrics["observed"][RECORDED],
        classical={row["name"]: row[RECORDED] for row in metrics["baselines"]},
        fit=metrics[f"{RECORDED}_average"],
        result=metrics[f"{RECORDED}_result"],
        made=MADE[metrics["result"]],
        highest=best,
        highest_at=int(at),
        seconds=metrics["seconds"],
        iterations=metrics["iterations"],
    )
