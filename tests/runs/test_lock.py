import errno
import os
import signal
import subprocess
import sys
import threading

import pytest

from dip_lightning.errors import FolderError
from dip_lightning.runs.layout import FOLDER, LOCK, check
from dip_lightning.runs.lock import is_held, locked, shared

HOLDER = """
import sys
from pathlib import Path
from dip_lightning.runs.lock import locked
with locked(Path(sys.argv[1])):
    print("locked", flush=True)
    input()
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that works in a folder."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, tmp_path / "out"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "locked\n"
    yield process
    process.communicate()


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_what_stays_is_an_empty_file_of_ours(tmp_path):
    with locked(tmp_path / "out"):
        pass
    assert (tmp_path / "out" / LOCK).read_bytes() == b""
    check(tmp_path / "out", FOLDER)
    with locked(tmp_path / "out"):
        pass


def test_it_is_freed_after_a_failure_too(tmp_path):
    with pytest.raises(ZeroDivisionError), locked(tmp_path):
        raise ZeroDivisionError
    with locked(tmp_path):
        pass


def test_a_folder_in_use_is_left_alone(tmp_path, holder):
    before = contents(tmp_path / "out")
    with pytest.raises(FolderError, match="another process is working"), locked(tmp_path / "out"):
        pass
    assert contents(tmp_path / "out") == before


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs a signal that kills")
def test_a_killed_process_leaves_no_obstacle(tmp_path, holder):
    with pytest.raises(FolderError), locked(tmp_path / "out"):
        pass
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    with locked(tmp_path / "out"):
        assert (tmp_path / "out" / LOCK).exists()


@pytest.mark.parametrize("text", ["", "mine"])
def test_a_file_of_the_users_of_that_name_stays(tmp_path, text):
    (tmp_path / LOCK).write_text(text)
    with pytest.raises(FileExistsError, match="was not written"), locked(tmp_path):
        pass
    assert (tmp_path / LOCK).read_text() == text


def test_a_file_system_without_locks_is_refused(tmp_path, monkeypatch):
    def missing(*_):
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr("filelock._unix.lock_fd_nonblocking", missing)
    with pytest.raises(FolderError, match=r"cannot be locked \(Function not"), locked(tmp_path):
        pass


def test_who_asks_learns_whether_a_process_is_at_work(tmp_path, holder):
    lock = tmp_path / "out" / LOCK
    assert is_held(lock) is True
    holder.communicate("\n")
    assert is_held(lock) is False
    assert is_held(tmp_path / "none") is None


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs a signal that kills")
def test_a_killed_process_is_not_at_work(tmp_path, holder):
    assert is_held(tmp_path / "out" / LOCK) is True
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    assert is_held(tmp_path / "out" / LOCK) is False


def test_a_process_is_at_work_for_itself_too(tmp_path):
    with locked(tmp_path):
        assert is_held(tmp_path / LOCK) is True
    assert is_held(tmp_path / LOCK) is False


def test_who_asks_does_not_keep_a_process_from_its_work(tmp_path):
    fcntl = pytest.importorskip("fcntl")
    with locked(tmp_path):
        pass
    with (tmp_path / LOCK).open() as asking:
        fcntl.flock(asking, fcntl.LOCK_SH | fcntl.LOCK_NB)
        timer = threading.Timer(0.1, fcntl.flock, (asking, fcntl.LOCK_UN))
        timer.start()
        with locked(tmp_path):
            assert is_held(tmp_path / LOCK) is True
        timer.join()


def test_without_such_locks_nobody_knows(tmp_path, monkeypatch):
    (tmp_path / LOCK).touch()
    (tmp_path / "folder").mkdir()
    assert is_held(tmp_path / "folder" / LOCK / "inside") is None

    def missing(*_):
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr("dip_lightning.runs.lock.fcntl.flock", missing)
    assert is_held(tmp_path / LOCK) is None
    with shared(tmp_path / "shared") as share:
        assert share.joined is None
        assert share.close_to_others()
    monkeypatch.setattr("dip_lightning.runs.lock.fcntl", None)
    assert is_held(tmp_path / LOCK) is None


def test_several_hold_a_lock_together(tmp_path):
    lock = tmp_path / "several"
    with shared(lock) as first:
        assert first.joined is False
        with shared(lock) as second:
            assert second.joined is True
        assert is_held(lock, by_several=True) is True
        with shared(lock):
            assert not first.close_to_others()
            assert is_held(lock, by_several=True) is True
        assert first.close_to_others()
        with pytest.raises(FolderError, match="another process is working there"), shared(lock):
            pass
    assert is_held(lock, by_several=True) is False
    assert lock.read_bytes() == b""
