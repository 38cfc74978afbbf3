"""`python -m dip_lightning`: argument order, Hydra, one job after the other, exit status."""

from __future__ import annotations

import gc
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig

from dip_lightning.errors import UserError
from dip_lightning.naming import Place, shown_path

if TYPE_CHECKING:
    from hydra.conf import HydraConf

    from dip_lightning.command import Command

EXIT_FAILED, EXIT_USAGE = 1, 2
_failures: list[str] = []


def main(argv: list[str] | None = None) -> int:
    """Run the command line.

    Returns:
        Exit status: 0; 1 if a job failed; 2 for a mistake on the command line; 128 plus the
        signal's number if one stopped it.
    """
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
    import hydra  # noqa: PLC0415 - --help does without

    from dip_lightning import command, sweep  # noqa: PLC0415
    from dip_lightning.config import config_folder  # noqa: PLC0415
    from dip_lightning.launchers import PortableJob  # noqa: PLC0415

    checked = command.check(command.parse(arguments))
    _failures.clear()
    folder = checked.sweep_folder
    before = {} if folder is None else sweep.written(folder)
    # Hydra would print its own account of an exception, and end with status 1.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    decorate = hydra.main(version_base="1.3", config_path=str(config_folder()))
    try:
        sys.argv = [sys.argv[0], *command.resume_search(checked).arguments]
        decorate(PortableJob(_job))()
    except HydraException as error:
        raise UserError(" ".join(str(error).split())) from None
    except OSError as error:
        raise UserError(f"{error.filename}: cannot be written ({error.strerror})") from None
    except Exception as error:
        if (checked.launcher, checked.search) == ("local", "grid"):
            raise
        _fail_engine(checked, error)
    if folder is not None:
        _failures.extend(_summarise(folder, before))
    return EXIT_FAILED if _failures else 0


def _fail_engine(command: Command, error: Exception) -> None:
    # A worker was killed, or there is no cluster: jobs themselves report what befalls them.
    engine = f"launcher={command.launcher}"
    if command.launcher == "local":
        engine = f"search={command.search}"
    reason = (str(error) or type(error).__name__).strip().splitlines()[0].rstrip(".")
    sentence = f"{engine}: {reason}; the same command does what is left"
    print(f"error: {sentence}", file=sys.stderr, flush=True)
    _failures.append(sentence)


def _summarise(folder: Path, before: dict[str, int]) -> list[str]:
    """Print how the jobs of a sweep ended; return those that failed, in whichever process."""
    from dip_lightning import search, sweep  # noqa: PLC0415

    if not folder.is_dir():
        return []
    rows = sweep.write_summary(folder)
    if rows:
        print(f"\n{sweep.format_summary(rows)}\nsweep: {shown_path(folder)}", flush=True)
    if (best := search.best(folder)) is not None:
        print(best, flush=True)
    return sweep.failed(rows, folder, before)


def _job(composed: DictConfig) -> float | None:
    from hydra.core.hydra_config import HydraConfig  # noqa: PLC0415

    from dip_lightning import composing, rerun, run, sweep  # noqa: PLC0415

    hydra_config = HydraConfig.get()
    place = _place(hydra_config)
    if place.group:
        print(f"\n[{hydra_config.job.num + 1}] {place.swept}".rstrip(), flush=True)
    done = sweep.finished(place.folder) if place.group and composed.resume else None
    if done is not None and rerun.is_same(place.folder, composed):
        print(f"finished before (resume=false does it again): {shown_path(place.folder)}")
        return _score(done, composed.objective)
    rerun.write(place.folder, composed, hydra_config)
    try:
        result = run.run(composing.to_config(composed), place)
    except UserError as error:
        _fail(place, str(error))
        return None
    except MemoryError:
        _fail(place, "memory: there is not enough; use a smaller image or fewer channels")
        return None
    except Exception as error:  # noqa: BLE001 - one failing job must not stop the others
        traceback.print_exc()
        _fail(place, f"{type(error).__name__}: {error}")
        return None
    finally:
        # The Trainer and its model refer to each other: only the collector frees their memory.
        gc.collect()
        if place.group:
            sweep.write_summary(place.folder.parent)
    if result["signal"] is not None:
        raise SystemExit(128 + result["signal"])
    return _score(result, composed.objective)


def _score(metrics: dict[str, Any], objective: str) -> float | None:
    score: float | None = metrics.get(objective)
    return score


def _place(hydra_config: HydraConf) -> Place:
    folder = Path(hydra_config.runtime.output_dir)
    if hydra_config.mode != RunMode.MULTIRUN:
        return Place(folder)
    return Place(folder, hydra_config.job.override_dirname, Path(hydra_config.sweep.dir).name)


def _fail(place: Place, sentence: str) -> None:
    from dip_lightning.report import write_metrics  # noqa: PLC0415 - imports PyTorch

    print(f"error: {sentence}", file=sys.stderr, flush=True)
    _failures.append(f"{place.swept}: {sentence}" if place.swept else sentence)
    write_metrics(place.folder, {"status": "failed", "error": sentence})


if __name__ == "__main__":
    sys.exit(main())
