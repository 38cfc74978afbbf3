"""Processes side by side, stopped in good order, and never left alone."""

import ctypes
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile

POLL = 0.1  # seconds
DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG of Linux's prctl


@dataclass
class Lane:
    """A process.

    Attributes:
        name: what it does.
        process: that does it.
        log: file with what it prints.
        began: when, by the monotonic clock.
    """

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    began: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """How long it has run."""
        return time.monotonic() - self.began

    @property
    def mistake(self) -> str:
        """What it has said went wrong, in a sentence."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        told = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
        return (told or [line for line in lines if line.strip()] or ["it said nothing"])[-1]


class Lanes:
    """Run some commands at a time.

    Args:
        width: how many.
        folder: of what they print.
        threads: each may use on the CPU.
        held: number of an open file that they inherit, whose lock lasts until the last one ends.
    """

    def __init__(self, width: int, folder: Path, threads: int, held: int) -> None:
        self.width, self.folder, self.held = width, folder, held
        self.environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "PYTHONUNBUFFERED": "1"}
        self.busy: list[Lane] = []

    def start(self, name: str, arguments: Sequence[str], told: bytes = b"") -> Lane:
        """Start `python ARGUMENTS`.

        Args:
            name: what it does, with slashes.
            arguments: of the interpreter.
            told: its standard input.
        """
        log = self.folder / f"{name.replace('/', '--')}.txt"
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as out, TemporaryFile() as source:
            source.write(told)
            source.seek(0)
            process = subprocess.Popen(
                [sys.executable, *arguments],
                stdin=source,
                stdout=out,
                stderr=subprocess.STDOUT,
                env=self.environment,
                pass_fds=(self.held,),
                preexec_fn=_die_with_parent,  # noqa: PLW1509 - nothing here has threads
            )
        lane = Lane(name, process, log)
        self.busy.append(lane)
        return lane

    def ended(self) -> list[Lane]:
        """Give the processes that have ended since this was last asked."""
        over = [lane for lane in self.busy if lane.process.poll() is not None]
        self.busy = [lane for lane in self.busy if lane not in over]
        return over

    def stop(self, until: float) -> list[Lane]:
        """End all: each saves what it has; who has not by then is killed.

        Args:
            until: a moment of the monotonic clock.
        """
        stopped, self.busy = self.busy, []
        for lane in stopped:
            lane.process.send_signal(signal.SIGTERM)
        for lane in stopped:
            try:
                lane.process.wait(max(0.0, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                lane.process.kill()
                lane.process.wait()
        return stopped


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(DIE_WITH_PARENT, signal.SIGTERM)


@contextmanager
def alone(folder: Path, until: float) -> Iterator[int]:
    """Wait until no process of an earlier call works in a folder, and keep others out.

    Args:
        folder: made if there is none.
        until: a moment of the monotonic clock.

    Yields:
        Number of an open file: whoever inherits it keeps others out, too, until it ends.

    Raises:
        TimeoutError: others are at work there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT)
    try:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    raise TimeoutError(f"{folder}: another call is at work there") from None
            time.sleep(POLL)
        yield handle
    finally:
        os.close(handle)
