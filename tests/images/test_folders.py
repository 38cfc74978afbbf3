"""What is found in a folder, and what is said of the rest."""

from dip_lightning.images.folders import Listing


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def found(folder, *, recursive=False):
    listing = Listing()
    listing.add_folder(folder, recursive=recursive)
    return [str(path.relative_to(folder)) for path in listing.files], str(listing)


def test_images_are_sorted_and_the_rest_is_counted(tmp_path):
    touch(tmp_path, "b.png", "a.JPG", ".hidden.png", "x.heic", "y.HEIC", "z.mov", "README")
    assert found(tmp_path) == (["a.JPG", "b.png"], "4 skipped: HEIC (2), no suffix (1), MOV (1)")


def test_raw_files_are_left_out_and_it_is_said_how_to_take_them(tmp_path):
    touch(tmp_path, "a.jpg", "a.dng")
    assert found(tmp_path) == (["a.jpg"], "1 skipped: DNG (1); a pattern such as *.dng takes DNG")


def test_subfolders_are_taken_if_told(tmp_path):
    touch(tmp_path, "a.png", "sub/b.png", "sub/deep/c.png", "sub/d.txt", ".git/e.png")
    assert found(tmp_path) == (["a.png"], "1 subfolder left out; recursive=true takes it")
    taken = ["a.png", "sub/b.png", "sub/deep/c.png"]
    assert found(tmp_path, recursive=True) == (taken, "1 skipped: TXT (1)")


def test_earlier_results_are_no_images_of_the_user(tmp_path):
    touch(tmp_path, "a.png", "out/restored.png", "out/.hydra/config.yaml")
    touch(tmp_path, "outputs/sweeps/x/sweep.csv", "outputs/sweeps/x/all/a.png")
    assert found(tmp_path, recursive=True)[0] == ["a.png"]


def test_links_in_a_circle_end(tmp_path):
    touch(tmp_path, "sub/a.png")
    (tmp_path / "sub" / "up").symlink_to(tmp_path)
    (tmp_path / "again").symlink_to(tmp_path / "sub")
    assert len(found(tmp_path, recursive=True)[0]) == 1
