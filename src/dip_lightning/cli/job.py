"""One job of the command: its folder, going on where it ended, and what becomes of a failure."""

from __future__ import annotations

import gc
import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.conf import HydraConf
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from dip_lightning.cli import composing, rerun
from dip_lightning.cli.sweeps import gathering
from dip_lightning.cli.sweeps.sweep import Sweep, write_summary
from dip_lightning.compute import memory
from dip_lightning.dashboard import page
from dip_lightning.errors import CodeError, FolderError, UserError, traceback_of
from dip_lightning.files import reason, shown_path
from dip_lightning.runs import checkpoint, layout, lock, ownership
from dip_lightning.runs.naming import Place
from dip_lightning.runs.run import finished

EXIT_FAILED = 1
LOCAL = "basic"  # Hydra's launcher that does jobs in this process
MOST_SHOWN = 300  # jobs of a sweep whose page is written after each of them
failures: list[str] = []  # of the jobs in this process
refused: list[str] = []  # those of them that have left nothing in a folder, for it is another's


def summarise(folder: Path, sweep: Sweep) -> list[dict[str, Any]]:
    """Write a sweep's summary; where that cannot be, say why and go on without it.

    Returns:
        A row for each job that has ended.
    """
    try:
        return write_summary(folder, sweep)
    except OSError as error:
        print(f"{shown_path(folder)}: no summary ({reason(error)})", file=sys.stderr)
        return []


def write_page(write: Callable[[Path], object], folder: Path) -> None:
    """Write a page; where that fails, say why and go on."""
    try:
        write(folder)
    except Exception as error:  # noqa: BLE001 - a page must never cost a result, or the next job
        print(f"{shown_path(folder)}: no page ({type(error).__name__}: {error})", file=sys.stderr)


def run_job(composed: DictConfig, sweep: Sweep) -> float | None:
    """Do the job that Hydra has composed, unless it is done.

    Args:
        composed: configuration of the job.
        sweep: what it has in common with others, where it is one of several.

    Returns:
        What the search is to maximise; None if the job failed.
    """
    hydra_config = HydraConfig.get()
    place = _place(hydra_config)
    if place.group:
        values = (f"{key}={value}" for key, value in place.values.items())
        print("", " ".join([sweep.label(hydra_config.job.num), *values]), sep="\n", flush=True)
    typed = any(text.startswith("resume=") for text in hydra_config.overrides.task)
    left = typed or place.group or _is_left(place.folder, composed)
    resume = bool(composed.resume and left)
    start = _Start(composed, hydra_config, place, sweep, resume)
    try:
        if (done := start.done()) is not None:
            return _leave(start, done)
        start.check()
        with lock.locked(place.folder):
            # Another process may have worked here until now.
            if (done := start.done()) is not None:
                return _leave(start, done)
            start.goes_on = start.check()
            return _run_locked(start)
    except FolderError as error:  # what is there is another's
        _refuse(start, str(error))
    except OSError as error:  # before there was anything to lose
        where = error.filename or shown_path(place.folder)
        _refuse(start, f"{where}: cannot be written ({reason(error)})")
    return None


def _is_left(folder: Path, composed: DictConfig) -> bool:
    """Say whether a folder holds an unfinished fit of the same configuration."""
    same = finished(folder) is None and rerun.is_same(folder, composed)
    return same and checkpoint.exists(folder)


def _changed(done: dict[str, Any], composed: DictConfig) -> str | None:
    """Name a file that is not as it was when the job was done; one that is gone does not count."""
    from dip_lightning.loading import checksums, given_files  # noqa: PLC0415 - imports Lightning

    before = done.get("inputs", {})
    now = checksums(composed) if before else {}
    keys = [key for key in now if before.get(key, now[key]) != now[key]]
    given = [text for text, _ in given_files(composed) if text.partition("=")[0] in keys]
    return given[0] if given else None


def _leave(start: _Start, done: dict[str, Any]) -> float | None:
    """Leave a job that has finished before as it is."""
    composed, place = start.composed, start.place
    where = shown_path(place.folder)  # flushed: a worker's buffer may outlast the sweep
    print(f"finished before (resume=false does it again): {where}", flush=True)
    if not (place.folder / page.REPORT).exists():
        write_page(page.write_report, place.folder)
    gathering.gather(place, composed.observed or composed.image, done["status"])
    return _score(done, start.sweep, composed.objective)


@dataclass
class _Start:
    """How a job begins in its folder.

    Attributes:
        composed: what Hydra has composed.
        hydra_config: Hydra's own settings.
        place: result folder and names for the dashboard.
        sweep: what it has in common with the other jobs.
        resume: whether to go on from what is there.
        goes_on: whether it goes on from the checkpoint in the folder.
        begun: whether what is in the folder is this job's.
    """

    composed: DictConfig
    hydra_config: HydraConf
    place: Place
    sweep: Sweep
    resume: bool
    goes_on: bool = False
    begun: bool = False

    def done(self) -> dict[str, Any] | None:
        """Return the measurements of this job, if it has been done with files that are the same.

        Raises:
            FolderError: such a file cannot be read.
        """
        same = self.resume and rerun.is_same(self.place.folder, self.composed)
        found = finished(self.place.folder) if same else None
        try:
            changed = None if found is None else _changed(found, self.composed)
        except OSError as error:
            raise FolderError(f"{error.filename}: cannot be read ({reason(error)})") from None
        if changed:
            print(f"{changed}: has changed since this job was done; doing it again", flush=True)
            self.resume = False
        return None if changed else found

    def check(self) -> bool:
        """Check what is in the folder, touching nothing.

        Returns:
            Whether there is a checkpoint to go on from.

        Raises:
            FolderError: it is the user's, an input, or another configuration's.
        """
        from dip_lightning.loading import given_files  # noqa: PLC0415 - imports Lightning

        folder = self.place.folder
        layout.check(folder, layout.FOLDER, given_files(self.composed))
        same = rerun.is_same(folder, self.composed)
        held = not same and (folder / ".hydra" / "config.yaml").exists()
        if self.resume and held and not self.place.group:
            raise FolderError(
                f"resume=true: {shown_path(folder)} holds another configuration; name another "
                "folder, or leave resume=true out to replace what is there"
            )
        if self.resume and held and finished(folder) is not None:
            raise FolderError(
                f"{shown_path(folder)} holds a finished job of another configuration; name another "
                "hydra.sweep.dir=, or add resume=false to replace it"
            )
        return self.resume and same and checkpoint.exists(folder)

    def begin(self) -> None:
        """Make room in the folder: all that the job is given has been read.

        Raises:
            OSError: the folder cannot be written.
        """
        folder = self.place.folder
        ownership.remove_partials(folder)
        if not self.goes_on:
            layout.clear(folder)
            rerun.write(folder, self.composed, self.hydra_config)
        self.begun = True


def _run_locked(start: _Start) -> float | None:
    from dip_lightning.callbacks import loggers  # noqa: PLC0415 - imports Lightning
    from dip_lightning.cli import run  # noqa: PLC0415 - the same

    composed, place, status = start.composed, start.place, EXIT_FAILED
    try:
        result = run.run(composing.to_config(composed), place, start.begin, goes_on=start.goes_on)
        if not (place.folder / ".hydra").exists():  # somebody has removed the folder
            rerun.write(place.folder, composed, start.hydra_config)
    except FolderError:
        raise
    except (KeyboardInterrupt, SystemExit) as end:
        print(f"stopped before there was a result: {shown_path(place.folder)}", file=sys.stderr)
        status = 128 + signal.SIGINT if isinstance(end, KeyboardInterrupt) else int(end.code or 0)
        raise
    except Exception as error:  # noqa: BLE001 - one failing job must not stop the others
        _fail(start, error)
        return None
    finally:
        loggers.close_logger(status)  # of a fit that has ended, it is closed
        # The Trainer and its model refer to each other: only the collector frees their memory.
        gc.collect()
        _write_pages(start)
        layout.seal(place.folder, layout.FOLDER)
    gathering.gather(place, composed.observed or composed.image, result["status"])
    if result["signal"] is not None:
        raise SystemExit(128 + result["signal"])
    return _score(result, start.sweep, composed.objective)


def _write_pages(start: _Start) -> None:
    place = start.place
    if place.group:
        rows = summarise(place.folder.parent, start.sweep)
        if len(rows) <= MOST_SHOWN:
            write_page(page.write_dashboard, place.folder.parent)
    if start.begun:
        write_page(page.write_report, place.folder)


def _score(metrics: dict[str, Any], sweep: Sweep, objective: str) -> float | None:
    score: float | None = metrics.get(objective)
    if sweep.objective is not None and score is not None:
        print(f"objective: {objective} {score:.3f}", flush=True)
    return score


def _place(hydra_config: HydraConf) -> Place:
    folder = Path(hydra_config.runtime.output_dir)
    if hydra_config.mode != RunMode.MULTIRUN:
        return Place(folder)
    constant = hydra_config.job.config.override_dirname.exclude_keys
    # `+key` and `++key` are how Hydra is told of a key, not another one.
    told = dict(text.lstrip("+").partition("=")[::2] for text in hydra_config.overrides.task)
    values = {key: value for key, value in told.items() if key not in constant}
    group = Path(hydra_config.sweep.dir).name
    return Place(folder, hydra_config.job.override_dirname, group, values)


def _fail(start: _Start, error: Exception) -> None:
    from dip_lightning.runs import report  # noqa: PLC0415 - imports Lightning

    place = start.place
    sentence, diagnosis = _explain(place, error)
    if not start.begun and layout.holds_result(place.folder):
        print(f"left as it was: {shown_path(place.folder)}", flush=True)
        _refuse(start, sentence)
        return
    _report(place, sentence)
    try:
        if not start.begun:
            start.begin()
        values: dict[str, Any] = {"status": "failed", "error": sentence}
        values |= {"diagnosis": diagnosis, "swept": place.values}
        report.write_metrics(place.folder, values)
        _log_failure(start, values)
    except OSError:  # it may be the reason of the failure
        if _is_elsewhere(start):  # no file tells the process that has sent this one
            raise UserError(sentence) from None


def _log_failure(start: _Start, values: dict[str, Any]) -> None:
    from dip_lightning.callbacks import loggers  # noqa: PLC0415 - imports Lightning

    with suppress(UserError):  # the settings themselves are wrong: no run can have them
        loggers.log_failure(composing.to_config(start.composed), start.place, values)


def _explain(place: Place, error: Exception) -> tuple[str, str | None]:
    if memory.is_exhausted(error):
        sentence = "memory: there is not enough; use a smaller image or fewer channels"
        return sentence, "out_of_memory"
    diagnosis = getattr(error, "diagnosis", None)
    if isinstance(error, OSError):
        return f"{error.filename or shown_path(place.folder)}: {reason(error)}", diagnosis
    if isinstance(error, CodeError):
        print(traceback_of(error), file=sys.stderr)
    if isinstance(error, UserError):
        return str(error), diagnosis
    traceback.print_exc()
    return f"{type(error).__name__}: {error}", diagnosis


def _refuse(start: _Start, sentence: str) -> None:
    _report(start.place, sentence)
    refused.append(f"{start.place.swept}: {sentence}")
    if _is_elsewhere(start):
        # The folder is another's: nothing in it tells the process that has sent this one.
        raise UserError(sentence)


def _is_elsewhere(start: _Start) -> bool:
    return bool(start.hydra_config.runtime.choices["hydra/launcher"] != LOCAL)


def _report(place: Place, sentence: str) -> None:
    print(f"error: {sentence}", file=sys.stderr, flush=True)
    failures.append(f"{place.swept}: {sentence}" if place.swept else sentence)
