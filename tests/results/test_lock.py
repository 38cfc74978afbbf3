import json
import os
import subprocess
import sys

import pytest

from dip_lightning.errors import FolderError
from dip_lightning.results.lock import NAME, _describe, is_alive, locked


@pytest.fixture
def other():
    """A process that runs."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process
    process.communicate()


def holder(process, **changes):
    from dip_lightning.results.lock import _born

    return {**_describe(), "pid": process.pid, "born": _born(process.pid), **changes}


def test_the_lock_goes_with_its_process(tmp_path):
    with locked(tmp_path / "out"):
        assert json.loads((tmp_path / "out" / NAME).read_text())["pid"] == os.getpid()
    assert list((tmp_path / "out").iterdir()) == []


def test_it_goes_after_a_failure_too(tmp_path):
    with pytest.raises(ZeroDivisionError), locked(tmp_path):
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


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
    (tmp_path / NAME).write_text(text)
    with locked(tmp_path):
        assert json.loads((tmp_path / NAME).read_text()) == _describe()
    assert list(tmp_path.iterdir()) == []


def test_the_lock_of_a_dead_process_is_taken_over(tmp_path, other):
    dead = holder(other)
    other.communicate()
    (tmp_path / NAME).write_text(json.dumps(dead))
    with locked(tmp_path):
        assert json.loads((tmp_path / NAME).read_text()) == _describe()


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
    (tmp_path / NAME).write_text("")
    rival = {**_describe(), "pid": 1}
    monkeypatch.setattr("time.sleep", lambda _: (tmp_path / NAME).write_text(json.dumps(rival)))
    monkeypatch.setattr("dip_lightning.results.lock.is_alive", lambda _: False)
    with pytest.raises(FolderError, match="process 1"), locked(tmp_path):
        pass


def test_one_that_another_has_taken_over_meanwhile_is_left_alone(tmp_path, monkeypatch):
    lock = tmp_path / NAME
    lock.write_text(json.dumps({**_describe(), "pid": 1}))
    rival = json.dumps({**_describe(), "pid": 2})
    monkeypatch.setattr("dip_lightning.results.lock.is_alive", lambda _: not lock.write_text(rival))
    with pytest.raises(FolderError, match="process 2"), locked(tmp_path):
        pass
    assert lock.read_text() == rival


def test_another_users_process_is_alive(other, monkeypatch):
    def forbidden(pid, number):
        raise PermissionError

    monkeypatch.setattr("os.kill", forbidden)
    assert is_alive(holder(other))
