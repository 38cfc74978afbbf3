import errno
import os

import pytest

from dip_lightning.files import Attempts, reason, shown_path, whole


def write(path, content):
    partial = path.with_name("partial")
    with whole(path, partial):
        partial.write_bytes(content)


def test_a_file_is_replaced_as_a_whole(tmp_path):
    write(tmp_path / "a", b"one")
    write(tmp_path / "a", b"two")
    assert (tmp_path / "a").read_bytes() == b"two"
    assert os.listdir(tmp_path) == ["a"]  # noqa: PTH208


def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    write(tmp_path / "a", b"one")

    def full(_handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write(tmp_path / "a", b"two")
    assert (tmp_path / "a").read_bytes() == b"one"
    assert os.listdir(tmp_path) == ["a"]  # noqa: PTH208


def test_reasons_are_never_empty():
    assert reason(OSError(errno.ENOSPC, "No space left on device")) == "No space left on device"
    assert reason(OSError("odd")) == "odd"
    assert reason(PermissionError()) == "PermissionError"


def test_attempts_are_complained_about_once_until_one_succeeds(tmp_path, capsys):
    attempts, path = Attempts("the fit goes on"), tmp_path / "a"

    def attempt(*, full):
        with attempts.at(path):
            if full:
                raise OSError(errno.ENOSPC, "No space left on device")

    for full, failing in ((True, True), (True, True), (False, False), (True, True)):
        attempt(full=full)
        assert attempts.failing is failing
    said = capsys.readouterr().err.splitlines()
    assert said == [f"{shown_path(path)}: No space left on device; the fit goes on"] * 2
    with pytest.raises(ValueError, match="another"), attempts.at(path):
        raise ValueError("another kind")
