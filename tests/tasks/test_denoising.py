import math

import pytest
import torch
from torch.nn.functional import conv2d

import dip_lightning as dip
from dip_lightning import tasks
from dip_lightning.prior.tiles import cover
from dip_lightning.tasks import Given, denoising
from tests.conftest import smooth_image
from tests.prior.test_deep_image_prior import make


def test_observation_is_noisy():
    task = make("denoising", x=smooth_image(3, 60, 60), sigma=10.0)
    assert abs(float((task.problem.y - task.problem.x).std()) * 255 - 10) < 1


def test_a_real_observation_gets_no_noise():
    y = smooth_image(1, 17, 13)
    for sigma in (None, 10.0):
        assert torch.equal(make("denoising", y=y, sigma=sigma).problem.y, y)


def test_baselines_are_those_of_the_literature():
    baselines = make("denoising").problem.baselines()
    assert list(baselines)[:3] == ["low-rank patches", "non-local means", "total variation"]
    assert {compute().shape for compute in baselines.values()} == {(1, 3, 17, 13)}


def test_there_is_nothing_to_compare_with_where_nothing_is_noisy():
    assert make("denoising", observation="shuffled").problem.baselines() == {}
    unknown = make("denoising", y=smooth_image(1, 17, 13), sigma=None)
    assert unknown.problem.baselines() == {}
    assert make("denoising", y=noisy(), observation="clean").problem.baselines()


def noisy(std=0.1):
    noise = torch.randn(1, 1, 61, 47, generator=torch.Generator().manual_seed(0))
    return (0.5 + std * noise).clamp(0, 1)


def blurred():
    kernel = torch.tensor([1.0, 2, 1]).view(1, 1, 1, 3) / 6**0.5
    return conv2d(conv2d(noisy() - 0.5, kernel), kernel.transpose(2, 3)) + 0.5


@pytest.mark.parametrize(
    ("given", "sigma", "rel"),
    [
        ({"x": smooth_image(1, 17, 13)}, 25, 1e-6),
        ({"y": noisy(), "sigma": None}, 25.5, 0.1),
        ({"y": blurred(), "sigma": None}, 1.25 * 25.5, 0.2),
        ({"y": blurred(), "sigma": 99.0}, 99, 1e-6),
    ],
    ids=["added", "white", "correlated", "told"],
)
def test_baselines_are_told_the_noise_that_was_added_or_found(given, sigma, rel, monkeypatch):
    told = []
    for name in ("non_local_means", "total_variation"):
        monkeypatch.setattr(denoising, name, lambda y, sigma: told.append(sigma))
    for compute in make("denoising", **given).problem.baselines().values():
        compute()
    assert told == [pytest.approx(sigma, rel=rel)] * 2


def test_correlated_noise_is_known_as_such_in_a_tile_too():
    problem = denoising.NoisyImage(blurred())
    (tile, *_) = cover((59, 45), 40, 8)
    part = problem.cut(tile)
    assert (part.y_noise_std, part.noise_is_white) == (problem.y_noise_std, False)
    assert make("denoising", y=blurred(), sigma=None).discrepancy.bend is not None
    assert make("denoising", y=blurred(), sigma=25.0).discrepancy.bend is None  # told: white
    assert make("denoising", y=noisy(), sigma=None).discrepancy.bend is None
    assert make("denoising", x=blurred()).discrepancy.bend is None


def level(task, x_average=0.5):
    task.x_average.fill_(x_average)
    power = task.problem.noise_power(task.x_average, task.seen)
    return None if power is None or not task.discrepancy.share else power * task.discrepancy.share


def test_the_level_of_the_noise_is_known_where_it_was_added_here():
    task = make("denoising", sigma=25.5, discrepancy=0.9)
    assert level(task) == pytest.approx(0.9 * 0.01, rel=1e-3)
    assert level(task, 0) == pytest.approx(0.9 * 0.005, rel=1e-3)  # clipping leaves a half
    assert level(make("denoising", discrepancy=0.0)) is None
    assert level(make("denoising", observation="shuffled", discrepancy=0.9)) is None


def test_a_level_that_is_told_counts_whatever_y_looks_like():
    task = make("denoising", y=noisy(std=0.02), sigma=51.0, discrepancy=0.9)
    assert level(task) == pytest.approx(0.9 * 0.2**2, rel=0.03)  # clipped
    assert task.problem.noise_is_told
    assert not make("denoising", y=noisy(), sigma=None).problem.noise_is_told


def test_a_grey_level_is_that_of_the_type():
    given = Given(y=noisy(), white=0.5)
    keys = {"task": "denoising", "noise": "gaussian", "sigma": 51.0, "seed": 0}
    assert tasks.problem(given, keys).y_noise_std == 0.1


def test_the_level_is_that_of_the_pixels_that_the_loss_sees():
    task = make("denoising", sigma=25.5, discrepancy=0.9, holdout=0.5)
    share = float(task.seen.mean())
    assert 0.2 < share < 0.8
    assert level(task) == pytest.approx(0.9 * 0.01 * share, rel=1e-3)


@pytest.mark.parametrize(("channels", "white", "rel"), [(1, 0, 0.1), (3, 0, 0.1), (1, 0.8, 0.5)])
def test_the_level_of_a_noise_from_elsewhere_is_estimated(channels, white, rel):
    """Of what clipping has left; on a white page it is less exact, but not taken off again."""
    x = smooth_image(channels, 190, 170)
    x[..., int(190 * (1 - white)) :, :] = 1
    noisy = make("denoising", x=x, sigma=15.0).problem.y
    task = make("denoising", y=noisy, sigma=None, discrepancy=0.9)
    assert level(task, 1.0) == pytest.approx(0.9 * float((noisy - x).square().mean()), rel=rel)
    assert level(task, 0.5) == level(task, 1.0)


def test_the_level_of_channels_is_that_of_their_mean_power():
    x = torch.full((1, 3, 150, 170), 0.5)
    noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
    y = x + noise * torch.tensor([0.01, 0.02, 0.1]).view(1, 3, 1, 1)
    found = level(make("denoising", y=y, sigma=None, discrepancy=1.0))
    assert found == pytest.approx(float((y - x).square().mean()), rel=0.1)


def test_a_tile_has_the_noise_of_the_whole_image():
    y = smooth_image(1, 70, 100)
    y[..., 50:] += 0.1 * torch.randn(1, 1, 70, 50, generator=torch.Generator().manual_seed(0))
    problem = denoising.NoisyImage(y)
    tiles = [problem.cut(tile) for tile in cover((70, 100), 64, 16)]
    assert {part.y_noise_std for part in tiles} == {problem.y_noise_std}
    assert [part.shape for part in tiles] == [(1, 64, 64)] * 4


def counts(x=None, **changes):
    x = smooth_image(3, 131, 127) if x is None else x
    keys = {"noise": "poisson", "observation": "poisson", "sigma": None, "peak": 30.0}
    return make("denoising", x=x, **{**keys, **changes})


@pytest.mark.parametrize("peak", [4.0, 30.0])
def test_the_loss_of_the_truth_is_what_counting_photons_leaves(peak):
    problem = counts(peak=peak).problem
    assert problem.y.max() > 1
    assert float(problem.loss(problem.x)) == pytest.approx(problem.noise_power(problem.x), rel=0.01)
    seen = torch.zeros_like(problem.y)
    seen[..., :40] = 1
    loss = float(problem.loss(problem.x, seen))
    assert loss == pytest.approx(problem.noise_power(problem.x, seen), rel=0.02)


def test_photons_that_an_image_file_has_clipped():
    y = counts(peak=4.0).problem.y.clamp(max=1)
    problem, x = denoising.PhotonImage(y, 4.0), smooth_image(3, 131, 127)
    assert float(problem.loss(x)) == pytest.approx(problem.noise_power(x), rel=0.01)
    problem.is_clipped = False
    assert float(problem.loss(x)) != pytest.approx(problem.noise_power(x), rel=0.05)


@pytest.mark.parametrize("told", [None, 12.0])
def test_the_peak_of_a_real_observation_is_found_or_told(told):
    y = counts().problem.y
    keys = {"task": "denoising", "noise": "poisson", "sigma": None, "peak": told, "seed": 0}
    problem = tasks.problem(Given(y=y), keys)
    assert torch.equal(problem.y, y)
    assert problem.peak == pytest.approx(told or 30, rel=0.05)
    assert problem.noise_is_told is (told is not None)
    assert problem.y_noise_std == pytest.approx(math.sqrt(float(y.mean()) / problem.peak))
    halved = tasks.problem(Given(y=y / 2, white=0.5), keys)
    assert halved.peak == pytest.approx(2 * problem.peak, rel=0.01)


def test_photons_of_which_nothing_is_known_are_fitted_to_the_end():
    problem = denoising.PhotonImage(smooth_image(1, 17, 13))
    assert (problem.peak, problem.noise_power(problem.y)) == (None, None)
    assert problem.baselines() == {}
    assert float(problem.loss(problem.y)) == pytest.approx(0, abs=1e-4)
    part = problem.cut(next(iter(cover((17, 13), 64, 16))))
    assert (part.peak, part.y_noise_std) == (None, None)


def test_the_classical_methods_remove_the_noise_of_photons():
    problem = counts().problem
    noisy = float((problem.y - problem.x).square().mean())
    for name, compute in problem.baselines().items():
        assert name.endswith(" (Anscombe)")
        assert float((compute() - problem.x).square().mean()) < noisy / 4


def test_a_tile_counts_as_the_whole_image():
    problem = counts().problem
    tiles = [problem.cut(tile) for tile in cover((131, 127), 64, 16)]
    assert {(part.peak, part.y_noise_std, part.is_clipped) for part in tiles} == {
        (30.0, problem.y_noise_std, False)
    }
    loss = float(tiles[0].loss(tiles[0].x))
    assert loss == pytest.approx(tiles[0].noise_power(tiles[0].x), rel=0.05)


def test_the_library_counts_photons_as_the_command():
    x = smooth_image(3, 17, 13)
    prior = dip.Denoising.simulate(x, noise="poisson", peak=4, seed=3)
    assert torch.equal(prior.problem.y, counts(x, peak=4.0, seed=3).problem.y)
    assert prior.problem.y.max() > 2  # more than white noise leaves
    given = {name: prior.hparams[name] for name in ("noise", "peak", "sigma")}
    assert given == {"noise": "poisson", "peak": 4, "sigma": None}
    assert dip.Denoising.simulate(x, noise="poisson").problem.peak == 30


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        ({"noise": "salt"}, "noise=salt: choose one of gaussian, poisson"),
        ({"peak": 30}, "peak=30: only for noise=poisson, but noise=gaussian"),
        ({"noise": "poisson", "sigma": 2}, "sigma=2: only for noise=gaussian, but noise=poisson"),
        ({"noise": "poisson", "peak": 0}, "peak=0: expected a number of more than 0"),
        ({"noise": "poisson", "peak": -1}, "peak=-1: expected a number of 0 or more"),
        ({"noise": "poisson", "peak": math.inf}, "peak=inf: expected a number of 0 or more"),
    ],
)
def test_noise_that_cannot_be(keys, sentence):
    for make_prior in (dip.Denoising, dip.Denoising.simulate):
        with pytest.raises(dip.UserError) as error:
            make_prior(smooth_image(1, 17, 13), **keys)
        assert str(error.value) == sentence


def test_nothing_negative_is_counted():
    with pytest.raises(dip.UserError, match=r"y: has values from -0.* to .*, expected 0 or more"):
        dip.Denoising(smooth_image(1, 17, 13) - 1, noise="poisson")


@pytest.mark.parametrize(("lacking", "share"), [(0.0, 1), (0.003, 0.5), (0.02, 0)])
def test_a_fit_that_lacks_detail_counts_less(lacking, share):
    x, draw = smooth_image(3, 61, 57).mul(0.5).add(0.25), torch.Generator().manual_seed(0)
    problem = denoising.NoisyImage(x + 0.1 * torch.randn(x.shape, generator=draw), 25.5)
    detail = (torch.arange(57) % 2 * 2 - 1.0).expand_as(x)
    fit = x + lacking**0.5 * detail
    classical = fit + 0.006**0.5 * detail
    weight = problem.weight_for(fit, classical)
    assert weight == pytest.approx(problem.fit_weight * share, abs=0.06)
    problem.noise_is_white = False
    assert problem.weight_for(fit, classical) == problem.fit_weight


def test_what_the_polish_brings_back_is_detail():
    x = (torch.arange(47) % 7 < 3).float().expand(1, 1, 61, 47) * 0.4 + 0.3
    y = (x + noisy() - 0.5).clamp(0, 1)
    problem = make("denoising", y=y, sigma=25.5).problem
    faint = 0.5 + 0.8 * (x - 0.5)  # as a fit that has not come to its end
    assert problem.is_polished
    assert (problem.polished(faint) - x).square().mean() < 0.9 * (faint - x).square().mean()


def test_what_is_held_out_is_not_read_by_the_polish():
    problem = make("denoising", y=noisy(), sigma=25.5).problem
    x, seen = torch.full((1, 1, 61, 47), 0.5), torch.ones(1, 1, 61, 47)
    seen[..., 30, 20] = 0
    before = problem.polished(x, seen)
    problem.y[..., 30, 20] = 1
    assert torch.equal(problem.polished(x, seen), before)
    assert not torch.equal(problem.polished(x), before)


@pytest.mark.parametrize("given", [{"y": blurred(), "sigma": None}, {"y": smooth_image(1, 17, 13)}])
def test_other_noise_is_not_polished(given):
    problem = make("denoising", **{"sigma": None, **given}).problem
    assert not problem.is_polished
