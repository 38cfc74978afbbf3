"""All experiments of the study on one GPU, in parts; see docs/sweeps.md.

python -m benchmarks.study_gpu --out FOLDER --seconds 840 [KEY=VALUE ...]
"""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.study_gpu.archive import Archive
from benchmarks.study_gpu.jobs import PARTS, Job, read_jobs
from benchmarks.study_gpu.lanes import Lanes, alone
from benchmarks.study_gpu.pace import Pace, device
from benchmarks.study_gpu.running import Clock, Running, time_kinds
from dip_lightning.cli.resolvers import cores
from dip_lightning.errors import UserError

WIDEST = 8  # fits at a time, of a network and an image that use a fraction of a GPU
CORES = 2  # for each of them
RESERVE = (0.05, 10.0, 40.0)  # share of the time for saving in the end; at least, at most, seconds


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser("python -m benchmarks.study_gpu")
    parser.add_argument("--out", type=Path, required=True, help="folder of what leaves the machine")
    parser.add_argument("--seconds", type=float, default=840, help="after which it has ended")
    parser.add_argument("--work", type=Path, default=Path("outputs/study_gpu"), help="folder")
    parser.add_argument("--at-once", type=int, help="fits at a time")
    parser.add_argument("--parts", type=Path, default=PARTS, help="in place of parts.yaml")
    parser.add_argument("more", nargs="*", metavar="KEY=VALUE", help="for all jobs")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Returns:
        Exit status: 0, also when the time is up; 1 if a job failed; 2 for a mistake on the command
        line; 128 plus the number of the signal that stopped it.
    """
    given = arguments(argv)
    share, least, most = RESERVE
    reserve = min(most, max(least, share * given.seconds))
    clock = Clock(time.monotonic() + given.seconds, reserve)
    if not os.environ.get("DIP_DATA"):
        print("error: DIP_DATA: name the folder of the images with it", file=sys.stderr)
        return 2
    work = given.work.resolve()
    try:
        with clock.listening(), alone(work, clock.until - reserve) as held:
            return _run(given, work, held, clock)
    except (UserError, TimeoutError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def _run(given: argparse.Namespace, work: Path, held: int, clock: Clock) -> int:
    archive, jobs = Archive(given.out), read_jobs(given.parts, given.more)
    width = given.at_once or max(1, min(WIDEST, cores() // CORES))
    lanes = Lanes(width, work / "logs", max(1, cores() // width), held)
    left = [job for job in jobs if job.missing is None and not archive.holds(job)]
    timings = archive.timings.setdefault(device(), {})
    time_kinds(left, timings, lanes, clock)
    archive.write_ledger()
    pace = Pace(timings, width)
    for line in plan(jobs, archive, pace, clock.left):
        print(line, flush=True)
    running = Running(work, archive, pace, lanes, clock)
    running.run(left)
    for line in conclusion(jobs, archive, running.failed):
        print(line, flush=True)
    if clock.received is not None:
        return 128 + clock.received
    return 1 if running.failed else 0


def parts_of(jobs: list[Job]) -> dict[str, list[Job]]:
    """Sort jobs by their parts, in order."""
    parts: dict[str, list[Job]] = {}
    for job in jobs:
        parts.setdefault(job.part, []).append(job)
    return parts


def plan(jobs: list[Job], archive: Archive, pace: Pace, seconds: float) -> list[str]:
    """Say what is going to be done, how long it takes, and what is not there.

    Args:
        jobs: all.
        archive: with those that are done.
        pace: how long they take.
        seconds: in which to do them.
    """
    lines = [f"{'part':34} {'jobs':>4} {'left':>4} {'estimate':>9}  fits {seconds:.0f} s"]
    absent, total = [], 0.0
    for part, those in parts_of(jobs).items():
        left = [job for job in those if job.missing is None and not archive.holds(job)]
        estimate = pace.total(left)
        total += estimate or 0.0
        shown = "unknown" if estimate is None else f"{estimate:.0f} s"
        answer = "?" if estimate is None else "yes" if total <= seconds else "no"
        answer = answer if left else "done"
        lines.append(f"{part:34} {len(those):4} {len(left):4} {shown:>9}  {answer}")
        missing = list(dict.fromkeys(job.missing for job in those if job.missing))
        if missing:
            where = os.environ["DIP_DATA"]
            absent.append(f"{part}: left out, as {where} does not hold it: {', '.join(missing)}")
    return [*lines, f"{'together':49} {total:6.0f} s, fits taking turns", *absent]


def conclusion(jobs: list[Job], archive: Archive, failed: dict[str, str]) -> list[str]:
    """Say what is done, what is left, and how long it took."""
    lines = ["", f"{'part':34} {'done':>4} {'left':>4} {'failed':>6} {'seconds':>8}"]
    done = 0
    for part, those in parts_of(jobs).items():
        held = [job for job in those if archive.holds(job)]
        lost = sum(job.key in failed for job in those)
        left = len(those) - len(held) - lost
        seconds = sum(map(archive.seconds, those))
        lines.append(f"{part:34} {len(held):4} {left:4} {lost:6} {seconds:8.0f}")
        done += len(held)
    there = sum(job.missing is None for job in jobs)
    again = "; the same command does what is left" if done < there else ""
    return [*lines, f"{done} of {len(jobs)} jobs are done, in {archive.folder}{again}"]


if __name__ == "__main__":
    sys.exit(main())
