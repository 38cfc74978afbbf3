"""Jobs in processes beside this one: stopped with it, never left alone, their lines told apart."""

from __future__ import annotations

import io
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from tempfile import TemporaryDirectory

from dip_lightning import signals
from dip_lightning.signals import SIGNALS, Signals

POLL_SECONDS = 0.2
SLOTS = "DIP_SLOTS"  # environment variable: the folder in which workers lock a GPU each
_busy = threading.Lock()  # held while a job runs in this worker


class Stopped:
    """What a job returns that was stopped, or not begun for that reason.

    A search asks it for its number, and is stopped by that; a grid does not ask.

    Args:
        number: of the signal.
    """

    def __init__(self, number: int) -> None:
        self.number = number

    def __float__(self) -> float:
        """Stop who asks.

        Raises:
            SystemExit: always.
        """
        raise SystemExit(128 + self.number)


# In the process that has started the others


@contextmanager
def relayed() -> Iterator[Signals]:
    """Catch signals while workers run jobs, and pass the first one on to them.

    Each worker ends its fit after the iteration, writes the result, and begins no other job. A
    second Ctrl-C kills them.

    Workers begin with all signals blocked, as this thread has them, so that Ctrl-C, which a
    terminal sends to every process, cannot break off a worker that is still starting.
    """
    told: set[int] = set()
    caught = Signals(first=_announce, again=_kill)
    with caught, _blocked() as heard, TemporaryDirectory(prefix="dip_lightning-") as slots:
        os.environ[SLOTS] = slots
        ended = threading.Event()
        listener = threading.Thread(target=_listen, args=(caught, heard, told, ended), daemon=True)
        listener.start()
        signals.lasting = caught
        try:
            yield caught
        finally:
            signals.lasting = None
            ended.set()
            listener.join()
            _shut_down()


@contextmanager
def _blocked() -> Iterator[set[int]]:
    """Block the signals that are not ignored, where a thread can wait for them instead."""
    in_main = threading.current_thread() is threading.main_thread()
    if not in_main or not hasattr(signal, "sigtimedwait"):
        yield set()
        return
    from multiprocessing import resource_tracker  # noqa: PLC0415 - not for Windows

    # Starting it unblocks signals; so it has to be there before.
    resource_tracker.ensure_running()
    heard = {n for n in SIGNALS if signal.getsignal(n) is not signal.SIG_IGN}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, heard)
    try:
        yield heard
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _listen(caught: Signals, heard: set[int], told: set[int], ended: threading.Event) -> None:
    while not ended.wait(POLL_SECONDS):
        # With a timeout, Python returns a number at random where Ctrl-Z and fg interrupt the wait.
        while heard and (came := signal.sigtimedwait(heard, 0)) is not None:
            caught.receive(came.si_signo)
        if caught.received is not None and sys.platform != "win32":  # which can only kill
            for process in _processes():
                if process.pid is not None and process.pid not in told:
                    told.add(process.pid)
                    with suppress(ProcessLookupError):
                        os.kill(process.pid, signal.SIGTERM)


def _processes() -> list[multiprocessing.process.BaseProcess]:
    return [p for p in multiprocessing.active_children() if p.name.startswith("LokyProcess")]


def _announce(_: int) -> None:
    print(
        "stopping: each running job ends after its iteration and saves its result; "
        "Ctrl-C again quits at once",
        file=sys.stderr,
        flush=True,
    )


def _kill(number: int) -> None:
    for process in _processes():
        process.kill()
    if signals.owns_process:
        signals.quit_at_once(number)


def _shut_down() -> None:
    from joblib.externals.loky import get_reusable_executor  # noqa: PLC0415 - an extra

    # They would outlive the sweep by minutes, in the folder that it was started in.
    get_reusable_executor().shutdown(wait=True)


# In a worker


def begin(home: int) -> None:
    """Make this process a worker: it notes signals, and ends when its parent has.

    Args:
        home: number of the process that has started this one.
    """
    if signals.lasting is not None:
        return
    # How Ctrl-C is meant, once or twice, is the parent's to say.
    signals.lasting = Signals(again=lambda _: None).__enter__()
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    if os.getppid() == home:
        threading.Thread(target=_watch, args=(home,), daemon=True).start()


def _watch(home: int) -> None:
    while os.getppid() == home:
        time.sleep(POLL_SECONDS)
    stop = signals.lasting
    if stop is not None:
        stop.receive(signal.SIGTERM)
    with _busy:
        os._exit(128 + signal.SIGTERM)


@contextmanager
def working(label: str) -> Iterator[None]:
    """Run a job in a worker: whole lines only, each with the job's label.

    Args:
        label: such as "[3 of 20]".
    """
    before = sys.stdout, sys.stderr
    with _busy:
        sys.stdout, sys.stderr = (_Labelled(stream.fileno(), label) for stream in before)
        try:
            yield
        finally:
            for stream in (sys.stdout, sys.stderr):
                stream.close()
            sys.stdout, sys.stderr = before


class _Labelled(io.TextIOBase):
    """Text to a file descriptor, a labelled line at a time: one write, which no other splits."""

    def __init__(self, target: int, label: str) -> None:
        self._target, self._label = target, label
        self._begun = ""

    @property
    def encoding(self) -> str:  # type: ignore[override]  # an attribute of TextIOBase
        return "utf-8"

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._target

    def isatty(self) -> bool:
        return False  # several progress bars on one terminal would overwrite each other

    def write(self, text: str) -> int:
        *lines, self._begun = (self._begun + text).split("\n")
        for line in lines:
            self._emit(line)
        return len(text)

    def close(self) -> None:
        if not self.closed:
            self._emit(self._begun)
            self._begun = ""
        super().close()

    def _emit(self, line: str) -> None:
        if not line.strip():
            return
        labelled = line if line.startswith(self._label) else f"{self._label} {line}"
        with suppress(OSError):  # nobody reads any more; the fit goes on
            os.write(self._target, f"{labelled}\n".encode(errors="backslashreplace"))
