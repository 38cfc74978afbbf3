import pytest

from dip_lightning.resolvers import for_task, if_at_least, image_folder, job_folder, stamp


@pytest.mark.parametrize(
    ("swept", "folder"),
    [
        ("lr=0.01", "lr=0.01"),
        ("lr=1e-05,input_depth=2", "lr=1e-05-input_depth=2"),
        ("", "job"),
    ],
)
def test_job_folder(swept, folder):
    assert job_folder(swept) == folder


def test_job_folders_of_files_do_not_collide():
    names = [job_folder(f"observed='{name}'") for name in ("a/x y.png", "b/x y.png", "b/x_y.png")]
    assert len(set(names)) == 3
    assert names[0].startswith("observed=x-y.png-")
    assert all("/" not in name for name in names)


def test_job_folder_is_not_too_long():
    first, second = (job_folder("x" * 500 + end) for end in "ab")
    assert len(first) < 130
    assert first != second


def test_stamp_sorts_by_time():
    first, second = stamp(), stamp()
    assert first <= second
    assert len(first) == len("2026-01-01_00-00-00.000")


def test_if_at_least():
    assert [if_at_least(f, 8, "long", "short") for f in (4, 8, 16)] == ["short", "long", "long"]


def test_for_task():
    values = {"sr": 400, "others": 600}
    assert [for_task(task, values) for task in ("sr", "my_own")] == [400, 600]


@pytest.mark.parametrize(
    ("name", "folder"), [("${y}.png", "y"), ("a ${b.png", "a b"), ("a}.png", "a"), ("${", "image")]
)
def test_a_folder_is_no_interpolation(name, folder):
    assert image_folder(None, f"scans/{name}") == folder
