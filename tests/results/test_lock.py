import json
import os
import subprocess
import sys

import pytest

from dip_lightning.errors import FolderError
from dip_lightning.results import ownership
from dip_lightning.results.layout import LOCK as NAME
from dip_lightning.results.lock import _describe, is_alive, locked


@pytest.fixture
def other():
    """A process that runs."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process
    process.communicate()


def holder(process, **changes):
    from dip_lightning.results.lock import _born

    return {**_describe(), "pid": process.pid, "born": _born(process.pid), **changes}


def left(folder, text):
    """Leave the lock of a process that was killed."""
    ownership.begin(folder)
    ownership.claim(folder / NAME)
    (folder / NAME).write_text(text)


def names(folder):
    return {path.name for path in folder.iterdir()} - {ownership.LISTING}


def test_the_lock_goes_with_its_process(tmp_path):
    with locked(tmp_path / "out"):
        assert json.loads((tmp_path / "out" / NAME).read_text())["pid"] == os.getpid()
    assert names(tmp_path / "out") == set()


def test_it_goes_after_a_failure_too(tmp_path):
    with pytest.raises(ZeroDivisionError), locked(tmp_path):
        raise ZeroDivisionError
    assert names(tmp_path) == set()


def test_a_folder_in_use_is_left_alone(tmp_path, other):
    text = json.dumps(holder(other))
    (tmp_path / NAME).write_text(text)
    with (
        pytest.raises(FolderError, match=f"process {other.pid} on .* works there"),
        locked(tmp_path),
    ):
        pass
    assert (tmp_path / NAME).read_text() == text
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


@pytest.mark.parametrize("text", ["", "{", "[]"])
def test_half_a_lock_is_taken_over(tmp_path, text):
    left(tmp_path, text)
    with locked(tmp_path):
        assert json.loads((tmp_path / NAME).read_text()) == _describe()
    assert names(tmp_path) == set()


def test_the_lock_of_a_dead_process_is_taken_over(tmp_path, other):
    dead = holder(other)
    other.communicate()
    left(tmp_path, json.dumps(dead))
    with locked(tmp_path):
        assert json.loads((tmp_path / NAME).read_text()) == _describe()


@pytest.mark.parametrize("text", ["", "mine", '{"a": 1}'])
def test_a_file_of_the_users_of_that_name_stays(tmp_path, text):
    (tmp_path / NAME).write_text(text)
    with pytest.raises(FileExistsError), locked(tmp_path):
        pass
    assert (tmp_path / NAME).read_text() == text


def test_who_is_alive(other, monkeypatch):
    assert is_alive(holder(other))
    assert not is_alive(holder(other, born="1"))  # the number has been used again
    assert not is_alive({**_describe(), "born": "1"})
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    assert is_alive(holder(other, host="elsewhere"))
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    assert is_alive(holder(other, host="elsewhere", job="6"))
    assert not is_alive(holder(other, host="elsewhere", job="7"))


def test_the_last_of_two_that_take_it_over_has_it(tmp_path, monkeypatch):
    left(tmp_path, "")
    rival = {**_describe(), "pid": 1}
    monkeypatch.setattr("time.sleep", lambda _: (tmp_path / NAME).write_text(json.dumps(rival)))
    monkeypatch.setattr("dip_lightning.results.lock.is_alive", lambda _: False)
    with pytest.raises(FolderError, match="process 1"), locked(tmp_path):
        pass


def test_one_that_another_has_taken_over_meanwhile_is_left_alone(tmp_path, monkeypatch):
    lock = tmp_path / NAME
    left(tmp_path, json.dumps({**_describe(), "pid": 1}))
    rival = json.dumps({**_describe(), "pid": 2})
    answers = iter([lambda: False, lambda: not lock.write_text(rival)])
    monkeypatch.setattr("dip_lightning.results.lock.is_alive", lambda _: next(answers)())
    with pytest.raises(FolderError, match="process 2"), locked(tmp_path):
        pass
    assert lock.read_text() == rival


def test_another_users_process_is_alive(other, monkeypatch):
    def forbidden(pid, number):
        raise PermissionError

    monkeypatch.setattr("os.kill", forbidden)
    assert is_alive(holder(other))
