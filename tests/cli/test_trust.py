"""A result folder may come from anybody: its configuration runs nothing."""

import pickle

import pytest
import torch
from hydra.core.override_parser.overrides_parser import OverridesParser

from dip_lightning.cli import rerun
from dip_lightning.cli.checking import check, parse
from dip_lightning.cli.trust import check_typed
from dip_lightning.errors import UserError
from dip_lightning.runs import checkpoint

QUICK = ("preset=smoke", "iterations=2", "logger=none")
CALL = "{_target_: os.mkdir, path: owned}"
HOSTILE = {
    "callback": f"hydra: {{callbacks: {{evil: {CALL}}}}}",
    "launcher": "hydra: {launcher: {_target_: os.getcwd}}",
    "sweeper": "hydra: {sweeper: {_target_: os.getcwd}}",
    "logging": 'hydra: {job_logging: {version: 1, handlers: {a: {"()": os.mkdir, path: owned}}}}',
    "hydra's logging": 'hydra: {hydra_logging: {version: 1, handlers: {a: {"()": os.mkdir}}}}',
    "folder": "hydra: {run: {dir: ../elsewhere}}",
    "jobs' folder": "hydra: {sweep: {subdir: ../../elsewhere}}",
    "environment": "hydra: {job: {env_set: {LD_PRELOAD: evil.so}}}",
    "subfolder": "hydra: {output_subdir: ../../owned}",
}


def repeat(dip, *more):
    return dip("--config-dir", "first/.hydra", "--config-name", "rerun", *more, tiny=False)


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("more", [[], ["-m", "seed=1,2"]], ids=["one", "sweep"])
def test_a_hostile_rerun_file_is_refused(tmp_path, text, more):
    (tmp_path / "rerun.yaml").write_text(f"defaults: [dip, _self_]\n{text}\n")
    command = parse(["--config-dir", str(tmp_path), "--config-name", "rerun", *more])
    with pytest.raises(UserError, match=r"^rerun\.yaml: sets hydra\..*, which a configuration"):
        check(command)


def test_a_hostile_rerun_file_runs_nothing(dip, tmp_path, photo):
    dip("task=denoising", f"image={photo}", *QUICK, "hydra.run.dir=first")
    saved = tmp_path / "first" / ".hydra" / "rerun.yaml"
    saved.write_text(f"{saved.read_text()}{HOSTILE['callback']}\n")
    before = set(tmp_path.rglob("*"))
    status, out, err = repeat(dip)
    assert status == 2
    assert err.startswith("error: rerun.yaml: sets hydra.callbacks")
    assert err.count("\n") == 1
    assert not out
    assert set(tmp_path.rglob("*")) == before


CODE = "defaults: [dip, {override task: operator}, _self_]\noperator: {name: 'owning:Own'}\n"
SAYS = "names operator=owning:Own, code that only the command line may name; if you trust it, add"


@pytest.mark.parametrize("more", [[], ["-m", "seed=1,2"]], ids=["one", "sweep"])
def test_code_is_named_on_the_command_line_only(tmp_path, monkeypatch, more):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "owning.py").write_text("raise SystemExit\n")
    (tmp_path / "rerun.yaml").write_text(CODE)
    given = ["--config-dir", str(tmp_path), "--config-name", "rerun", *more]
    with pytest.raises(UserError, match=rf"^rerun\.yaml: {SAYS} operator=owning:Own$"):
        check(parse(given))
    check(parse([*given, "operator=owning:Own"]))
    assert check(parse([*given, "operator=other:Own"])).first.operator.name == "other:Own"


def test_code_is_not_named_by_a_study_from_elsewhere(tmp_path):
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "mine.yaml").write_text(
        "# @package _global_\ntask: operator\nsigma: 0\noperator: {name: null}\n"
        "hydra: {sweeper: {params: {operator.name: 'owning:Own,owning:Other'}}}\n"
    )
    with pytest.raises(UserError, match=SAYS):
        check(parse(["--config-dir", str(tmp_path), "study=mine"]))


def test_what_repeats_a_run_names_its_operator(dip, tmp_path, photo):
    (tmp_path / "doubling.py").write_text("def double(x, gain):\n    return gain * x\n")
    own = ("task=operator", "operator=doubling.py:double", "operator.gain=2")
    assert dip(*own, f"image={photo}", *QUICK, "hydra.run.dir=first")[0] == 0
    first = (tmp_path / "first" / ".hydra" / "rerun.yaml").read_text().splitlines()[0]
    told = first.partition("rerun ")[2]
    assert told == f"operator={tmp_path / 'doubling.py'}:double"
    assert repeat(dip, "hydra.run.dir=second")[0] == 2
    assert repeat(dip, told, "hydra.run.dir=second")[0] == 0
    for name in ("last.ckpt", "restored.png"):
        assert (tmp_path / "second" / name).is_file()


def test_hostile_files_beside_it_are_not_used(dip, tmp_path, photo):
    dip("task=denoising", f"image={photo}", *QUICK, "hydra.run.dir=first")
    inside = tmp_path / "first" / ".hydra"
    for name in ("overrides.yaml", "hydra.yaml", "config.yaml"):
        (inside / name).write_text(f"hydra: {{callbacks: {{evil: {CALL}}}}}\n_target_: os.abort\n")
    (inside / "launcher").mkdir()
    (inside / "launcher" / "local.yaml").write_text(
        f"# @package _global_\nhydra: {{callbacks: {{evil: {CALL}}}}}\n"
    )
    status, _, err = repeat(dip)
    assert status == 2
    assert "rerun.yaml: sets hydra.callbacks" in err
    (inside / "launcher" / "local.yaml").unlink()
    assert repeat(dip, "hydra.run.dir=second")[0] == 0
    assert not (tmp_path / "owned").exists()


def test_a_target_in_the_job_is_no_key(dip, tmp_path, photo):
    dip("task=denoising", f"image={photo}", *QUICK, "hydra.run.dir=first")
    saved = tmp_path / "first" / ".hydra" / "rerun.yaml"
    text = saved.read_text()
    saved.write_text(f"{text}_target_: os.abort\n")
    assert repeat(dip)[0] == 2
    saved.write_text(text.replace("name: skip\n", "name: skip\n  _target_: os.abort\n"))
    assert repeat(dip)[0] == 2


def test_yaml_makes_no_objects(tmp_path):
    from omegaconf import OmegaConf

    (tmp_path / ".hydra").mkdir()
    text = f"!!python/object/apply:os.mkdir ['{tmp_path}/owned']\n"
    (tmp_path / ".hydra" / "config.yaml").write_text(text)
    assert not rerun.is_same(tmp_path, OmegaConf.create({"lr": 1}))
    assert not (tmp_path / "owned").exists()


class Evil:
    def __reduce__(self):
        import os

        return os.mkdir, ("owned",)


def test_a_checkpoint_of_ours_needs_no_pickle(dip, tmp_path, photo):
    dip("task=denoising", f"image={photo}", *QUICK, "hydra.run.dir=first")
    assert "state_dict" in torch.load(tmp_path / "first" / "last.ckpt", weights_only=True)
    torch.save({"state_dict": Evil()}, tmp_path / "first" / "last.ckpt")
    with pytest.raises(pickle.UnpicklingError):
        torch.load(tmp_path / "first" / "last.ckpt", weights_only=True)
    with pytest.raises(ValueError, match="Weights only"):
        checkpoint.read(tmp_path / "first" / "last.ckpt")
    status, _, err = dip("task=denoising", f"image={photo}", *QUICK, "hydra.run.dir=first")
    assert status == 1
    assert "last.ckpt: was not written by this version, or was changed since" in err
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize(
    "text",
    [
        "hydra.callbacks.a._target_=os.abort",
        "+hydra.callbacks.a={_target_:os.abort}",
        "hydra.launcher._target_=os.abort",
        "hydra.sweeper.storage={_target_:os.abort}",
        "hydra.sweeper.custom_search_space=os.abort",
        "hydra.sweep.subdir=../../x",
        "hydra.job.chdir=true",
        "hydra/job_logging=default",
        "hydra/launcher=submitit_local",
        "hydra.searchpath=[file:///tmp]",
    ],
)
def test_what_is_typed_is_of_a_few_kinds(text):
    (override,) = OverridesParser.create().parse_overrides([text])
    with pytest.raises(UserError, match="of Hydra's own settings, choose"):
        check_typed(override)


def test_a_search_maximizes():
    (override,) = OverridesParser.create().parse_overrides(["hydra.sweeper.direction=minimize"])
    with pytest.raises(UserError, match="a search can only maximize"):
        check_typed(override)


SLURM = "hydra_plugins.hydra_submitit_launcher.submitit_launcher.SlurmLauncher"


@pytest.mark.parametrize(
    ("settings", "refused"),
    [
        ("launcher: {partition: mine}", None),
        (f"launcher: {{_target_: {SLURM}}}", None),
        (f"launcher: {{_target_: {SLURM}s}}", "hydra.launcher._target_"),
        (f"callbacks: {{evil: {CALL}}}", "hydra.callbacks.evil._target_"),
    ],
)
def test_a_launcher_of_ones_own_calls_nothing_else(tmp_path, settings, refused):
    (tmp_path / "launcher").mkdir()
    (tmp_path / "launcher" / "cluster.yaml").write_text(
        "# @package _global_\ndefaults:\n  - override /hydra/launcher: submitit_slurm\n"
        f"hydra:\n  {settings}\n"
    )
    command = parse(["--config-dir", str(tmp_path), "launcher=cluster", "-m", "seed=1,2"])
    if refused is None:
        assert check(command).launcher == "cluster"
    else:
        with pytest.raises(UserError, match=rf"sets {refused}, which a configuration"):
            check(command)


@pytest.mark.parametrize("task", ["operator", "'denoising,mine'"])
def test_values_that_hydra_would_sweep_name_no_code(tmp_path, task):
    (tmp_path / "rerun.yaml").write_text(
        "defaults: [dip, _self_]\n"
        f"hydra: {{sweeper: {{params: {{task: {task}, operator.name: 'owning:Own'}}}}}}\n"
    )
    given = ["--config-dir", str(tmp_path), "--config-name", "rerun", "-m"]
    with pytest.raises(UserError, match=r"^rerun\.yaml: sets hydra\.sweeper\.params, which a"):
        check(parse(given))


def test_no_swept_option_names_code(tmp_path):
    (tmp_path / "task").mkdir()
    (tmp_path / "task" / "operator.yaml").write_text(  # in place of ours
        "# @package _global_\ntask: operator\noperator: {name: 'owning:Own'}\nsigma: 0\n"
    )
    (tmp_path / "rerun.yaml").write_text("defaults: [dip, _self_]\n")
    named = ["--config-dir", str(tmp_path), "--config-name", "rerun"]
    given = [*named, "-m", "task=denoising,operator"]
    with pytest.raises(UserError, match=r"names operator=owning:Own, code that only the command"):
        check(parse(given))
