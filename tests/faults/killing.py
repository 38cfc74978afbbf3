"""Kill a fit at random moments, go on with the same command, compare every bit.

python -m tests.faults.killing [--points N] [--seed N]

Each fit is a process of its own, forked after the imports: starting Python anew takes longer than
the fit. Signals are SIGKILL mostly, SIGTERM and SIGINT; some fits are killed while they write the
checkpoint, with half of it on the disk.
"""

import argparse
import csv
import json
import multiprocessing
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

import dip_lightning.cli.run  # noqa: F401 - imported here, once, instead of in each process
from dip_lightning import files
from dip_lightning.cli import main as command_line
from dip_lightning.runs import checkpoint
from tests.conftest import save_png, smooth_image

ITERATIONS = 300
PRECISIONS = ("float32", "bfloat16")
SIGNALS = (*[signal.SIGKILL] * 6, signal.SIGTERM, signal.SIGTERM, signal.SIGINT)
TIMING = {"seconds", "iterations_per_second", "peak_memory_bytes"}
WRITING = 3  # every third fit is killed while it writes one of its 30 checkpoints


def arguments(photo: Path, precision: str) -> list[str]:
    """Return the command of a fit; all of a precision are the same."""
    return [
        *(f"image={photo}", "task=restoration", "known=0.5", "guard=1.2", "logger=none"),
        f"preset={'paper' if precision == 'float32' else 'fast'}",
        *(f"precision={precision}", f"diagnose={str(precision == 'float32').lower()}"),
        *(f"iterations={ITERATIONS}", "schedule=warmup_cosine", "log_every=7", "chunk=10"),
        *("network.down=[4]", "network.up=[4]", "network.skip=[2]", "input_depth=3", "threads=1"),
        *("checkpoint_seconds=0", "resume=true"),
    ]


def start(log: Path, command: list[str], prepare: Callable[[], None] = lambda: None) -> int:
    """Start the command in a process of its own.

    Args:
        log: file for what it prints; the command runs in the file's folder.
        command: key=value.
        prepare: called in the process before the command.

    Returns:
        The process's number.
    """
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        handle = os.open(log, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
        os.dup2(handle, 1)
        os.dup2(handle, 2)
        os.chdir(log.parent)
        prepare()
        status = command_line.main(command)
    except SystemExit as stop:
        status = int(stop.code or 0)
    finally:
        sys.stdout.flush()
        os._exit(status)


def wait(pid: int) -> int:
    """Wait for a process: its exit status, or minus the signal that ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def die_in_write(count: int) -> Callable[[], None]:
    """Return what makes a fit kill itself in a checkpoint's write, with half of it on the disk."""

    def prepare() -> None:
        healthy, written = os.fsync, [0]

        def deadly(handle: int) -> None:
            path = Path(f"/proc/self/fd/{handle}").readlink()
            written[0] += path.name.endswith(f".partial.{checkpoint.NAME}")
            if written[0] == count:
                os.ftruncate(handle, os.fstat(handle).st_size // 2)
                os.kill(os.getpid(), signal.SIGKILL)
            healthy(handle)

        files.os.fsync = deadly  # type: ignore[attr-defined]

    return prepare


def differences(one: Any, two: Any, where: str = "") -> Iterator[str]:
    """Name every place where two nested results differ, but for measured times."""
    if isinstance(one, dict) and isinstance(two, dict):
        for key in one.keys() | two.keys():
            if key not in TIMING:
                yield from differences(one.get(key), two.get(key), f"{where}.{key}")
    elif isinstance(one, list | tuple) and isinstance(two, list | tuple) and len(one) == len(two):
        for i, (a, b) in enumerate(zip(one, two, strict=True)):
            yield from differences(a, b, f"{where}[{i}]")
    elif isinstance(one, torch.Tensor) and isinstance(two, torch.Tensor):
        if one.dtype != two.dtype or not torch.equal(one, two):
            yield where
    elif type(one) is not type(two) or one != two:
        yield where


def result(folder: Path) -> dict[str, Any]:
    """Read everything of a result folder that has to be the same."""
    saved = checkpoint.read(folder / checkpoint.NAME)
    del saved["callbacks"]  # the tables, with seconds in them; read from their files instead
    return {
        "names": sorted(path.name for path in folder.iterdir()),
        "checkpoint": saved,
        "metrics": json.loads((folder / "metrics.json").read_text()),
        "history": rows(folder / "history.csv"),
        "diagnostics": rows(folder / "diagnostics.csv"),
        "restored": (folder / "restored.png").read_bytes(),
    }


def rows(path: Path) -> list[dict[str, str]]:
    """Read a CSV file, if there is one; `seconds` must grow."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        found = list(csv.DictReader(file))
    seconds = [float(row["seconds"]) for row in found if "seconds" in row]
    if seconds != sorted(seconds):
        raise AssertionError(f"{path}: seconds go back")
    return found


def one_point(folder: Path, command: list[str], draw: random.Random, usual: float) -> str:
    """Start a fit, end it at a random moment, and start it again until it has finished.

    Returns:
        What was done, for the log.

    Raises:
        AssertionError: an exit status is not what it has to be.
    """
    log, command = folder.with_suffix(".log"), [*command, f"hydra.run.dir={folder.name}"]
    if draw.randrange(WRITING) == 0:
        count, number = draw.randrange(1, 31), signal.SIGKILL
        pid, done = start(log, command, die_in_write(count)), f"in write {count}"
    else:
        number, moment = draw.choice(SIGNALS), draw.uniform(0, usual)
        pid, done = start(log, command), f"after {moment:.2f} s"
        time.sleep(moment)
        os.kill(pid, number)
    status = wait(pid)
    done = f"{number.name} {done}, status {status}"
    metrics = folder / "metrics.json"
    ended = metrics.exists() and json.loads(metrics.read_text())["status"] == "finished"
    allowed = {-number, 128 + number} | ({0} if ended else set())
    if status not in allowed:
        raise AssertionError(f"{done}: expected {allowed}, see {log}")
    begun = "the beginning"
    if (folder / checkpoint.NAME).exists():
        begun = f"iteration {checkpoint.read(folder / checkpoint.NAME)['fit']['iteration']}"
    again = wait(start(log, command))
    if again != 0:
        raise AssertionError(f"{done}, again from {begun}: status {again}, see {log}")
    return f"{done}, again from {begun}"


def check(folder: Path, precision: str, points: list[int], seed: int) -> None:
    """Kill fits of one precision and compare each with the one that was not killed.

    Args:
        folder: where to work; it holds photo.png.
        precision: float32 or bfloat16.
        points: numbers of the fits that are killed.
        seed: of the moments.

    Raises:
        AssertionError: a fit that was killed does not end as the one that was not.
    """
    command, began = arguments(folder / "photo.png", precision), time.monotonic()
    log = folder / f"{precision}.log"
    if wait(start(log, [*command, f"hydra.run.dir={precision}"])) != 0:
        raise AssertionError(log.read_text())
    whole, usual = result(folder / precision), time.monotonic() - began
    for point in points:
        target, draw = folder / f"point_{point}", random.Random(f"{seed} {point}")  # noqa: S311
        done = one_point(target, command, draw, usual)
        found = list(differences(whole, result(target)))
        if found:
            raise AssertionError(f"{target.name}, {done}: differs in {', '.join(found)}")
        print(f"{point + 1} {precision}: {done}: bit-identical", flush=True)


def main() -> None:
    """Run the whole from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--points", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    torch.set_num_threads(1)
    began, fork = time.monotonic(), multiprocessing.get_context("fork")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        save_png(folder / "photo.png", smooth_image(3, 17, 13))
        workers = []
        for first, precision in enumerate(PRECISIONS):
            points = list(range(first, given.points, len(PRECISIONS)))
            work = (folder, precision, points, given.seed)
            workers.append(fork.Process(target=check, args=work))
            workers[-1].start()
        for worker in workers:
            worker.join()
    if any(worker.exitcode != 0 for worker in workers):
        sys.exit(1)
    print(f"{given.points} of {given.points} bit-identical in {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
