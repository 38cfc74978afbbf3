"""What Hydra composes for one job, checked."""

import pytest

from dip_lightning.cli.composing import Source, check_value, to_config
from dip_lightning.errors import UserError


def config(*overrides):
    return to_config(Source().compose(list(overrides)))


@pytest.mark.parametrize(
    ("factor", "iterations", "noise_std"), [(4, 2000, 0.03), (8, 4000, 0.05), (3, 2000, 0.03)]
)
def test_super_resolution_has_the_papers_settings_for_its_factor(factor, iterations, noise_std):
    composed = config("task=sr", "preset=paper", f"factor={factor}")
    assert (composed.iterations, composed.noise_std) == (iterations, noise_std)
    assert config("task=sr", "factor=8", "iterations=7").iterations == 7


def test_a_budget_is_a_limit():
    assert config("budget=cpu").iterations == 600
    assert config("budget=cpu", "iterations=50").iterations == 50
    assert config("budget=cpu", "max_iterations=700").iterations == 700
    assert config().max_side is None
    short = config("preset=fast", "budget=smoke")
    assert (short.iterations, short.rise) == (3, 0)
    assert config("preset=fast", "max_iterations=100").rise == 10
    assert (
        config("schedule=warmup_cosine", "iterations=500", "warmup=40", "max_iterations=100").rise
        == 8
    )


def test_options_of_a_folder_of_the_users_own(tmp_path):
    (tmp_path / "network").mkdir()
    (tmp_path / "network" / "mine.yaml").write_text("name: mine\n")
    assert "mine" in Source(folder=str(tmp_path)).options("network")
    with pytest.raises(UserError, match="no such folder"):
        Source(folder=str(tmp_path / "nowhere")).roots()


def test_a_new_task_needs_one_file_only(tmp_path):
    (tmp_path / "task").mkdir()
    (tmp_path / "task" / "mine.yaml").write_text("# @package _global_\ntask: mine\n")
    composed = Source(folder=str(tmp_path)).compose(["task=mine"])
    assert (composed.preset, composed.iterations) == ("fast", 1000)
    assert composed.network.down == [64, 64, 64, 64, 64]


def test_check_value_leaves_the_job_as_it_was():
    composed = Source().compose([])
    with pytest.raises(UserError, match="lr=x: expected a number"):
        check_value(composed, "lr=x")
    check_value(composed, "lr=0.5")
    assert to_config(composed).lr == 0.01


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("task=sr observation=noise", "observation=noise: for task=sr, choose one of lanczos2"),
        ("observation=pillow", "observation=pillow: for task=denoising, choose one of gaussian"),
        ("task=inpainting observation=clean", "only for task=denoising and task=sr"),
    ],
)
def test_observation_belongs_to_the_task(line, sentence):
    with pytest.raises(UserError) as error:
        config(*line.split())
    assert sentence in str(error.value)


@pytest.mark.parametrize(
    ("task", "lr", "iterations", "noise_std", "network"),
    [
        ("sr", 0.01, 2000, 0.03, "skip"),
        ("inpainting", 0.01, 6001, 0.03, "skip_text"),
        ("restoration", 0.001, 11000, 0.03, "skip"),
        ("denoising", 0.01, 1800, 1 / 30, "skip"),
        ("demosaicing", 0.01, 6000, 0.03, "skip"),
        ("jpeg", 0.01, 2400, 1 / 30, "skip_jpeg"),
    ],
)
def test_the_papers_settings(task, lr, iterations, noise_std, network):
    found = config("preset=paper", f"task={task}")
    assert (found.lr, found.iterations, found.network["name"]) == (lr, iterations, network)
    assert found.noise_std == pytest.approx(noise_std, abs=1e-6)
    assert (found.schedule, found.guard, found.average, found.input_depth) == (
        *("constant", None, 0.99, 3 if task == "jpeg" else 32),
    )


@pytest.mark.parametrize(
    ("task", "widths", "rounds", "lr", "iterations", "discrepancy"),
    [
        ("denoising", [64] * 5, 2, 0.01, 1000, 0.96),
        ("sr", [64] * 5, 2, 0.02, 600, None),
        ("inpainting", [128] * 5, 5, 0.01, 1200, None),
        ("restoration", [32, 64, 128, 128, 128], 2, 0.02, 2000, None),
        ("demosaicing", [32] * 5, 2, 0.01, 400, None),
        ("jpeg", [32] * 5, 2, 0.01, 600, None),
    ],
)
def test_the_fast_settings(task, widths, rounds, lr, iterations, discrepancy):
    found = config(f"task={task}")  # the default
    assert found == config("preset=fast", f"task={task}")
    assert (found.muon_rounds, found.lr, found.iterations) == (rounds, lr, iterations)
    assert (found.discrepancy, found.noise_std) == (discrepancy, 0.03)
    assert (found.optimizer, found.schedule) == ("muon", "warmup_cosine")
    assert (found.average, found.guard, found.network["name"]) == (0.98, 1.2, "skip_fast")
    assert found.network["down"] == found.network["up"] == widths
    assert config("preset=fast", f"task={task}", "network=unet").network["name"] == "unet"


def test_presets_and_budgets_change_what_they_say():
    cpu = config("budget=cpu")
    assert (cpu.iterations, cpu.max_side) == (600, 256)
