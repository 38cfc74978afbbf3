"""Workers of a sweep: stopped with it, never left alone, their lines told apart."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dip_lightning import signals
from dip_lightning.cli.sweeps import workers
from dip_lightning.cli.sweeps.workers import Stopped
from tests.conftest import TINY, read_metrics

LABEL = "[3 of 20]"


@pytest.fixture
def stream():
    reading, writing = os.pipe()
    labelled = workers._Labelled(writing, LABEL)
    yield labelled, lambda: os.read(reading, 10_000).decode()
    os.close(reading)
    with contextlib.suppress(OSError):
        os.close(writing)


def test_a_line_is_one_write_with_its_label(stream, monkeypatch):
    labelled, _ = stream
    written = []
    monkeypatch.setattr("os.write", lambda _, content: written.append(content))
    print("a", "b", file=labelled)
    print("\n[3 of 20] lr=0.1", file=labelled, flush=True)
    print("half", end="", file=labelled, flush=True)
    assert written == [b"[3 of 20] a b\n", b"[3 of 20] lr=0.1\n"]
    labelled.close()
    assert written[2:] == [b"[3 of 20] half\n"]


def test_unusual_text_and_a_reader_that_is_gone(stream):
    labelled, read = stream
    print("\ud800 é", file=labelled)
    assert read() == "[3 of 20] \\ud800 é\n"
    assert not labelled.isatty()
    os.close(labelled.fileno())
    print("nobody reads", file=labelled)
    labelled.close()


def test_a_job_has_the_streams_for_as_long_as_it_runs(tmp_path, monkeypatch):
    with (tmp_path / "log").open("w") as log:
        monkeypatch.setattr("sys.stdout", log)
        monkeypatch.setattr("sys.stderr", log)
        with workers.working(LABEL):
            print("one")
            print("two", file=sys.stderr)
        assert sys.stdout is log
        assert sys.stderr is log
    assert (tmp_path / "log").read_text() == "[3 of 20] one\n[3 of 20] two\n"


def test_a_search_that_asks_a_stopped_job_is_stopped():
    with pytest.raises(SystemExit) as end:
        float(Stopped(signal.SIGTERM))
    assert end.value.code == 143


@pytest.mark.parametrize("blocks", [True, False])
def test_signals_are_noted_while_workers_run(blocks, monkeypatch, capsys):
    monkeypatch.setenv(workers.SLOTS, "")  # set back afterwards
    if not blocks:  # as on macOS
        monkeypatch.delattr("signal.sigtimedwait")
    before = signal.getsignal(signal.SIGINT), signal.pthread_sigmask(signal.SIG_BLOCK, ())
    with workers.relayed() as caught:
        assert signals.lasting is caught
        slots = Path(os.environ[workers.SLOTS])
        assert slots.is_dir()
        os.kill(os.getpid(), signal.SIGTERM)
        deadline = time.monotonic() + 10
        while caught.received is None and time.monotonic() < deadline:
            time.sleep(0.01)
    assert caught.received == signal.SIGTERM
    assert not slots.exists()
    assert signals.lasting is None
    assert "Ctrl-C again quits at once" in capsys.readouterr().err
    after = signal.getsignal(signal.SIGINT), signal.pthread_sigmask(signal.SIG_BLOCK, ())
    assert after == before


def test_ctrl_z_and_fg_are_no_signal_to_stop():
    program = "from dip_lightning.cli.sweeps import workers\n"
    program += "with workers.relayed() as caught:\n    print('begun', flush=True), input()\n"
    program += "print(caught.received)"
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", program], stdin=pipe, stdout=pipe) as process:
        assert process.stdout.readline() == b"begun\n"
        for number in (signal.SIGSTOP, signal.SIGCONT) * 3:
            time.sleep(2 * workers.POLL_SECONDS)
            os.kill(process.pid, number)
        assert process.communicate(b"\n", timeout=60) == (b"None\n", None)


class Sweep:
    """Four long jobs in two workers, in a session of their own."""

    def __init__(self, folder, photo):
        self.folder, self.log = folder, folder / "log"
        arguments = ["task=denoising", "preset=smoke", "logger=none", f"image={photo}", *TINY]
        arguments += ["iterations=100000", "-m", "seed=0,1,2,3", "hydra.sweep.dir=sweep"]
        arguments += ["launcher=joblib", "launcher.n_jobs=2"]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "dip_lightning", *arguments],
                cwd=folder,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def has_begun(self):
        return len(list(self.folder.glob("sweep/*/history.csv"))) == 2

    def wait_for(self, happened):
        deadline = time.monotonic() + 200
        while not happened():
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.05)

    def has_gone(self):
        try:
            os.killpg(self.process.pid, 0)
        except ProcessLookupError:
            return True
        return False


@pytest.fixture
def sweep(tmp_path, photo):
    started = Sweep(tmp_path, photo)
    try:
        started.wait_for(started.has_begun)
        yield started
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(started.process.pid, signal.SIGKILL)
        started.process.wait()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("send", "status"),
    [
        (lambda pid: os.killpg(pid, signal.SIGINT), 130),  # as a terminal does
        (lambda pid: os.kill(pid, signal.SIGTERM), 143),
    ],
    ids=["terminal", "terminate"],
)
def test_a_stopped_sweep_saves_what_there_is(sweep, send, status):
    send(sweep.process.pid)
    assert sweep.process.wait(timeout=200) == status
    sweep.wait_for(sweep.has_gone)
    said = sweep.log.read_text()
    for seed in (0, 1):
        folder = sweep.folder / "sweep" / f"seed={seed}"
        assert read_metrics(folder)["status"] == "interrupted"
        assert (folder / "last.ckpt").exists()
        assert (folder / "restored.png").exists()
        assert re.search(rf"^seed={seed} .* interrupted$", said, re.MULTILINE)
        assert f"[{seed + 1} of 4] result: sweep/seed={seed}/restored.png\n" in said
    assert not (sweep.folder / "sweep" / "seed=2" / "metrics.json").exists()
    assert "sweep: sweep\n" in said
    assert "stopped with 0 of 4 jobs finished; type the same command again to go on\n" in said
    assert "Traceback" not in said


@pytest.mark.slow
def test_workers_do_not_outlive_the_command(sweep):
    sweep.process.kill()
    sweep.process.wait()
    sweep.wait_for(sweep.has_gone)
    for seed in (0, 1):
        assert read_metrics(sweep.folder / "sweep" / f"seed={seed}")["status"] == "interrupted"


@pytest.mark.slow
def test_a_second_ctrl_c_quits_at_once(sweep):
    os.kill(sweep.process.pid, signal.SIGSTOP)  # so that both come before the jobs have ended
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCONT):
        os.kill(sweep.process.pid, number)
    assert sweep.process.wait(timeout=60) in {130, 143}
    sweep.wait_for(sweep.has_gone)
