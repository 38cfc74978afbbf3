import os

import pytest

from dip_lightning.errors import FolderError
from dip_lightning.runs import ownership
from dip_lightning.runs.layout import SWEEP, check
from dip_lightning.runs.sweeping import sweeping


def test_a_sweeps_own_files_are_sealed_at_its_end(tmp_path):
    folder = tmp_path / "sweep"
    with sweeping(folder):
        (folder / "multirun.yaml").write_text("Hydra's")
        ownership.write(folder / "sweep.csv", b"one")
        ownership.write(folder / "sweep.csv", b"two")
    check(folder, SWEEP)
    (folder / "multirun.yaml").write_text("mine")
    with pytest.raises(FolderError, match=r"multirun\.yaml"), sweeping(folder):
        pass
    assert (folder / "multirun.yaml").read_text() == "mine"


def test_the_last_of_several_commands_seals_them(tmp_path):
    first, second = sweeping(tmp_path), sweeping(tmp_path)
    first.__enter__()
    (tmp_path / "multirun.yaml").write_text("the first's")
    second.__enter__()
    first.__exit__(None, None, None)
    (tmp_path / "multirun.yaml").write_text("the second's")
    second.__exit__(None, None, None)
    with sweeping(tmp_path):
        pass
    (tmp_path / "multirun.yaml").write_text("mine")
    with pytest.raises(FolderError, match=r"multirun\.yaml"):
        check(tmp_path, SWEEP)


@pytest.mark.parametrize("alone", [False, True])
def test_who_is_refused_leaves_the_folder_to_the_others(tmp_path, alone):
    with sweeping(tmp_path, alone=not alone):
        refused = sweeping(tmp_path, alone=alone)
        with pytest.raises(FolderError, match="another process is working there"), refused:
            pass
        (tmp_path / "optimization_results.yaml").write_text("Optuna's")
    check(tmp_path, SWEEP)
    with sweeping(tmp_path, alone=alone):
        pass


def test_what_was_left_half_written_goes_once_nobody_is_there(tmp_path):
    def partials():
        return [name for name in os.listdir(tmp_path) if ".partial." in name]  # noqa: PTH208

    ownership.begin(tmp_path)
    left = tmp_path / ".0.partial.dashboard.html"
    ownership.claim(left)
    with sweeping(tmp_path):
        assert partials() == []
        left.write_bytes(b"half")
        with sweeping(tmp_path):
            assert partials() == [left.name]
    with sweeping(tmp_path):
        assert partials() == []
