import os
from pathlib import Path

import pytest

from dip_lightning.errors import FolderError
from dip_lightning.runs import layout, ownership
from dip_lightning.runs.layout import FOLDER, check, present

RUN = ("restored.png", "snapshots/000010.webp", "tiles/000/last.ckpt", ".hydra/config.yaml")
RUN += ("metrics.json",)


def tree(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != ownership.LISTING
    }


@pytest.fixture
def folder(tmp_path):
    """A result folder of ours with notes of the user's in it."""
    folder = tmp_path / "out"
    ownership.begin(folder)
    for name in RUN:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        ownership.write(folder / name, name.encode())
    for name in ("notes.txt", "snapshots/holiday.jpg", "tiles/map.png"):
        (folder / name).write_text("mine")
    return folder


def test_only_results_are_removed(folder):
    layout.clear(folder)
    assert set(tree(folder)) == {"notes.txt", "snapshots/holiday.jpg", "tiles/map.png"}
    assert not (folder / ".hydra").exists()
    assert not (folder / "tiles" / "000").exists()


def test_a_result_that_is_half_removed_is_none(folder, monkeypatch):
    removed, remove = [], ownership.remove

    def killed(path):
        if removed:
            raise KeyboardInterrupt
        removed.append(path)
        remove(path)

    monkeypatch.setattr(ownership, "remove", killed)
    with pytest.raises(KeyboardInterrupt):
        layout.clear(folder)
    assert removed == [folder / "metrics.json"]
    assert (folder / "restored.png").exists()


@pytest.mark.parametrize(
    "name",
    [
        *("restored.tif", "mask.png", "snapshots/000020.webp", "tiles/003/history.csv", ".lock"),
        *("metrics.json", "csv/metrics.csv", ".hydra/rerun.yaml", "report.html"),
        *("wandb/debug.log", ownership.LISTING),
    ],
)
def test_a_file_of_the_users_is_in_the_way(tmp_path, name):
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("mine")
    with pytest.raises(FolderError, match="name another folder, or move it away"):
        check(tmp_path, FOLDER)
    path.unlink()
    check(tmp_path, FOLDER)


@pytest.mark.parametrize("name", ["snapshots", ".hydra", "tiles", "tiles/000"])
def test_so_is_one_in_place_of_a_folder(tmp_path, name):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("mine")
    with pytest.raises(FolderError, match=name):
        check(tmp_path, FOLDER)


@pytest.mark.parametrize("name", ["snapshots/2024.webp", "tiles/x/last.ckpt", "a.partial"])
def test_other_names_are_not(tmp_path, name):
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).touch()
    check(tmp_path, FOLDER)


def test_an_input_is_never_replaced(folder, tmp_path):
    inside, link, hard = folder / "restored.png", tmp_path / "link.png", tmp_path / "hard.png"
    link.symlink_to(inside)
    os.link(inside, hard)
    for file in (inside, folder / ".." / "out" / "restored.png", link, hard):
        with pytest.raises(FolderError, match=r"observed=a: the result in .* would replace it"):
            check(folder, FOLDER, [("observed=a", file)])
    check(folder, FOLDER, [("observed=a", folder / "notes.txt"), ("mask=b", Path("nowhere"))])


def test_where_case_does_not_count_other_spellings_are_found(tmp_path, monkeypatch):
    (tmp_path / "snapshots").mkdir()
    for name in ("Restored.PNG", "snapshots/000001.WEBP"):
        (tmp_path / name).touch()
    assert list(present(tmp_path, FOLDER)) == []
    exists = os.path.lexists

    def folded(path):
        names = os.listdir(Path(path).parent) if Path(path).parent.is_dir() else []  # noqa: PTH208
        return exists(path) or Path(path).name.lower() in map(str.lower, names)

    monkeypatch.setattr(os.path, "lexists", folded)
    found = {path.name for path in present(tmp_path, FOLDER)}
    assert found == {"restored.png", "000001.webp"}
