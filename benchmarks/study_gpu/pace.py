"""How long jobs take: timed before, corrected by those that have finished."""

import subprocess
from collections.abc import Iterable
from statistics import median
from typing import Any

from benchmarks.study_gpu.jobs import Job

START = 12.0  # seconds that a job takes besides its iterations, until one has been seen
SEEN = 8  # jobs; those before were in other company


class Pace:
    """What is known of the speed.

    Args:
        timings: seconds of an iteration that has the device to itself, by kind of job.
        width: jobs at a time; until one has been seen, fits are taken to wait for each other.
    """

    def __init__(self, timings: dict[str, float], width: int) -> None:
        self.timings, self.width = timings, width
        self._slower, self._starts = [float(width)], [START]

    def fit(self, job: Job) -> float | None:
        """Estimate the seconds of a job's iterations with the device to itself; None: unknown."""
        each = self.timings.get(job.kind)
        return None if each is None else each * job.iterations

    def total(self, jobs: Iterable[Job]) -> float | None:
        """Estimate the seconds of several jobs; None: unknown.

        Their fits take turns on the device, while others of them start.
        """
        fits = [self.fit(job) for job in jobs]
        known = [seconds for seconds in fits if seconds is not None]
        if len(known) < len(fits):
            return None
        return max(sum(known), sum(self.start + fit for fit in known) / self.width)

    @property
    def start(self) -> float:
        """Seconds of a job besides its iterations."""
        return median(self._starts)

    def fits(self, job: Job, left: float, company: int) -> bool:
        """Say whether a job that begins now ends in so many seconds.

        Args:
            job: of which nothing is done yet.
            left: seconds.
            company: jobs that run then, this one included.
        """
        slower = min(median(self._slower), company)
        return self.start + (self.fit(job) or 0.0) * slower <= left

    def saw(self, job: Job, seconds: float, metrics: dict[str, Any]) -> None:
        """Learn from a finished job.

        Args:
            job: of one go; one that went on from a checkpoint says nothing.
            seconds: that it took, all in all.
            metrics: its metrics.json.
        """
        fit, alone = metrics.get("seconds"), self.fit(job)
        if not isinstance(fit, float) or fit > seconds:
            return
        self._starts = [*self._starts, seconds - fit][-SEEN:]
        if alone:
            self._slower = [*self._slower, fit / alone][-SEEN:]


def device() -> str:
    """Name what fits are computed on, without loading PyTorch."""
    try:
        asked = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
        found = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return "CPU"
    return found.strip().partition("\n")[0] or "CPU"
