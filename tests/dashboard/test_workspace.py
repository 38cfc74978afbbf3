import json

import pytest

from dip_lightning.callbacks.loggers import group_name
from dip_lightning.dashboard.workspace import build_workspace, main

pytest.importorskip("wandb_workspaces", reason="the extra wandb is not installed")
# Its own; it says nothing of ours.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def test_a_sweep_is_laid_out_without_asking_the_server():
    workspace = build_workspace("me", "dip_lightning", "sr-1", ("lr", "input_depth"))
    spec = workspace._to_model().model_dump_json()
    text = json.dumps(json.loads(spec))
    for shown in ("by_seconds/psnr", "iteration", "x_average", "comparison", "input_depth", "sr-1"):
        assert shown in text
    assert [section.name for section in workspace.sections] == ["Curves", "Images", "Settings"]
    assert len(workspace.sections[0].panels) == 6


def test_the_network_is_a_column_and_its_options_are_others():
    keys = ("network", "network.down", "lr")
    spec = build_workspace("me", "dip_lightning", "sr-1", keys)._to_model().model_dump_json()
    for key in keys:
        assert f'"accessor":"config:{key}.value"' in spec


def test_a_long_sweep_is_found_by_the_name_that_its_runs_have():
    group = "sweep_" * 40
    spec = build_workspace("me", "p", group, ("lr",))._to_model().model_dump_json()
    assert json.dumps(group_name(group), ensure_ascii=False) in spec


def test_a_folder_without_a_sweep_is_a_mistake(tmp_path, capsys):
    assert main(["me", str(tmp_path)]) == 2
    assert "holds no sweep" in capsys.readouterr().err


def test_a_server_that_is_down_is_one_sentence(sweep, capsys, monkeypatch):
    import wandb_workspaces.workspaces as ws

    def refuse(self):
        raise ConnectionError("no answer\nmore")

    monkeypatch.setattr(ws.Workspace, "save", refuse)
    assert main(["me", str(sweep / "sweeps" / "denoising-1")]) == 1
    assert capsys.readouterr().err == "error: W&B: no answer\n"
