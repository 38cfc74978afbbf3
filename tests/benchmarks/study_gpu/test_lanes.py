import os
import subprocess
import sys
import time

import pytest

from benchmarks.study_gpu.lanes import Lanes, alone
from tests.conftest import ROOT

WAITS = (
    "import signal, sys, time\n"
    "signal.signal(signal.SIGTERM, lambda *_: (print('saved', flush=True), sys.exit(143)))\n"
    "print('ready', flush=True)\ntime.sleep(60)"
)
DEAF = (
    "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "print('ready', flush=True)\ntime.sleep(60)"
)


def wait_for(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.fixture
def lanes(tmp_path):
    with alone(tmp_path, time.monotonic()) as held:
        lanes = Lanes(2, tmp_path / "logs", 3, held)
        yield lanes
        lanes.stop(0)


def test_a_process_is_told_and_heard(lanes):
    code = "import os, sys; print(sys.stdin.read(), os.environ['OMP_NUM_THREADS']); sys.exit(4)"
    lane = lanes.start("a/b", ["-c", code], b"hello")
    lane.process.wait(20)
    assert lanes.ended() == [lane]
    assert lanes.ended() == lanes.busy == []
    assert (lane.process.returncode, lane.log.name) == (4, "a--b.txt")
    assert lane.log.read_text() == "hello 3\n"


def test_the_mistake_is_what_it_said(lanes):
    code = "print('error: lr=x: expected a number\\nmore')"
    lane = lanes.start("a", ["-c", code])
    lane.process.wait(20)
    assert lane.mistake == "lr=x: expected a number"


def test_who_is_stopped_saves_first_and_who_is_deaf_is_killed(lanes):
    good, deaf = lanes.start("good", ["-c", WAITS]), lanes.start("deaf", ["-c", DEAF])
    wait_for(lambda: all("ready" in lane.log.read_text() for lane in (good, deaf)))
    assert lanes.stop(time.monotonic() + 1) == [good, deaf]
    assert (good.process.returncode, deaf.process.returncode) == (143, -9)
    assert "saved" in good.log.read_text()


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux to tell of a parent's death")
def test_nobody_outlives_a_call_that_is_killed(tmp_path):
    code = (
        "import sys, time\nfrom pathlib import Path\n"
        "from benchmarks.study_gpu.lanes import Lanes, alone\n"
        "folder = Path(sys.argv[1])\n"
        "with alone(folder, 0) as held:\n"
        "    Lanes(1, folder, 1, held).start('a', ['-c', sys.argv[2]])\n"
        "    time.sleep(60)"
    )
    where = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
    call = subprocess.Popen([sys.executable, "-c", code, str(tmp_path), WAITS], env=where)
    log = tmp_path / "a.txt"
    wait_for(lambda: log.exists() and "ready" in log.read_text())
    with pytest.raises(TimeoutError, match="another call"), alone(tmp_path, 0):
        pass
    call.kill()
    call.wait()
    with alone(tmp_path, time.monotonic() + 20):  # as soon as the last one has saved
        assert "saved" in log.read_text()
