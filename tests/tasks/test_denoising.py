import pytest
import torch

from dip_lightning.tasks import denoising
from tests.conftest import smooth_image
from tests.tasks.test_base import make


def test_observation_is_noisy():
    task = make("denoising", x=smooth_image(3, 60, 60), sigma=10.0)
    assert abs(float((task.y - task.x).std()) * 255 - 10) < 1


def test_a_real_observation_gets_no_noise():
    y = smooth_image(1, 17, 13)
    assert torch.equal(make("denoising", y=y).y, y)


def test_baselines_are_those_of_the_literature():
    baselines = make("denoising").baselines()
    assert list(baselines)[:2] == ["non-local means", "total variation"]
    assert {compute().shape for compute in baselines.values()} == {(1, 3, 17, 13)}


def test_there_is_nothing_to_compare_with_where_nothing_is_noisy():
    assert make("denoising", observation="shuffled").baselines() == {}
    assert make("denoising", y=smooth_image(1, 17, 13), observation="clean").baselines()


@pytest.mark.parametrize(("given", "sigma"), [("x", 25.0), ("y", None)])
def test_baselines_are_told_sigma_only_where_the_noise_was_added_here(given, sigma, monkeypatch):
    told = []
    for name in ("non_local_means", "total_variation"):
        monkeypatch.setattr(denoising, name, lambda y, sigma: told.append(sigma))
    for compute in make("denoising", **{given: smooth_image(1, 17, 13)}).baselines().values():
        compute()
    assert told == [sigma, sigma]


def level(task, x_average=0.5):
    task.x_average.fill_(x_average)
    return task.noise_level()


def test_the_level_of_the_noise_is_known_where_it_was_added_here():
    task = make("denoising", sigma=25.5, discrepancy=0.9)
    assert level(task) == pytest.approx(0.9 * 0.01, rel=1e-3)
    assert level(task, 0) == pytest.approx(0.9 * 0.005, rel=1e-3)  # clipping leaves a half
    assert level(make("denoising")) is None
    assert level(make("denoising", observation="shuffled", discrepancy=0.9)) is None


@pytest.mark.parametrize("channels", [1, 3])
def test_the_level_of_a_noise_from_elsewhere_is_estimated(channels):
    noisy = make("denoising", x=smooth_image(channels, 90, 70), sigma=15.0).y
    found = level(make("denoising", y=noisy, sigma=99.0, discrepancy=0.9))
    assert found == pytest.approx(0.9 * (15 / 255) ** 2, rel=0.1)
