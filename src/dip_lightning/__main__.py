"""`python -m dip_lightning`: argument order, Hydra, one job after the other, exit status."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from dip_lightning.errors import UserError, first_line
from dip_lightning.results.naming import escape_unprintable, shown_path

if TYPE_CHECKING:
    from dip_lightning.command import Command

# PyTorch's threads would wait busily for each other, and keep the cores from those of another fit;
# GNU's OpenMP reads this as PyTorch is loaded.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")

EXIT_FAILED, EXIT_USAGE = 1, 2


def main(argv: list[str] | None = None) -> int:
    """Run the command line.

    Returns:
        Exit status: 0; 1 if a job failed; 2 for a mistake on the command line; 128 plus the
        signal's number if one stopped it.
    """
    escape_unprintable()
    arguments = sys.argv[1:] if argv is None else argv
    if {"-h", "--help"} & set(arguments):
        from dip_lightning.manual import manual  # noqa: PLC0415

        print(manual())
        return 0
    if "--version" in arguments:
        from dip_lightning import __version__  # noqa: PLC0415

        print(__version__)
        return 0
    try:
        return _run_hydra(arguments)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_USAGE
    except KeyboardInterrupt:
        print("stopped before there was a result", file=sys.stderr)
        return 128 + signal.SIGINT


def _run_hydra(arguments: list[str]) -> int:
    from dip_lightning import command  # noqa: PLC0415
    from dip_lightning.command import job  # noqa: PLC0415
    from dip_lightning.results import layout  # noqa: PLC0415

    checked = command.check(command.parse(arguments))
    for note in command.check_inputs(checked):
        print(note, file=sys.stderr, flush=True)
    job.failures.clear()
    folder = checked.sweep_folder
    with nullcontext() if folder is None else layout.sweeping(folder):
        return _run_jobs(checked)


def _run_jobs(checked: Command) -> int:
    import hydra  # noqa: PLC0415 - --help does without
    from hydra.errors import HydraException  # noqa: PLC0415

    from dip_lightning import command  # noqa: PLC0415
    from dip_lightning.command import job  # noqa: PLC0415
    from dip_lightning.config import config_folder  # noqa: PLC0415
    from dip_lightning.sweeps import gathering, sweep  # noqa: PLC0415
    from dip_lightning.sweeps.launchers import PortableJob  # noqa: PLC0415

    folder = checked.sweep_folder
    before = {} if folder is None else sweep.written(folder)
    # Hydra would print its own account of an exception, and end with status 1.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    decorate = hydra.main(version_base="1.3", config_path=str(config_folder()))
    try:
        if folder is not None:
            gathering.plan(folder, checked.files)
        sys.argv = [sys.argv[0], *command.resume_search(checked).arguments]
        decorate(PortableJob(job.run_job))()
    except HydraException as error:
        raise UserError(" ".join(str(error).split())) from None
    except OSError as error:
        raise UserError(f"{error.filename}: cannot be written ({error.strerror})") from None
    except Exception as error:
        if (checked.launcher, checked.search) == ("local", "grid"):
            raise
        _fail_engine(checked, error)
    if folder is not None:
        job.failures.extend(_conclude(folder, before))
    return EXIT_FAILED if job.failures else 0


def _fail_engine(command: Command, error: Exception) -> None:
    from dip_lightning.command import job  # noqa: PLC0415

    # A worker was killed, or there is no cluster: jobs themselves report what befalls them.
    engine = f"launcher={command.launcher}"
    if command.launcher == "local":
        engine = f"search={command.search}"
    sentence = f"{engine}: {first_line(error)}; the same command does what is left"
    print(f"error: {sentence}", file=sys.stderr, flush=True)
    job.failures.append(sentence)


def _conclude(folder: Path, before: dict[str, int]) -> list[str]:
    """Print how the jobs of a sweep ended; return those that failed, in whichever process."""
    from dip_lightning.command import job  # noqa: PLC0415
    from dip_lightning.dashboard import page  # noqa: PLC0415
    from dip_lightning.sweeps import gathering, search, sweep  # noqa: PLC0415

    if not folder.is_dir():
        return []
    rows = job.summarise(folder)
    if rows:
        print(f"\n{sweep.format_summary(rows)}\nsweep: {shown_path(folder)}", flush=True)
        job.write_page(page.write_dashboard, folder)
        print(f"to browse it: {shown_path(folder / page.PAGE)}", flush=True)
    if (images := gathering.gathered(folder)) is not None:
        print(f"restored images: {shown_path(images)}", flush=True)
    if (best := search.best(folder)) is not None:
        print(best, flush=True)
    return sweep.failed(rows, folder, before)


if __name__ == "__main__":
    sys.exit(main())
