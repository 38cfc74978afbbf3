"""`python -m dip_lightning`: argument order, Hydra, one job after the other, exit status."""

from __future__ import annotations

import gc
import os
import signal
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig

from dip_lightning.errors import FolderError, UserError
from dip_lightning.files import reason
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

    rows = _summarise(folder)
    if rows:
        print(f"\n{sweep.format_summary(rows)}\nsweep: {shown_path(folder)}", flush=True)


def _summarise(folder: Path) -> list[dict[str, Any]]:
    from dip_lightning import sweep  # noqa: PLC0415

    try:
        return sweep.write_summary(folder)
    except OSError as error:
        print(f"{shown_path(folder)}: no summary ({reason(error)})", file=sys.stderr)
        return []


def _job(composed: DictConfig) -> float | None:
    from hydra.core.hydra_config import HydraConfig  # noqa: PLC0415

    from dip_lightning import lock, rerun, sweep  # noqa: PLC0415

    hydra_config = HydraConfig.get()
    place = _place(hydra_config)
    if place.group:
        print(f"\n[{hydra_config.job.num + 1}] {place.swept}".rstrip(), flush=True)
    typed = any(text.startswith("resume=") for text in hydra_config.overrides.task)
    resume = bool(composed.resume and (place.group or typed))
    done = sweep.finished(place.folder) if resume else None
    if done is not None and rerun.is_same(place.folder, composed):
        print(f"finished before (resume=false does it again): {shown_path(place.folder)}")
        return _score(done)
    try:
        with lock.locked(place.folder):
            return _run_locked(composed, hydra_config, place, resume=resume)
    except FolderError as error:  # what is there is another's
        _report(place, str(error))
    except OSError as error:  # before there was anything to lose
        where = error.filename or shown_path(place.folder)
        _report(place, f"{where}: cannot be written ({reason(error)})")
    return None


def _run_locked(
    composed: DictConfig, hydra_config: HydraConf, place: Place, *, resume: bool
) -> float | None:
    from dip_lightning import composing, report, rerun, run  # noqa: PLC0415

    goes_on = _prepare(composed, hydra_config, place, resume=resume)
    try:
        result = run.run(composing.to_config(composed), place, goes_on=goes_on)
        if not (place.folder / ".hydra").exists():  # somebody has removed the folder
            rerun.write(place.folder, composed, hydra_config)
    except FolderError:
        raise
    except Exception as error:  # noqa: BLE001 - one failing job must not stop the others
        _fail(place, error)
        return None
    finally:
        # The Trainer and its model refer to each other: only the collector frees their memory.
        gc.collect()
        if place.group:
            _summarise(place.folder.parent)
    if result["status"] == "finished":
        report.drop_previous(place.folder)
    if result["signal"] is not None:
        raise SystemExit(128 + result["signal"])
    return _score(result)


def _prepare(composed: DictConfig, hydra_config: HydraConf, place: Place, *, resume: bool) -> bool:
    from dip_lightning import checkpoint, report, rerun, sweep  # noqa: PLC0415

    folder, same = place.folder, rerun.is_same(place.folder, composed)
    if resume and not same and not place.group and (folder / ".hydra" / "config.yaml").exists():
        raise FolderError(
            f"resume=true: {shown_path(folder)} holds another configuration; name another folder, "
            "or leave resume=true out to replace what is there"
        )
    if resume and same and (folder / checkpoint.NAME).exists():
        return True
    if sweep.finished(folder) is not None:
        report.set_aside(folder)
    report.clear(folder)
    rerun.write(folder, composed, hydra_config)
    return False


def _score(metrics: dict[str, Any]) -> float | None:
    score: float | None = metrics["psnr_average"]
    return score


def _place(hydra_config: HydraConf) -> Place:
    folder = Path(hydra_config.runtime.output_dir)
    if hydra_config.mode != RunMode.MULTIRUN:
        return Place(folder)
    return Place(folder, hydra_config.job.override_dirname, Path(hydra_config.sweep.dir).name)


def _fail(place: Place, error: Exception) -> None:
    from dip_lightning import memory, report  # noqa: PLC0415 - imports PyTorch

    diagnosis = getattr(error, "diagnosis", None)
    if memory.is_exhausted(error):
        sentence = "memory: there is not enough; use a smaller image or fewer channels"
        diagnosis = "out_of_memory"
    elif isinstance(error, OSError):
        sentence = f"{error.filename or shown_path(place.folder)}: {reason(error)}"
    elif isinstance(error, UserError):
        sentence = str(error)
    else:
        traceback.print_exc()
        sentence = f"{type(error).__name__}: {error}"
    _report(place, sentence)
    with suppress(OSError):  # it may be the reason of the failure
        values = {"status": "failed", "error": sentence, "diagnosis": diagnosis}
        report.write_metrics(place.folder, values)
    if (place.folder / report.PREVIOUS).exists():
        print(f"the result before it: {shown_path(place.folder / report.PREVIOUS)}")


def _report(place: Place, sentence: str) -> None:
    print(f"error: {sentence}", file=sys.stderr, flush=True)
    _failures.append(f"{place.swept}: {sentence}" if place.swept else sentence)


if __name__ == "__main__":
    sys.exit(main())
