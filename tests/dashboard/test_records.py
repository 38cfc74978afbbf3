import shlex

import pytest

from dip_lightning.dashboard.records import points_each, record, swept_keys
from dip_lightning.runs.run import find_run, find_runs
from tests.dashboard.conftest import write_json, write_run


def described(folder, page=None):
    return record(find_run(folder), page or folder, folder, 100)


def test_swept_keys_are_those_in_which_runs_differ(sweep):
    assert swept_keys(find_runs(sweep)) == ["lr", "input_depth"]


def test_curves_share_the_page():
    assert points_each(1) == 10_000
    assert points_each(200) == 2500
    assert points_each(5000) == 600


def test_files_are_addressed_from_the_page(tmp_path):
    folder = write_run(tmp_path / "outputs" / "lr=0.1,a b#1")
    found = described(folder, tmp_path)
    assert found["images"]["restored"] == "outputs/lr%3D0.1%2Ca%20b%231/restored.png"
    assert [s["iteration"] for s in found["snapshots"]] == [1, 15, 60]
    assert "comparison" not in found["images"]
    assert found["previews"]["truth"].startswith("data:image/webp")


def test_the_command_is_what_was_typed_and_the_one_that_repeats_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    typed, again = described(write_run(tmp_path / "a b"))["commands"]
    wanted = ["python", "-m", "dip_lightning", "task=denoising", "image=set/bird", "lr=0.01"]
    assert shlex.split(typed) == wanted
    assert shlex.split(again)[3:] == ["--config-dir", "a b/.hydra", "--config-name", "rerun"]


@pytest.mark.parametrize("cropped", [False, True])
def test_published_numbers_belong_to_whole_images_only(tmp_path, cropped):
    folder = write_run(
        tmp_path / "one", task="restoration", image="bm3d11/house", mask="bm3d11_masks"
    )
    write_json(folder, {"status": "finished", "image": "house", "cropped": cropped})
    published = described(folder)["published"]
    expected = {} if cropped else {"DIP, published": 39.16, "sparse coding, published": 34.58}
    assert expected.items() <= published.get("psnr", {}).items()
    assert bool(published) != cropped
