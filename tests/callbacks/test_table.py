import errno
import shutil

import pytest

from dip_lightning.callbacks.table import Table


@pytest.fixture
def table(tmp_path):
    (tmp_path / "out").mkdir()
    table = Table(tmp_path / "out" / "a.csv", ("a", "b"))
    table.begin()
    table.append([("1", "2")])
    return table


def written(table):
    return table.path.read_bytes().decode()


def test_the_file_holds_what_the_table_holds(table):
    assert table.text == written(table) == "a,b\r\n1,2\r\n"


def test_rows_after_the_checkpoint_are_dropped(table):
    text = table.text
    table.append([("3", "4")])
    again = Table(table.path, ("a", "b"))
    again.fill([("1", "2")])
    again.begin()
    assert written(table) == text


def test_a_table_that_went_on_can_be_filled_anew(table):
    again = Table(table.path, ("a", "b"))
    again.fill([("1", "2")])
    again.begin()
    again.append([("2.5", "3")])  # for the file alone
    again.fill([("1", "2"), ("3", "4")])
    again.begin()
    assert written(again) == again.text == "a,b\r\n1,2\r\n3,4\r\n"


def test_a_damaged_file_is_written_anew(table):
    again = Table(table.path, ("a", "b"))
    again.fill([("1", "2")])
    table.path.write_bytes(b"\x00\xff")
    again.begin()
    assert written(again) == "a,b\r\n1,2\r\n"


def test_a_full_disk_loses_no_row(table, monkeypatch, capsys):
    opened = type(table.path).open

    def full(self, mode="r", *arguments, **settings):
        if "r" not in mode:
            raise OSError(errno.ENOSPC, "No space left on device", str(self))
        return opened(self, mode, *arguments, **settings)

    with monkeypatch.context() as patch:
        patch.setattr(type(table.path), "open", full)
        table.append([("3", "4")])
        table.append([("5", "6")])
        with pytest.raises(OSError, match="No space left"):
            table.finish()
    assert capsys.readouterr().err.count("No space left on device; the fit goes on") == 1
    table.append([("7", "8")])
    assert written(table) == table.text == "a,b\r\n1,2\r\n3,4\r\n5,6\r\n7,8\r\n"


def test_a_folder_that_is_removed_is_made_again(table, capsys):
    shutil.rmtree(table.path.parent)
    table.append([("3", "4")])
    assert "a.csv: No such file or directory; the fit goes on" in capsys.readouterr().err
    table.finish()
    assert written(table) == table.text == "a,b\r\n1,2\r\n3,4\r\n"
