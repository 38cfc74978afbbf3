"""Commands that mean the same sweep have the same folder."""

import pytest

from dip_lightning.cli.checking import check, parse
from tests.conftest import save_png, smooth_image


def folder(line):
    return check(parse(line.split())).sweep_folder


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("task=sr -m lr=0.1,0.2", "-m lr=0.1,0.2 task=sr logger=none resume=false"),
        ("task=sr -m lr=0.1,0.2", "task=sr -m lr=0.2,0.3,0.1"),
        ("-m seed=0,1", "-m seed=0,2 task=denoising preset=fast overlap=null"),
        ("-m seed=0,1 lr=0.1,0.2", "-m lr=0.2,0.3 seed=5,6"),
        ("-m seed=0,1", "-m seed=0,1 launcher=joblib launcher.n_jobs=2"),
        ("-m seed=range(0,3)", "-m seed=0,7"),
        ("-m task=sr,denoising", "-m task=inpainting,sr"),
        ("-m study=sr_learning_rate", "-m study=sr_learning_rate lr=0.1,0.3"),
        (
            "-m network=resnet,deep_decoder network.channels=8",
            "-m network.channels=8 network=deep_decoder,resnet",
        ),
    ],
)
def test_the_same_sweep(one, other):
    assert folder(one) == folder(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("task=sr -m lr=0.1,0.2", "task=denoising -m lr=0.1,0.2"),
        ("lr=0.1 -m seed=0,1", "lr=0.2 -m seed=0,1"),
        ("-m seed=0,1", "-m seed=0,1 lr=0.1,0.2"),
        ("-m lr=0.1,0.2", "-m noise_std=0.1,0.2"),
        ("search=optuna lr=interval(0.1,0.2)", "search=optuna lr=interval(0.1,0.3)"),
        ("search=optuna lr=0.1,0.2", "-m lr=0.1,0.2"),
        ("-m study=sr_learning_rate", "-m study=sr_factor"),
    ],
)
def test_another_sweep(one, other):
    assert folder(one) != folder(other)


def test_a_search_goes_on_with_more_trials():
    line = "search=optuna lr=interval(0.1,0.2)"
    assert folder(line) == folder(f"search.n_trials=50 {line} search.n_jobs=2")
    assert folder(line) != folder(f"{line} search.sampler.seed=3")


def test_the_name_says_what_it_is():
    assert folder("-m seed=0,1").name.startswith("denoising-")
    assert folder("task=sr -m seed=0,1").name.startswith("sr-")
    assert folder("-m study=sr_factor").name.startswith("sr_factor-")
    assert folder("-m task=sr,denoising").name.startswith("sweep-")
    assert folder("-m seed=0,1").parts[:2] == ("outputs", "sweeps")


def test_a_folder_of_one_image_is_a_sweep_over_images(tmp_path):
    folders = set()
    for name in "ab":
        save_png(tmp_path / f"{name}.png", smooth_image(1, 8, 8))
        command = check(parse([f"observed={tmp_path}"]))
        assert command.sweep.keys == ("observed",)
        folders.add(command.sweep_folder)
    assert len(folders) == 1


def test_another_folder_of_configurations_is_another_sweep(tmp_path):
    found = set()
    for name in "ab":
        (tmp_path / name).mkdir()
        (tmp_path / name / "own.yaml").write_text("defaults:\n  - dip\n  - _self_\n")
        where = f"--config-dir {tmp_path / name} --config-name own"
        found.add(folder(f"{where} -m seed=0,1"))
    assert len(found) == 2
