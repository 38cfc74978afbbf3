"""The fit beside a classical method, weighed on what neither has seen."""

import pytest
import torch

from dip_lightning import DeepImagePrior, Problem
from dip_lightning.metrics import psnr
from dip_lightning.operators import Downsample, random_mask
from dip_lightning.prior.combination import combine, weigh
from dip_lightning.tasks import Restoration, SuperResolution
from dip_lightning.tasks.masked import MissingPixels
from tests.conftest import smooth_image
from tests.prior.test_conditioning import network
from tests.prior.test_deep_image_prior import trainer


def draw_of(seed=0):
    return torch.Generator().manual_seed(seed)


def noisy(x, std, seed):
    return x + std * torch.randn(x.shape, generator=draw_of(seed))


def test_weights_are_those_of_the_least_error():
    x = smooth_image(3, 64, 70)
    fit, classical = noisy(x, 0.02, 1), noisy(x, 0.04, 2)
    held = random_mask((3, 64, 70), 0.5, per_channel=False, generator=draw_of())
    w = weigh(fit, classical, x, held)
    assert float(w.mean()) == pytest.approx(4 / 5, abs=0.03)  # variances 1 and 4
    combined = combine(fit, classical, w)
    assert float(psnr(combined, x)) > max(float(psnr(i, x)) for i in (fit, classical))


def test_weights_follow_the_image():
    x = smooth_image(1, 64, 128)
    bad_left, bad_right = x.clone(), x.clone()
    bad_left[..., :64] = noisy(x, 0.1, 1)[..., :64]
    bad_right[..., 64:] = noisy(x, 0.1, 2)[..., 64:]
    w = weigh(bad_left, bad_right, x, torch.ones(1, 1, 64, 128))
    assert float(w[..., :24].mean()) < 0.3
    assert float(w[..., -24:].mean()) > 0.7


@pytest.mark.parametrize(("fit", "expected"), [(0.0, 1.0), (0.3, 0.0)])
def test_weights_stay_between_0_and_1(fit, expected):
    y = torch.full((1, 1, 9, 11), 0.5)
    w = weigh(y + fit, y - (0.0 if fit else 0.2), y, torch.ones(1, 1, 9, 11))
    assert torch.allclose(w, torch.full_like(w, expected))


def restored(x, **keys):
    prior = Restoration.simulate(
        x, known=0.5, network=network(8), input_depth=8, iterations=50, seed=1, **keys
    )
    trainer().fit(prior)
    return prior


def test_a_bad_fit_gives_way_to_the_classical_method():
    """A plane is what biharmonic inpainting finds exactly, and a short fit does not."""
    rows, columns = torch.meshgrid(
        torch.linspace(0, 1, 33), torch.linspace(0, 1, 40), indexing="ij"
    )
    x = (0.2 + 0.3 * rows + 0.2 * columns).expand(1, 3, 33, 40).contiguous()
    prior = restored(x, validation=0.1, output="combined")
    assert prior.combination.fit_weight is not None
    assert prior.combination.fit_weight < 0.05
    assert torch.allclose(prior(), x, atol=0.02)
    assert not torch.allclose(prior.x_average, x, atol=0.02)


def test_values_held_out_count_again_at_the_end():
    prior = restored(smooth_image(3, 17, 13), validation=0.2, output="combined")
    assert torch.equal(prior.seen, prior.problem.known)
    assert prior.combination.released_at == 40


def test_the_fit_alone_sees_all_from_the_start():
    prior = restored(smooth_image(3, 17, 13), validation=0.2, output="average")
    assert prior.combination.released_at is None
    assert prior.combination.fit_weight is None
    assert torch.equal(prior(), prior.x_average)


def test_the_loss_does_not_see_them_before():
    x = smooth_image(3, 17, 13)
    prior = Restoration.simulate(
        x,
        known=0.5,
        network=network(8),
        input_depth=8,
        iterations=50,
        seed=1,
        validation=0.2,
        output="combined",
    )
    trainer(max_steps=30).fit(prior)
    assert bool((prior.seen <= prior.problem.known).all())
    assert not torch.equal(prior.seen, prior.problem.known)
    assert not prior.combination.is_weighed


@pytest.mark.parametrize("is_polished", [True, False])
def test_the_result_is_polished_where_the_problem_is(is_polished, monkeypatch):
    class Half(Problem):
        def polished(self, x, seen=None):
            assert seen is None
            return x / 2

    monkeypatch.setattr(Half, "is_polished", is_polished)
    prior = DeepImagePrior(
        Half(smooth_image(3, 17, 13)),
        network=network(8),
        input_depth=8,
        iterations=3,
        output="combined",
    )
    trainer().fit(prior)
    assert torch.equal(prior(), prior.x_average / (2 if is_polished else 1))


def test_without_a_value_to_spare_there_is_no_weight():
    m = torch.zeros(1, 1, 9, 11)
    m[..., 4, 5] = 1
    prior = Restoration(
        torch.full((1, 3, 9, 11), 0.5),
        m,
        network=network(8),
        input_depth=8,
        iterations=20,
        validation=0.05,
        output="combined",
    )
    trainer().fit(prior)
    assert prior.combination.fit_weight is None
    assert torch.equal(prior(), prior.problem.polished(prior.x_average))


@pytest.mark.parametrize("most", [-1, 20])  # to the end, and to before the release
def test_known_pixels_are_in_the_result_exactly(most):
    x = smooth_image(3, 17, 13)
    m = random_mask((3, 17, 13), 0.5, per_channel=False, generator=draw_of())
    keys = {"network": network(8), "input_depth": 8, "iterations": 30, "output": "combined"}
    prior = Restoration(m * x, m, keep_known=True, validation=0.2, **keys)
    trainer(max_steps=most).fit(prior)
    assert torch.equal(prior() * m, m * x)
    assert (prior.combination.fit_weight is None) is (most == 20)
    problem = MissingPixels(m * x, m, keep_known=True)
    assert torch.equal(problem.agree(torch.zeros_like(x)), m * x)


def test_a_super_resolved_image_agrees_with_its_observation():
    x = smooth_image(3, 33, 40)
    prior = SuperResolution.simulate(
        x, factor=3, network=network(8), input_depth=8, iterations=30, output="combined"
    )
    trainer().fit(prior)
    assert prior.combination.is_done

    def apart(image):
        return float((Downsample(3)(image) - prior.problem.y).square().mean())

    assert apart(prior()) < 0.2 * apart(prior.x_average)
