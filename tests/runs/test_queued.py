import json
import os
import signal
import subprocess
import sys

import pytest

from dip_lightning.runs.layout import JOBS, JOBS_LOCK, SWEEP
from dip_lightning.runs.queued import announced, queued
from tests.dashboard.conftest import write_run

COMMAND = """
import sys
from pathlib import Path
from dip_lightning.runs.queued import announced
with announced(Path(sys.argv[1]), {name: {"seed": int(name[5:])} for name in sys.argv[2:]}):
    print("announced", flush=True)
    input()
"""


@pytest.fixture
def command(tmp_path):
    """Start other commands over a sweep."""
    (tmp_path / "sweeps" / "one").mkdir(parents=True)
    begun = []

    def start(*names):
        arguments = [sys.executable, "-c", COMMAND, tmp_path / "sweeps" / "one", *names]
        process = subprocess.Popen(
            arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert process.stdout.readline() == "announced\n"
        begun.append(process)
        return process

    yield start
    for process in begun:
        if process.poll() is None:
            process.communicate("\n")
        for stream in (process.stdin, process.stdout):
            stream.close()


def names(root):
    return [job["name"] for job in queued(root)]


def test_jobs_wait_until_they_begin(tmp_path, command):
    process = command("seed=1", "seed=2", "seed=3")
    assert queued(tmp_path)[1] == {
        "group": "sweeps/one",
        "name": "seed=2",
        "settings": {"seed": 2},
    }
    write_run(tmp_path / "sweeps" / "one" / "seed=1", status="running")
    (tmp_path / "sweeps" / "one" / "seed=2").mkdir()
    assert names(tmp_path) == ["seed=2", "seed=3"]
    assert queued(tmp_path / "sweeps" / "one")[0]["group"] == "."
    process.communicate("\n")
    assert names(tmp_path) == []


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs a signal that kills")
def test_nobody_waits_for_a_killed_command(tmp_path, command):
    process = command("seed=1")
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert names(tmp_path) == []


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs a signal that kills")
def test_a_second_command_adds_its_jobs(tmp_path, command):
    first = command("seed=1", "seed=2")
    command("seed=2", "seed=3")
    assert names(tmp_path) == ["seed=1", "seed=2", "seed=3"]
    first.communicate("\n")


def test_what_an_ended_command_has_left_waits_for_nobody(tmp_path, command):
    command("seed=1").communicate("\n")
    command("seed=2")
    assert names(tmp_path) == ["seed=2"]
    listed = json.loads((tmp_path / "sweeps" / "one" / JOBS).read_text())["jobs"]
    assert list(listed) == ["seed=1", "seed=2"]


def test_without_jobs_nothing_is_written(tmp_path):
    with announced(tmp_path, {}):
        assert not list(tmp_path.iterdir())


def test_both_files_are_of_the_table(tmp_path):
    with announced(tmp_path, {"a": {"seed": 1}}):
        assert {JOBS, JOBS_LOCK} <= {path.name for path in tmp_path.iterdir()}
    assert {JOBS, JOBS_LOCK} <= set(SWEEP)


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"jobs": 1}',
        '{"jobs": {"a": 1, "b": {"settings": []}}}',
        '{"jobs": {"../a": {"settings": {}, "waits": true}}}',
        '{"jobs": {"a": {"settings": {}, "waits": "yes"}}}',
    ],
)
def test_a_damaged_list_is_passed_over(tmp_path, command, text):
    command("seed=1")
    (tmp_path / "sweeps" / "one" / JOBS).write_text(text)
    assert queued(tmp_path) == []


def test_a_file_of_the_users_of_that_name_stays(tmp_path, capsys):
    (tmp_path / JOBS).write_text("mine")
    with announced(tmp_path, {"a": {"seed": 1}}):
        pass
    assert (tmp_path / JOBS).read_text() == "mine"
    assert "the sweep goes on" in capsys.readouterr().err


def test_a_sweep_without_its_list_is_none_the_worse(tmp_path, command):
    command("seed=1")
    (tmp_path / "sweeps" / "one" / JOBS).unlink()
    assert queued(tmp_path) == []
