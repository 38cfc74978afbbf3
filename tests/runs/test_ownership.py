import json
import os

import pytest

from dip_lightning.runs import ownership
from dip_lightning.runs.ownership import LISTING, owns, write


@pytest.fixture
def folder(tmp_path):
    ownership.begin(tmp_path / "out")
    (tmp_path / "out" / "tiles" / "000").mkdir(parents=True)
    return tmp_path / "out"


@pytest.mark.parametrize("name", ["a.png", "tiles/000/last.ckpt"])
def test_what_is_written_is_ours_until_somebody_changes_it(folder, name):
    path = folder / name
    write(path, b"one")
    write(path, b"two")
    assert owns(path)
    path.write_bytes(b"mine")
    assert not owns(path)
    with pytest.raises(FileExistsError, match="was changed since"):
        write(path, b"three")
    assert path.read_bytes() == b"mine"
    assert [inner.name for inner in path.parent.iterdir() if inner.is_file()].count(path.name) == 1


def test_a_copy_of_the_folder_is_ours_too(folder, tmp_path):
    write(folder / "a.png", b"one")
    folder.rename(tmp_path / "moved")
    assert owns(tmp_path / "moved" / "a.png")
    assert owns(tmp_path / "moved" / ".." / "moved" / "a.png")


@pytest.mark.parametrize("kind", ["file", "link", "broken link", "folder", "pipe"])
def test_what_is_not_listed_is_never_written_to(folder, tmp_path, kind):
    path, other = folder / "a.png", tmp_path / "photo.png"
    other.write_bytes(b"photo")
    if kind == "file":
        path.write_bytes(b"photo")
    elif "link" in kind:
        path.symlink_to(other if kind == "link" else "nowhere")
    elif kind == "folder":
        path.mkdir()
    else:
        os.mkfifo(path)
    before = path.lstat()
    for change in (ownership.claim, lambda p: write(p, b"new")):
        with pytest.raises(FileExistsError):
            change(path)
    ownership.remove(path)
    assert path.lstat() == before
    assert other.read_bytes() == b"photo"


def test_a_link_in_place_of_ours_is_the_users(folder, tmp_path):
    write(folder / "a.png", b"one")
    (folder / "a.png").rename(tmp_path / "kept.png")
    (folder / "a.png").symlink_to(tmp_path / "kept.png")
    assert not owns(folder / "a.png")


def test_what_a_killed_run_was_writing_is_ours(folder):
    path = folder / "history.csv"
    ownership.claim(path)
    path.write_bytes(b"half a ro")
    assert owns(path)
    ownership.seal(path)
    assert owns(path)
    path.write_bytes(b"mine")
    assert not owns(path)


def test_a_name_that_was_claimed_and_never_used_is_free(folder):
    path = folder / "history.csv"
    ownership.claim(path)
    ownership.seal(path)
    path.write_bytes(b"mine")
    assert not owns(path)


def test_what_is_removed_and_put_back_by_the_user_is_the_users(folder):
    path = folder / "history.csv"
    ownership.claim(path)
    path.write_bytes(b"ours")
    ownership.remove(path)
    assert not path.exists()
    path.write_bytes(b"mine")
    ownership.remove(path)
    assert path.read_bytes() == b"mine"


def test_it_is_listed_before_it_exists(folder, monkeypatch):
    replace = type(folder).replace

    def look(self, target):
        assert json.loads((folder / LISTING).read_text().splitlines()[-1])["file"] == "a.png"
        assert not (folder / "a.png").exists()
        return replace(self, target)

    monkeypatch.setattr(type(folder), "replace", look)
    write(folder / "a.png", b"one")
    assert owns(folder / "a.png")


def test_half_a_file_of_a_killed_run_goes(folder):
    mine = folder / f".{'0' * 32}.partial.a.png"
    mine.touch()
    with ownership.writing(folder / "tiles" / "000" / "a.png") as partial:
        partial.touch()
        text = (folder / LISTING).read_text()
        partial.write_bytes(b"whole")
    partial.write_bytes(b"half")
    (folder / LISTING).write_text(text)
    ownership.remove_partials(folder)
    assert not partial.exists()
    assert mine.exists()


@pytest.mark.parametrize("cut", range(1, 30, 7))
def test_a_line_that_was_cut_off_costs_no_other(folder, cut):
    write(folder / "a.png", b"one")
    write(folder / "b.png", b"one")
    listing = folder / LISTING
    listing.write_bytes(listing.read_bytes()[:-cut])
    assert owns(folder / "a.png")
    assert not owns(folder / "b.png")
    write(folder / "c.png", b"two")
    assert owns(folder / "c.png")


@pytest.mark.parametrize("kind", ["text", "folder", "link"])
def test_a_list_of_the_users_is_no_list(tmp_path, kind):
    listing = tmp_path / LISTING
    if kind == "text":
        listing.write_text('{"file": "a.png", "blake2b": null}')
    elif kind == "folder":
        listing.mkdir()
    else:
        write(tmp_path / "out.jsonl", b"")
        (tmp_path / LISTING).rename(tmp_path / "list")
        listing.symlink_to("list")
    assert ownership.is_foreign(listing)
    (tmp_path / "a.png").touch()
    assert not owns(tmp_path / "a.png")
    with pytest.raises(FileExistsError):
        write(tmp_path / "new.png", b"one")
    with pytest.raises(FileExistsError):
        ownership.begin(tmp_path)
    assert not (tmp_path / "new.png").exists()


def test_a_list_that_a_killed_run_has_just_begun(tmp_path):
    (tmp_path / LISTING).touch()
    ownership.begin(tmp_path)
    write(tmp_path / "a.png", b"one")
    assert owns(tmp_path / "a.png")


def test_a_name_may_be_as_long_as_the_system_takes(folder):
    path = folder / f"{'n' * 251}.png"
    write(path, b"one")
    assert owns(path)
    assert path.read_bytes() == b"one"
