"""Files that are not there are found before anything is written."""

import os

import pytest

from dip_lightning.cli.checking import check, check_inputs, parse
from dip_lightning.errors import UserError
from tests.conftest import save_png, smooth_image


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DIP_DATA", raising=False)
    for name in ("a.png", "m.png"):
        save_png(tmp_path / name, smooth_image(1, 8, 8))
    for folder in ("masks", "scans"):
        (tmp_path / folder).mkdir()
    (tmp_path / "empty.png").touch()
    for name in ("a.png", "b.png"):
        save_png(tmp_path / "scans" / name, smooth_image(1, 8, 8))


def notes(line):
    return check_inputs(check(parse(line.split())))


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("observed=b.png", "observed=b.png: no such file"),
        ("observed=${y}.png", "observed=${y}.png: no such file"),
        ("observed=empty.png", "observed=empty.png: the file is empty"),
        ("image=b.png", "image=b.png: no such file; choose a file, a sample"),
        ("image=set5/bbird", "image=set5/bbird: no such file; choose one of set5/baby"),
        ("task=inpainting observed=a.png mask=b.png", "mask=b.png: no such file"),
        ("task=inpainting observed=a.png mask=masks", "holds no mask named a"),
        ("task=inpainting mask=bm3d11_masks image=chelsea", "bm3d11_masks/chelsea: no such file"),
        ("task=inpainting observed=scans mask=nowhere.png", "mask=nowhere.png: no such file"),
        ("task=deblurring observed=a.png kernel=b.png", "kernel=b.png: no such file"),
        (
            "task=deblurring kernel=gausian",
            "kernel=gausian: no such file, and none of gaussian, disk",
        ),
        ("task=operator operator=b.py:B", "operator=b.py:B: no such file"),
        ("task=operator operator=nowhere:B", "operator=nowhere:B: no module nowhere"),
        ("task=operator operator=torch.nn:Conv2d", "operator.in_channels=: torch.nn:Conv2d needs"),
        (
            "task=operator operator=tests.operators.damages:Pooled operator.a=3",
            "operator.a=3: tests.operators.damages:Pooled has no such argument; it takes columns",
        ),
        ("input_type=image input_image=b.png", "input_image=b.png: no such file"),
        ("-m image=b.png seed=1,2", "image=b.png: no such file"),
    ],
)
def test_a_file_that_is_missing_is_a_sentence(line, sentence, tmp_path):
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(UserError) as error:
        notes(line)
    assert sentence in str(error.value)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read_is_a_sentence(tmp_path):
    (tmp_path / "a.png").chmod(0)
    with pytest.raises(UserError, match="cannot be read"):
        notes("observed=a.png")


@pytest.mark.parametrize(
    "line",
    [
        "observed=a.png",
        "image=chelsea",
        "image=set5/bird",
        "task=inpainting observed=scans mask=masks",
        "task=inpainting -m image=bm3d11/house,bm3d11/boat mask=bm3d11_masks",
        "task=inpainting -m observed=a.png,nowhere.png mask=m.png",
        "task=inpainting mask=hole",
        "observed=nowhere.png --cfg job",
    ],
)
def test_what_is_there_or_is_found_later_is_taken(line, monkeypatch):
    monkeypatch.setenv("DIP_MIRROR", "http://127.0.0.1:9")  # nothing is fetched for it
    assert notes(line) == []


def test_a_typo_leaves_nothing_behind(dip, tmp_path):
    before = sorted(tmp_path.rglob("*"))
    status, out, err = dip("observed=nowhere.png", "logger=none")
    assert (status, out, err) == (2, "", "error: observed=nowhere.png: no such file\n")
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("line", "count"),
    [
        ("task=inpainting image=a.png mask=m.png", 1),
        ("task=restoration -m image=a.png seed=1,2 mask=m.png", 1),
        ("task=inpainting observed=a.png mask=m.png", 0),
        ("task=inpainting image=a.png", 0),
        ("task=inpainting image=a.png mask=hole", 0),
        ("task=inpainting image=camera mask=m.png", 0),
    ],
)
def test_a_photo_and_its_mask_as_ground_truth_are_told(line, count):
    assert len(notes(line)) == count
    for note in notes(line):
        assert "for a damaged photo, use observed=" in note
