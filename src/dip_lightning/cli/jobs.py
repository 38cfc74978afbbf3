"""The jobs of a command: one after the other or a sweep, by Hydra, and what they end in."""

import os
import signal
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from hydra import version
from hydra._internal.utils import _run_hydra, get_args_parser
from hydra.errors import HydraException

from dip_lightning.cli import checking, job
from dip_lightning.cli.parsing import Command
from dip_lightning.cli.sweeps import gathering, sweep, workers
from dip_lightning.cli.sweeps.launchers import JOBLIB, PortableJob
from dip_lightning.cli.sweeps.planning import planned
from dip_lightning.config import config_folder
from dip_lightning.dashboard import page
from dip_lightning.errors import UserError, first_line
from dip_lightning.files import reason, shown_path
from dip_lightning.runs import queued
from dip_lightning.runs.naming import counted
from dip_lightning.runs.sweeping import sweeping


def run_command(arguments: list[str]) -> int:
    """Check a command line and run its jobs.

    Returns:
        Exit status: 0; 1 if a job failed; 128 plus the signal's number if one stopped it.

    Raises:
        UserError: a mistake on the command line; nothing has been run.
    """
    checked = checking.check(checking.parse(arguments))
    for note in checking.check_inputs(checked):
        print(note, file=sys.stderr, flush=True)
    job.failures.clear()
    job.refused.clear()
    folder = checked.sweep_folder
    if folder is None:
        return _run_jobs(checked) or (job.EXIT_FAILED if job.failures else 0)
    # A search tells all of its trials what to try; jobs of a grid know it by themselves.
    with sweeping(folder, alone=checked.search != "grid"):
        return _run_sweep(checked, folder)


def _run_sweep(checked: Command, folder: Path) -> int:
    before = sweep.written(folder)
    try:
        gathering.plan(folder, checked.files)
    except OSError as error:
        where = error.filename or shown_path(folder)
        raise UserError(f"{where}: cannot be written ({reason(error)})") from None
    checked = checking.resume_search(checked)
    grid = planned(checked.overrides, checked.values) if checked.search == "grid" else {}
    with queued.announced(folder, grid):
        status = _run_jobs(checked)
    rows = _conclude(folder, checked)
    changed = sweep.newer(rows, folder, before)
    if not (status or job.failures) and any(row.get("status") == "interrupted" for row in changed):
        status = 128 + signal.SIGTERM  # a worker was told to stop, and the others went on
    if status:
        _say_stopped(checked, rows)
        return status
    return job.EXIT_FAILED if job.failures or sweep.failed(changed) else 0


def _run_jobs(command: Command) -> int:
    """Run the jobs of a command.

    Returns:
        128 plus the number of the signal that stopped them; 0 if none did.
    """
    # Hydra would print its own account of an exception, and end with status 1.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    version.setbase("1.3")
    # What hydra.main() calls; that itself reads sys.argv, which is a notebook's here.
    parser, folder = get_args_parser(), str(config_folder())
    args = parser.parse_args(command.arguments)
    portable = PortableJob(job.run_job, command.sweep, command.launcher)
    caught, in_workers = None, command.launcher == JOBLIB and command.multirun
    try:
        with workers.relayed() if in_workers else nullcontext() as caught:
            _run_hydra(args, parser, portable, folder, config_name=None)
    except HydraException as error:
        raise UserError(" ".join(str(error).split())) from None
    except OSError as error:
        raise UserError(f"{error.filename}: cannot be written ({error.strerror})") from None
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except SystemExit as end:  # of a job that a signal has stopped
        return int(end.code or 0)
    except Exception as error:
        if (command.launcher, command.search) == ("local", "grid"):
            raise
        if caught is None or caught.received is None:
            _fail_engine(command, error)
    return 0 if caught is None or caught.received is None else 128 + caught.received


def _fail_engine(command: Command, error: Exception) -> None:
    # A worker was killed, or there is no cluster: jobs themselves report what befalls them.
    engine = f"launcher={command.launcher}"
    if command.launcher == "local":
        engine = f"search={command.search}"
    sentence = f"{engine}: {first_line(error)}; the same command does what is left"
    print(f"error: {sentence}", file=sys.stderr, flush=True)
    job.failures.append(sentence)


def _conclude(folder: Path, command: Command) -> list[dict[str, Any]]:
    """Print how the jobs of a sweep ended; return a row for each, from whichever process."""
    if not folder.is_dir():
        return []
    found, objective = job.summarise(folder, command.sweep), command.sweep.objective
    rows = found if objective is not None else sweep.select(found, command.values)
    if rows:
        print(f"\n{sweep.format_summary(rows, objective)}", flush=True)
        if len(found) > len(rows):
            others = counted(len(found) - len(rows), "other job")
            print(f"{others} of this sweep, from other commands: {sweep.SUMMARY} has all")
        print(f"sweep: {shown_path(folder)}", flush=True)
        for sentence in job.refused:  # no row tells of them
            print(f"not done by this command: {sentence}", flush=True)
        job.write_page(page.write_dashboard, folder)
        print(f"to browse it: {shown_path(folder / page.PAGE)}", flush=True)
    if (images := gathering.gathered(folder)) is not None:
        print(f"restored images: {shown_path(images)}", flush=True)
    if objective is not None and (top := sweep.best(rows)) is not None:
        values = " ".join(f"{key}={value}" for key, value in top["swept"].items())
        print(f"best: {values} ({objective} {top[sweep.OBJECTIVE]:.3f})", flush=True)
    if (upload := _how_to_upload(folder, command)) is not None:
        print(upload, flush=True)
    return rows


def _how_to_upload(folder: Path, command: Command) -> str | None:
    if not any(folder.glob("*/wandb")):
        return None
    from dip_lightning.callbacks import loggers  # noqa: PLC0415 - imports Lightning

    assert command.first is not None  # noqa: S101 - it has been checked
    return loggers.how_to_upload_sweep(folder, command.first.logger.get("mode", "auto"))


def _say_stopped(command: Command, rows: list[dict[str, Any]]) -> None:
    done = sum(row.get("status") == "finished" for row in rows)
    print(
        f"stopped with {done} of {counted(command.sweep.total, 'job')} finished; "
        "type the same command again to go on",
        file=sys.stderr,
        flush=True,
    )
