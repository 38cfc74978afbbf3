from pathlib import Path

from dip_lightning.files import shown_path
from dip_lightning.runs.naming import counted


def test_a_path_below_the_current_folder_is_shown_as_one_would_type_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert shown_path(tmp_path / "a" / "b") == Path("a/b")
    assert shown_path(tmp_path.parent) == tmp_path.parent


def test_counted():
    assert [counted(n, "iteration") for n in (0, 1, 2)] == [
        "0 iterations",
        "1 iteration",
        "2 iterations",
    ]
