"""The restored images of a folder in one place."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from dip_lightning.cli.sweeps import gathering
from dip_lightning.runs import ownership
from dip_lightning.runs.naming import Place
from tests.conftest import save_png, smooth_image

QUICK = ("task=denoising", "preset=smoke", "iterations=1", "logger=none")


def job(sweep, name, content=b"restored"):
    folder = sweep / name
    (folder / ".hydra").mkdir(parents=True, exist_ok=True)
    (folder / "restored.png").write_bytes(content)
    return Place(folder, group="sweep", values={"observed": "x"})


def files(sweep):
    found = (path for path in (sweep / "all").rglob("*") if path.is_file())
    return {str(path.relative_to(sweep / "all")): path.read_bytes() for path in found}


def shown(sweep):
    return {name: content for name, content in files(sweep).items() if not name.startswith(".")}


def planned(sweep, *paths, root=Path("scans")):
    ownership.begin(sweep)
    gathering.plan(sweep, [(root, root / path) for path in paths])
    names = gathering._read(sweep / "all" / gathering.NAMES)
    return [names[str(root / path)] for path in paths]


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["a.png", "b.v2.jpg"], ["a", "b.v2"]),
        (["a.png", "a.jpg", "b.png"], ["a.png", "a.jpg", "b"]),
        (["a.png", "A.PNG", "A.png"], None),
        (["a.png", "sub/a.png"], ["a", "sub/a"]),
    ],
)
def test_no_two_files_have_one_name(tmp_path, paths, names):
    found = planned(tmp_path, *paths)
    assert len({name.casefold() for name in found}) == len(paths)
    assert names is None or found == names


def test_the_same_file_of_two_folders_has_two_names(tmp_path):
    roots = [Path("one"), Path("two")]
    gathering.plan(tmp_path, [(root, root / "a.png") for root in roots])
    names = gathering._read(tmp_path / "all" / gathering.NAMES)
    assert names == {"one/a.png": "one/a.png", "two/a.png": "two/a.png"}


def test_a_name_stays_when_files_come(tmp_path):
    assert planned(tmp_path, "a.jpg") == ["a"]
    assert planned(tmp_path, "a.jpg", "a.png") == ["a", "a.png"]


def test_a_result_is_replaced_by_the_next_of_its_job(tmp_path):
    planned(tmp_path, "a.png")
    for content in (b"one", b"two", b"two"):
        gathering.gather(job(tmp_path, "job", content), "scans/a.png", "finished")
        assert shown(tmp_path) == {"a.png": content}


def test_what_the_user_has_put_there_stays(tmp_path, capfd):
    planned(tmp_path, "a.png")
    place = job(tmp_path, "job")
    gathering.gather(place, "scans/a.png", "finished")
    (tmp_path / "all" / "a.png").write_bytes(b"retouched")
    gathering.gather(place, "scans/a.png", "finished")
    assert shown(tmp_path) == {"a.png": b"retouched"}
    assert (place.folder / "restored.png").read_bytes() == b"restored"
    assert (
        "all/a.png: was not written by this version, or was changed since" in capfd.readouterr().err
    )


def test_a_partial_result_and_a_file_of_no_folder_are_not_gathered(tmp_path):
    planned(tmp_path, "a.png")
    place = job(tmp_path, "job")
    gathering.gather(place, "scans/a.png", "interrupted")
    gathering.gather(place, "elsewhere.png", "finished")
    gathering.gather(Place(place.folder), "scans/a.png", "finished")
    assert shown(tmp_path) == {}


def test_each_setting_has_a_folder(tmp_path):
    planned(tmp_path, "a.png")
    for lr in ("0.1", "0.2"):
        place = job(tmp_path, f"lr={lr}")
        place.values["lr"] = lr
        gathering.gather(place, "scans/a.png", "finished")
    assert set(shown(tmp_path)) == {"lr=0.1/a.png", "lr=0.2/a.png"}


def test_a_folder_ends_in_one_place(dip, tmp_path):
    (tmp_path / "scans" / "sub").mkdir(parents=True)
    for name in ("a.png", "sub/a.png"):
        save_png(tmp_path / "scans" / name, smooth_image(1, 9, 11))
    Image.fromarray(np.full((9, 11), 99, np.uint8)).save(tmp_path / "scans" / "a.jpg")
    tifffile.imwrite(tmp_path / "scans" / "b.tif", np.full((9, 11), 9999, np.uint16))
    (tmp_path / "scans" / "c.heic").touch()
    command = (*QUICK, "observed=scans", "recursive=true", "hydra.sweep.dir=X")
    status, out, err = dip(*command)
    assert status == 0
    names = {"a.png.png", "a.jpg.png", "sub/a.png", "b.png", "b.tif"}
    assert set(shown(tmp_path / "X")) == names
    assert tifffile.imread(tmp_path / "X" / "all" / "b.tif").dtype == np.uint16
    assert "restored images: X/all" in out
    assert err.splitlines()[0] == "1 skipped: HEIC (1)"
    (tmp_path / "X" / "all" / "b.tif").unlink()
    status, out, _ = dip(*command)
    assert (status, out.count("finished before")) == (0, 4)
    assert set(shown(tmp_path / "X")) == names
