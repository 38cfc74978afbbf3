import re
from pathlib import PureWindowsPath

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dip_lightning.cli.resolvers import (
    folder_name,
    image_folder,
    job_folder,
    processes,
    stamp,
)
from dip_lightning.presets import if_at_least, if_given, if_made


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


def test_a_name_that_ends_in_a_hyphen_has_a_folder_of_its_own():
    assert job_folder("observed=scan-") != job_folder("observed=scan") == "observed=scan"


def test_job_folder_is_not_too_long():
    first, second = (job_folder("x" * 500 + end) for end in "ab")
    assert len(first) < 140
    assert first != second


def test_stamp_sorts_by_time():
    first, second = stamp(), stamp()
    assert first <= second
    assert len(first) == len("2026-01-01_00-00-00.000")


def test_processes_follow_the_machine(monkeypatch):
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(64)))
    monkeypatch.setattr("dip_lightning.compute.memory.free_bytes", lambda _: 21e9)
    assert processes() == 10
    monkeypatch.setattr("dip_lightning.compute.memory.free_bytes", lambda _: 1e9)
    assert processes() == 1
    monkeypatch.setattr("torch.cuda.device_count", lambda: 3)
    assert processes() == 3


def test_if_made():
    assert [if_made(25.0, observed) for observed in (None, "a.png")] == [25.0, None]
    kinds = [if_made(30.0, None, noise, "poisson") for noise in ("gaussian", "poisson")]
    assert kinds == [None, 30.0]


def test_if_given():
    assert [if_given(sigma, "long", "short") for sigma in (None, 0.0, 2.0)] == [
        *("short", "long", "long")
    ]


def test_if_at_least():
    assert [if_at_least(f, 8, "long", "short") for f in (4, 8, 16)] == ["short", "long", "long"]


@pytest.mark.parametrize(
    ("name", "folder"), [("${y}.png", "y"), ("a ${b.png", "a b"), ("a}.png", "a"), ("${", "image")]
)
def test_a_folder_is_no_interpolation(name, folder):
    assert image_folder(None, f"scans/{name}") == folder


RESERVED = {"con", "prn", "aux", "nul"} | {f"{d}{n}" for d in ("com", "lpt") for n in range(1, 10)}
names = st.text(st.characters(exclude_categories=["Cs"]), max_size=150)


def windows_takes(name):
    assert name
    assert not re.search(r'[<>:"/\\|?*\x00-\x1f]', name)
    assert name[-1] not in ". "
    assert name.partition(".")[0].rstrip().lower() not in RESERVED
    return PureWindowsPath(name).name == name


@given(names)
@example("con")
@example("lr=0.1.")
@example("observed='a/b: c?.png'")
@example("AUX.x")
@example("NUL ")
@example("..")
def test_every_system_takes_the_folders(text):
    assert windows_takes(folder_name(text))
    assert windows_takes(job_folder(text))
    assert windows_takes(image_folder(f"{text}.png", None))
    assert windows_takes(stamp())


@pytest.mark.parametrize("name", ["my photo (1)", "café", "a.b", "console", "x=1e-05"])
def test_ordinary_names_stay_as_they_are(name):
    assert folder_name(name) == name


def test_names_that_are_changed_are_kept_apart():
    assert len({job_folder(text) for text in ("x=a", "x=a.", "x=a..", "x=a?")}) == 4


def test_a_job_folder_is_short_in_any_script():
    assert len(job_folder("image=" + "猫" * 200).encode()) < 140
