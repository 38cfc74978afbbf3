"""The command from its arguments to its exit status: Hydra, one job after the other."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dip_lightning import signals
from dip_lightning.cli.process import as_it_was, ended_by_signals
from dip_lightning.errors import UserError, first_line
from dip_lightning.files import shown_path
from dip_lightning.runs.naming import counted, escape_unprintable, outlive_readers

if TYPE_CHECKING:
    from dip_lightning.cli.checking import Command

EXIT_FAILED, EXIT_USAGE = 1, 2


def main(argv: list[str] | None = None) -> int:
    """Run the command line; whatever it sets for the process is set back.

    Args:
        argv: arguments; those of the process where they are not given.

    Returns:
        Exit status: 0; 1 if a job failed; 2 for a mistake on the command line; 128 plus the
        signal's number if one stopped it.
    """
    escape_unprintable()
    with as_it_was():
        # PyTorch's threads would wait busily for each other, and keep the cores from those of
        # another fit; GNU's OpenMP reads this as PyTorch is loaded.
        os.environ.setdefault("GOMP_SPINCOUNT", "1000")
        try:
            with ended_by_signals():
                return _answer(_given(argv))
        except UserError as error:
            print(f"error: {error}", file=sys.stderr)
            return EXIT_USAGE
        except KeyboardInterrupt:
            return _stop(128 + signal.SIGINT)
        except SystemExit as end:
            return _stop(int(end.code or 0))


def _answer(arguments: list[str]) -> int:
    if {"-h", "--help"} & set(arguments):
        from dip_lightning.cli.manual import manual  # noqa: PLC0415

        print(manual())
        return 0
    if "--version" in arguments:
        from dip_lightning import __version__  # noqa: PLC0415

        print(__version__)
        return 0
    return _run_command(arguments)


def _given(argv: list[str] | None) -> list[str]:
    if argv is None:
        return sys.argv[1:]
    if isinstance(argv, str):  # a notebook's: checked by nobody
        raise UserError(f"main: expected a list, such as {argv.split()}")
    return [str(argument) for argument in argv]


def _stop(status: int) -> int:
    print("stopped before there was a result", file=sys.stderr)
    return status


def _run_command(arguments: list[str]) -> int:
    from dip_lightning.cli import checking as command  # noqa: PLC0415 - --help does without
    from dip_lightning.cli import job  # noqa: PLC0415
    from dip_lightning.runs import layout  # noqa: PLC0415

    checked = command.check(command.parse(arguments))
    for note in command.check_inputs(checked):
        print(note, file=sys.stderr, flush=True)
    job.failures.clear()
    job.refused.clear()
    folder = checked.sweep_folder
    if folder is None:
        return _run_jobs(checked) or (EXIT_FAILED if job.failures else 0)
    with layout.sweeping(folder):
        return _run_sweep(checked, folder)


def _run_sweep(checked: Command, folder: Path) -> int:
    from dip_lightning.cli import checking as command  # noqa: PLC0415
    from dip_lightning.cli import job  # noqa: PLC0415
    from dip_lightning.cli.sweeps import gathering, sweep  # noqa: PLC0415

    before = sweep.written(folder)
    gathering.plan(folder, checked.files)
    checked = command.resume_search(checked)
    status = _run_jobs(checked)
    rows = _conclude(folder, checked)
    changed = sweep.newer(rows, folder, before)
    if not (status or job.failures) and any(row.get("status") == "interrupted" for row in changed):
        status = 128 + signal.SIGTERM  # a worker was told to stop, and the others went on
    if status:
        _say_stopped(checked, rows)
        return status
    return EXIT_FAILED if job.failures or sweep.failed(changed) else 0


def _run_jobs(command: Command) -> int:
    """Run the jobs of a command.

    Returns:
        128 plus the number of the signal that stopped them; 0 if none did.
    """
    from hydra import version  # noqa: PLC0415
    from hydra._internal.utils import _run_hydra, get_args_parser  # noqa: PLC0415
    from hydra.errors import HydraException  # noqa: PLC0415

    from dip_lightning.cli.job import run_job  # noqa: PLC0415
    from dip_lightning.cli.sweeps import workers  # noqa: PLC0415
    from dip_lightning.cli.sweeps.launchers import JOBLIB, PortableJob  # noqa: PLC0415
    from dip_lightning.config import config_folder  # noqa: PLC0415

    # Hydra would print its own account of an exception, and end with status 1.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    version.setbase("1.3")
    # What hydra.main() calls; that itself reads sys.argv, which is a notebook's here.
    parser, folder = get_args_parser(), str(config_folder())
    args = parser.parse_args(command.arguments)
    job = PortableJob(run_job, command.sweep, command.launcher)
    caught, in_workers = None, command.launcher == JOBLIB and command.multirun
    try:
        with workers.relayed() if in_workers else nullcontext() as caught:
            _run_hydra(args, parser, job, folder, config_name=None)
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
    from dip_lightning.cli import job  # noqa: PLC0415

    # A worker was killed, or there is no cluster: jobs themselves report what befalls them.
    engine = f"launcher={command.launcher}"
    if command.launcher == "local":
        engine = f"search={command.search}"
    sentence = f"{engine}: {first_line(error)}; the same command does what is left"
    print(f"error: {sentence}", file=sys.stderr, flush=True)
    job.failures.append(sentence)


def _conclude(folder: Path, command: Command) -> list[dict[str, Any]]:
    """Print how the jobs of a sweep ended; return a row for each, from whichever process."""
    from dip_lightning.cli import job  # noqa: PLC0415
    from dip_lightning.cli.sweeps import gathering, sweep  # noqa: PLC0415
    from dip_lightning.dashboard import page  # noqa: PLC0415

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
    return rows


def _say_stopped(command: Command, rows: list[dict[str, Any]]) -> None:
    done = sum(row.get("status") == "finished" for row in rows)
    print(
        f"stopped with {done} of {counted(command.sweep.total, 'job')} finished; "
        "type the same command again to go on",
        file=sys.stderr,
        flush=True,
    )


def start() -> int:
    """Run the command line in a process of its own; see `main`."""
    signals.owns_process = True
    outlive_readers()
    return main()
