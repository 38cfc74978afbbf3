"""The study's jobs on one device until they are done, or the time is up."""

import json
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.study_gpu.archive import Archive
from benchmarks.study_gpu.jobs import Job
from benchmarks.study_gpu.lanes import POLL, Lane, Lanes
from benchmarks.study_gpu.pace import Pace
from dip_lightning.cli.overrides import quote
from dip_lightning.runs.run import read_metrics

TIMING_SHARE = 0.25  # of the time, at most, goes into timing
USUAL = ("logger=none", "checkpoint_seconds=15")
STOPPED = 128  # and the number of a signal: exit status of what one has stopped


@dataclass
class Clock:
    """When to stop.

    Attributes:
        until: a moment of the monotonic clock, for all that is done.
        reserve: seconds before it in which the running fits save what they have.
        received: number of the signal that came; None if none did.
    """

    until: float
    reserve: float
    received: int | None = None

    @property
    def left(self) -> float:
        """Seconds in which to compute; none after a signal."""
        if self.received is not None:
            return 0.0
        return max(0.0, self.until - self.reserve - time.monotonic())

    @property
    def patience(self) -> float:
        """Until when the running fits may save what they have; there is some time after that."""
        share = 0.75 * self.reserve
        return min(self.until - self.reserve, time.monotonic()) + share

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Note SIGTERM and Ctrl-C."""

        def note(number: int, _: object) -> None:
            self.received = number

        before = {n: signal.signal(n, note) for n in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def time_kinds(jobs: list[Job], known: dict[str, float], lanes: Lanes, clock: Clock) -> None:
    """Time an iteration of each kind of job that has not been timed, a process for each network.

    Args:
        jobs: that are to be done.
        known: seconds by kind; gets the others, as far as there is time.
        lanes: all idle.
        clock: when to stop.
    """
    first = {job.kind: job for job in reversed(jobs) if job.kind not in known}
    asked: dict[str, list[Any]] = {}
    for kind, job in first.items():
        asked.setdefault(job.network, []).append([kind, job.command])
    end = time.monotonic() + TIMING_SHARE * clock.left
    if asked:
        print(f"timing {len(first)} kinds of fits ...", flush=True)
    waiting, logs = list(asked.items()), []
    while (waiting or lanes.busy) and clock.left and time.monotonic() < end:
        while waiting and len(lanes.busy) < lanes.width:
            network, kinds = waiting.pop(0)
            module = ["-m", "benchmarks.study_gpu.timing", str(lanes.folder / "timing.lock")]
            logs.append(lanes.start(f"timing/{network}", module, json.dumps(kinds).encode()).log)
        for lane in lanes.ended():
            if lane.process.returncode:
                print(f"{lane.name}: {lane.mistake}", flush=True)
        time.sleep(POLL)
    lanes.stop(time.monotonic() + POLL)
    for log in logs:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
        known.update(json.loads(line) for line in lines if line.startswith('["'))


@dataclass
class Running:
    """Jobs as they are done.

    Attributes:
        work: folder of results, checkpoints and logs.
        archive: of what leaves the machine.
        pace: how long jobs take.
        lanes: where they run.
        clock: when to stop.
        failed: why jobs have failed, by key.
    """

    work: Path
    archive: Archive
    pace: Pace
    lanes: Lanes
    clock: Clock
    failed: dict[str, str] = field(default_factory=dict)
    _jobs: dict[str, Job] = field(default_factory=dict)
    _went_on: set[str] = field(default_factory=set)

    def run(self, jobs: list[Job]) -> None:
        """Do jobs, the first ones first, until all are done or the time is up.

        A job that would not end in the time that is left waits, while a later one that would goes
        before it.
        """
        waiting = list(jobs)
        while (waiting or self.lanes.busy) and self.clock.left:
            for lane in self.lanes.ended():
                self._end(lane)
            while len(self.lanes.busy) < self.lanes.width and (job := self._next(waiting)):
                waiting.remove(job)
                self._begin(job)
            if not self.lanes.busy:
                break
            time.sleep(POLL)
        for lane in self.lanes.stop(self.clock.patience):
            self._end(lane)

    def _next(self, waiting: list[Job]) -> Job | None:
        left, company = self.clock.left, len(self.lanes.busy) + 1
        for job in waiting:
            if self.pace.fits(job, left, company):
                return job
        # None would end in time: one begins all the same, and its checkpoint serves the next call.
        alone = waiting and not self.lanes.busy and left > self.pace.start
        return waiting[0] if alone else None

    def result(self, job: Job) -> Path:
        """Name the result folder of a job, which is a sweep of one."""
        return self.work / job.key / "job"

    def _begin(self, job: Job) -> None:
        self._jobs[job.key] = job
        if (self.result(job) / "last.ckpt").exists():
            self._went_on.add(job.key)
        place = f"hydra.sweep.dir={quote(str(self.work / job.key))}"
        told = {text.partition("=")[0] for text in job.command}
        usual = [text for text in USUAL if text.partition("=")[0] not in told]
        self.lanes.start(job.key, ["-m", "dip_lightning", "-m", *job.command, *usual, place])

    def _end(self, lane: Lane) -> None:
        job, seconds = self._jobs[lane.name], lane.seconds
        code, metrics = lane.process.returncode, read_metrics(self.result(job))
        status = metrics.get("status")
        if code == 0 or (code > STOPPED and status == "interrupted"):
            self._gather(job, metrics, seconds)
        elif self.clock.left:
            said = metrics.get("error") if status == "failed" else None
            self.failed[job.key] = str(said or lane.mistake)
            print(f"{job.key}: failed: {self.failed[job.key]}", flush=True)

    def _gather(self, job: Job, metrics: dict[str, Any], seconds: float) -> None:
        status = metrics.get("status")
        if status == "finished" and job.key not in self._went_on:
            self.pace.saw(job, seconds, metrics)
        has_room = self.archive.add(job, self.result(job), self.archive.seconds(job) + seconds)
        psnr = metrics.get("psnr_average")
        print(
            f"{job.key}: {status}, {metrics.get('iterations')} iterations, {seconds:.0f} s"
            + ("" if psnr is None else f", {psnr:.2f} dB averaged")
            + ("" if has_room else "; no room for its images"),
            flush=True,
        )
