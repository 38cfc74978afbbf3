"""`python -m dip_lightning`: argument order, Hydra, one job after the other, exit status."""

from __future__ import annotations

import gc
import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig

from dip_lightning.errors import UserError
from dip_lightning.naming import Place, shown_path

if TYPE_CHECKING:
    from hydra.conf import HydraConf

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

    from dip_lightning import command  # noqa: PLC0415
    from dip_lightning.config import config_folder  # noqa: PLC0415

    checked = command.check(command.parse(arguments))
    _failures.clear()
    sys.argv = [sys.argv[0], *checked.arguments]
    # Hydra would print its own account of an exception, and end with status 1.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    decorate = hydra.main(version_base="1.3", config_path=str(config_folder()))
    try:
        decorate(_job)()
    except HydraException as error:
        raise UserError(" ".join(str(error).split())) from None
    except OSError as error:
        raise UserError(f"{error.filename}: cannot be written ({error.strerror})") from None
    if checked.sweep_folder is not None:
        _print_summary(checked.sweep_folder)
    return EXIT_FAILED if _failures else 0


def _print_summary(folder: Path) -> None:
    from dip_lightning import sweep  # noqa: PLC0415
    from dip_lightning.dashboard import page  # noqa: PLC0415

    rows = sweep.write_summary(folder)
    if rows:
        print(f"\n{sweep.format_summary(rows)}\nsweep: {shown_path(folder)}", flush=True)
        _write_page(page.write_dashboard, folder)
        print(f"to browse it: {shown_path(folder / page.PAGE)}", flush=True)


def _job(composed: DictConfig) -> float | None:
    from hydra.core.hydra_config import HydraConfig  # noqa: PLC0415

    from dip_lightning import composing, rerun, run, sweep  # noqa: PLC0415
    from dip_lightning.dashboard import page  # noqa: PLC0415

    hydra_config = HydraConfig.get()
    place = _place(hydra_config)
    if place.group:
        print(f"\n[{hydra_config.job.num + 1}] {place.swept}".rstrip(), flush=True)
    done = sweep.finished(place.folder) if place.group and composed.resume else None
    if done is not None and rerun.is_same(place.folder, composed):
        print(f"finished before (resume=false does it again): {shown_path(place.folder)}")
        return _score(done)
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
            _write_page(page.write_dashboard, place.folder.parent)
        _write_page(page.write_report, place.folder)
    if result["signal"] is not None:
        raise SystemExit(128 + result["signal"])
    return _score(result)


def _write_page(write: Callable[[Path], object], folder: Path) -> None:
    try:
        write(folder)
    except Exception as error:  # noqa: BLE001 - a page must never cost a result, or the next job
        print(f"page: {type(error).__name__}: {error}; the results are complete", file=sys.stderr)


def _score(metrics: dict[str, Any]) -> float | None:
    score: float | None = metrics["psnr_average"]
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
