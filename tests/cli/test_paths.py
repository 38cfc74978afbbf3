"""Keys that name files take any name, ~, patterns and folders."""

import re

import pytest

from dip_lightning.cli.overrides import parse_overrides, values_of
from dip_lightning.cli.paths import expand, quoted
from dip_lightning.errors import UserError
from tests.cli.test_overrides import NAMES, read_back
from tests.conftest import save_png, smooth_image


@pytest.mark.parametrize("name", NAMES)
def test_an_existing_file_needs_no_quotes(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).touch()
    assert read_back(quoted(f"observed={name}")) == name


@pytest.mark.parametrize("name", [name for name in NAMES if name.endswith(".png")])
def test_any_file_of_a_folder_is_read_back(tmp_path, name):
    folder = tmp_path / "scans"
    folder.mkdir()
    paths = {str(save_png(folder / n, smooth_image(1, 8, 8))) for n in ("a.png", f"x{name}")}
    expanded = expand(f"observed={folder}")
    assert {str(path) for _, path in expanded.files} == paths
    (override,) = parse_overrides([expanded.text])
    assert {read_back(value) for value in values_of(override)} == paths


def test_quotes_of_the_user_stay(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert quoted("observed='a b.png'") == "observed='a b.png'"
    assert quoted("lr=0.1,0.2") == "lr=0.1,0.2"
    assert quoted("hydra.run.dir=out/ünï") == "hydra.run.dir='out/ünï'"


@pytest.mark.parametrize("key", ["observed", "image", "mask", "hydra.run.dir"])
def test_an_empty_name_is_refused(key):
    with pytest.raises(UserError, match=f"{key}=: is empty"):
        quoted(f"{key}=")


@pytest.mark.parametrize("name", ["${y}.png", "\\${y}.png", "\\\\${oc.env:HOME}"])
def test_a_name_is_never_an_interpolation(name):
    assert read_back(quoted(f"observed={name}")) == name


def test_a_number_is_a_name_too(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert read_back(quoted("observed=1e3")) == "1e3"
    assert quoted("image=camera,coins") == "image=camera,coins"
    assert quoted("mask=null") == "mask=null"


@pytest.mark.parametrize("key", ["observed", "image", "mask", "input_image"])
def test_home_is_expanded(tmp_path, monkeypatch, key):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert read_back(quoted(f"{key}=~/a b.png")) == f"{tmp_path}/a b.png"
    assert read_back(quoted(f"{key}='~/a.png'")) == f"{tmp_path}/a.png"
    swept = parse_overrides([quoted(f"{key}=~/a.png,b.png")])[0]
    assert [read_back(text) for text in values_of(swept)] == [f"{tmp_path}/a.png", "b.png"]


def test_home_is_expanded_in_result_folders(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert read_back(quoted("hydra.run.dir=~/x")) == f"{tmp_path}/x"


def test_a_file_called_home_wins(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "~").mkdir()
    (tmp_path / "~" / "a.png").touch()
    assert read_back(quoted("observed=~/a.png")) == "~/a.png"


@pytest.fixture
def scans(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("scans/a1.png", "scans/a2.gif", "scans/b.png", "scans/c.txt", "scans/deep/a3.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()


@pytest.mark.parametrize(
    ("pattern", "files", "note"),
    [
        ("scans/*.png", ["a1.png", "b.png"], ""),
        ("scans/a[0-9].png", ["a1.png"], ""),
        ("scans/*.gif", ["a2.gif"], ""),
        ("scans/**/*.png", ["a1.png", "b.png", "deep/a3.png"], ""),
        (
            "scans/*",
            ["a1.png", "b.png"],
            "2 skipped: GIF (1), TXT (1); 1 subfolder left out; recursive=true takes it",
        ),
    ],
)
@pytest.mark.usefixtures("scans")
def test_a_pattern_is_its_files(pattern, files, note):
    expanded = expand(quoted(f"observed={pattern}"))
    assert [str(path.relative_to(root)) for root, path in expanded.files] == files
    assert {str(root) for root, _ in expanded.files} == {"scans"}
    assert expanded.note == note


@pytest.mark.usefixtures("scans")
def test_a_file_whose_name_is_a_pattern_wins(tmp_path):
    (tmp_path / "scans" / "*.png").touch()
    expanded = expand(quoted("observed=scans/*.png"))
    assert (read_back(expanded.text), expanded.files) == ("scans/*.png", [])


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        ("observed=scans/*.bmp", "observed=scans/*.bmp: the pattern matches no image"),
        ("image=scans/*.t?t", "the pattern matches no image (1 skipped: TXT (1))"),
        ("observed=empty", "the folder holds no image (1 subfolder left out"),
        ("observed=https://a.org/b%20c.png?x=1", "is an address"),
        ("mask=http://a.org/b.png", "download it first: curl -LO http://a.org/b.png"),
    ],
)
@pytest.mark.usefixtures("scans")
def test_what_is_no_file_is_one_sentence(tmp_path, told, sentence):
    (tmp_path / "empty" / "sub").mkdir(parents=True)
    with pytest.raises(UserError, match=re.escape(sentence)):
        expand(quoted(told))


@pytest.mark.usefixtures("scans")
def test_subfolders_are_taken_if_told():
    expanded = expand("observed=scans", recursive=True)
    assert [path.name for _, path in expanded.files] == ["a1.png", "b.png", "a3.png"]
