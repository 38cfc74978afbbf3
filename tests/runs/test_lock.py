import errno
import os
import signal
import subprocess
import sys

import pytest

from dip_lightning.errors import FolderError
from dip_lightning.runs.layout import FOLDER, LOCK, check
from dip_lightning.runs.lock import locked

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
