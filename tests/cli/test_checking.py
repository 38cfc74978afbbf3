"""The grammar of the command line, before anything is computed."""

import pytest

from dip_lightning.cli.checking import check, parse
from dip_lightning.errors import UserError
from tests.conftest import save_png, smooth_image


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("lrr=1", "lrr=1: unknown key lrr; did you mean lr?"),
        ("+typo=1", "+typo=1: unknown key typo; choose one of optimizer"),
        ("++typo=1", "++typo=1: unknown key typo"),
        ("+study=nothing", "study=nothing: choose one of denoising_color9"),
        ("study=nothing", "study=nothing: choose one of denoising_color9"),
        ("-m +study=sr_factor,sr_network", "study: one at a time"),
        ("-m +study=sr_factor factor=64", "factor=64: expected at least 2, at most 32"),
        ("budget=none", "budget=none: choose one of cpu, paper, smoke"),
        ("lr=abc", "lr=abc: expected a number"),
        ("lr=[1,2]", "lr=[1,2]: expected a number"),
        ("iterations=1.5", "iterations=1.5: expected an integer"),
        ("iterations=null", "iterations=null: expected an integer"),
        ("factor=big", "factor=big: expected an integer or null"),
        ("task=restoration per_channel=maybe", "per_channel=maybe: expected true or false or null"),
        ("lr=-1", "lr=-1.0: expected more than 0, at most 10"),
        (
            "task=operator",
            "operator=None: task=operator needs operator=module:name or file.py:name",
        ),
        ("operator=a:B", "operator=a:B: only for task=operator, but task=denoising"),
        ("operator.sigma=3", "operator.sigma=3: only for task=operator, but task=denoising"),
        (
            "task=foo",
            "task=foo: choose one of blind_deblurring, deblurring, demosaicing, denoising, ",
        ),
        ("network=foo", "network=foo: choose one of deep_decoder, identity_skip, no_skip"),
        ("preset=foo", "preset=foo: choose one of fast, paper, smoke, study_a"),
        ("logger=foo", "logger=foo: choose one of csv, none, wandb"),
        ("network.foo=3", "network.foo=3: unknown key; choose one of name, generator, down"),
        ("network.down=3", "network.down=3: expected a value like [128, 128"),
        ("network.kernel_up=2", "network.kernel_up=2: expected an odd number"),
        (
            "network.generator=os",
            "network.generator=os: choose one of deep_decoder, resnet",
        ),
        ("image=a observed=b", "image=a observed=b: give one of the two"),
        ("task=denoising factor=4", "factor=4: only for task=sr, but task=denoising"),
        ("-m seed=1,2 seed=3", "seed=1,2 seed=3: give seed once"),
        ("hydra.run.dir='${oc.env:NO_SUCH}'", "NO_SUCH"),
        ("lr=1,2", "lr=1,2: several values need -m"),
        ("-m lr=0.1,-2", "lr=-2.0: expected more than 0"),
        ("-m task=sr,foo", "task=foo: choose one of"),
        ("iterations=3 iterations=2.0", "iterations=2.0: expected an integer"),
        ("task.foo=1", "task.foo=1: "),
        ("--resolve", "--resolve: goes with --cfg"),
        ("--info lr=1", "argument --info"),
        ("-m lr=interval(0.01,0.1)", "lr=interval(0.01,0.1): expected values separated by commas"),
        ("-m seed=1,-5", "seed=-5: expected at least 0"),
        ("-m iterations=1,x", "iterations=x: expected an integer"),
        ("observed=", "observed=: is empty"),
        ("--config-name nothing --config-dir .", "--config-name nothing: no such file"),
        ("foo", "foo: expected key=value or a flag"),
        (f"-m image={'a' * 300}.png,b.png lr=x", "lr=x: expected a number"),
        (f"--config-dir {'a' * 300}", "no such folder"),
        (f"--config-name {'a' * 300} --config-dir .", "no such file"),
        ("image=glob(*)", "image=glob(*): several values need -m"),
        ("lr=a\x07b", "lr=a\\x07b: "),
        ("--foo", "unrecognized arguments: --foo"),
        ("~lr=1", "keys cannot be removed"),
        ("lr='1", "cannot be parsed"),
        ("observed=x task=inpainting mask=hole", "mask=hole: is drawn over a ground truth"),
    ],
)
def test_mistakes_are_one_sentence(line, sentence):
    with pytest.raises(UserError) as error:
        check(parse(line.split()))
    assert sentence in str(error.value)
    assert "\n" not in str(error.value)


def test_folder_becomes_one_job_for_each_image(tmp_path):
    for name in ("b.png", "a, (1)'s.png"):
        save_png(tmp_path / name, smooth_image(1, 8, 8))
    command = check(parse([f"observed={tmp_path}", "task=denoising"]))
    assert command.multirun
    assert "b.png" in command.overrides[0]
    assert command.overrides[0].count(str(tmp_path)) == 2


def test_empty_folder_is_refused(tmp_path):
    with pytest.raises(UserError, match="the folder holds no image"):
        parse([f"observed={tmp_path}"])


def test_file_names_need_no_quotes(tmp_path):
    path = save_png(tmp_path / "my photo (1), {old}=x.png", smooth_image(1, 8, 8))
    command = check(parse([f"observed={path}", "task=denoising"]))
    assert not command.multirun


def test_only_swept_values_name_the_folders():
    command = check(parse(["task=sr", "seed=3", "-m", "lr=0.1,0.2"]))
    assert "hydra.job.config.override_dirname.exclude_keys=[seed,task]" in command.arguments


@pytest.mark.parametrize(
    "line", ["+study=sr_learning_rate", "study=sr_learning_rate", "-m +study=sr_learning_rate"]
)
def test_a_study_is_a_sweep_of_its_own(line):
    command = check(parse(line.split()))
    assert command.multirun
    assert {"lr=0.1,0.01,0.001,0.0001", "factor=4,8"} <= set(command.overrides)
    assert command.sweep_folder.name.startswith("sr_learning_rate-")


def test_a_study_sweeps_more_or_less_if_told():
    command = check(parse(["-m", "+study=sr_learning_rate", "factor=4", "seed=0,1"]))
    assert "factor=4,8" not in command.overrides
    assert {"factor=4", "seed=0,1", "lr=0.1,0.01,0.001,0.0001"} <= set(command.overrides)
