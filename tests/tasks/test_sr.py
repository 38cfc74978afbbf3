import pytest
import skimage
import torch

import dip_lightning as dip
from dip_lightning import tasks
from dip_lightning.baselines import back_project, polish
from dip_lightning.errors import UserError
from dip_lightning.images.jpeg import compress
from dip_lightning.operators import Downsample, pillow_downsample
from dip_lightning.prior.tiles import cover
from dip_lightning.tasks import Given
from dip_lightning.tasks.sr import LONG, PATCHES, SHORT, STEPS, LowResolution
from tests.conftest import smooth_image
from tests.prior.test_deep_image_prior import make


def test_observation_is_the_operators():
    task = make("sr")
    assert torch.equal(task.problem.y, Downsample(3)(smooth_image(3, 17, 13)))


def test_observation_of_pillow():
    task = make("sr", observation="pillow")
    assert torch.equal(task.problem.y, pillow_downsample(smooth_image(3, 17, 13), 3))
    assert task.problem.loss(task.problem.x) > 0


def test_loss_of_the_ground_truth_is_zero():
    task = make("sr")
    assert task.problem.loss(task.problem.x) == 0


def test_a_real_observation_is_enlarged():
    task = make("sr", y=smooth_image(1, 9, 8), factor=5)
    assert task.problem.shape == (1, 45, 40)
    for compute in task.problem.baselines().values():
        assert compute().shape == (1, 1, 45, 40)


def test_factor_larger_than_the_image():
    with pytest.raises(UserError, match="factor=16: expected at most the shorter side"):
        make("sr", factor=16)


@pytest.mark.parametrize(("std", "is_noisy"), [(0.0, False), (0.05, True)])
def test_a_noisy_small_image_ends_at_its_noise_and_is_not_agreed_with(std, is_noisy):
    draw = torch.Generator().manual_seed(0)
    y = 0.3 + 0.4 * torch.linspace(0, 1, 60).expand(1, 3, 50, 60)
    y = (y + std * torch.randn(y.shape, generator=draw)).clamp(0, 1)
    problem = tasks.problem(Given(y=y), {"task": "sr", "factor": 2, "bounds": True, "sigma": None})
    assert (problem.y_noise_std is not None) is is_noisy
    x = torch.full((1, 3, 100, 120), 0.5)
    assert torch.equal(problem.agree(x), x) is is_noisy
    if is_noisy:
        assert problem.y_noise_std == pytest.approx(std, rel=0.1)


def stripes():
    return (torch.arange(39) % 13 < 6).float().expand(1, 3, 30, 39) * 0.8 + 0.1


def test_similar_patches_are_made_alike():
    problem = make("sr", x=stripes(), factor=3).problem
    apart = torch.randn(problem.x.shape, generator=torch.Generator().manual_seed(0))
    start = problem.agree((problem.x + 0.04 * apart).clamp(0, 1))
    found = problem.agree(problem.polished(start))
    assert problem.is_polished
    assert problem.error(found) < 0.7 * problem.error(start)
    assert (problem.A(found) - problem.y).abs().mean() < 0.01


def test_the_polish_is_the_mean_of_a_short_and_a_long_way():
    problem = make("sr", x=stripes(), factor=3).problem
    start = problem.stand_in()

    def agreed(x, _):
        return back_project(x, problem.y, 3, problem.A, STEPS)

    short, long = (polish(start, agreed, PATCHES, *way) for way in (SHORT, LONG))
    assert len(SHORT[0]) < len(LONG[0])
    assert torch.allclose(problem.polished(start), (short + long) / 2)


@pytest.mark.parametrize("sigma", [0.0, 10.0])
def test_what_is_held_out_is_not_read(sigma):
    problem = make("sr", x=stripes(), factor=3, sigma=sigma).problem
    seen = torch.ones(1, 1, 10, 13)
    seen[..., 4, 5] = 0
    start = problem.stand_in()
    before = problem.polished(start, seen)
    problem.y[..., 4, 5] = 0.5
    assert torch.equal(problem.polished(start, seen), before)
    assert not torch.equal(problem.polished(start), before)


def of_a_jpeg(x, factor=3, quality=60):
    made = compress(LowResolution.simulate(x, factor).y, quality, "4:2:0")
    return LowResolution(made.pixels, factor, x, made.coefficients)


def test_a_jpeg_is_agreed_with_as_far_as_it_has_rounded():
    photo = skimage.data.astronaut()[60:131, 180:265]
    problem = of_a_jpeg(torch.from_numpy(photo).permute(2, 0, 1)[None] / 255, factor=2)
    unaware = LowResolution(problem.y, 2, problem.x)
    start = problem.stand_in()
    assert float(problem.loss(problem.x)) < 0.3 * float(unaware.loss(problem.x))
    found = problem.agree(problem.polished(start))
    assert problem.error(found) < 0.92 * problem.error(unaware.agree(unaware.polished(start)))
    assert float(problem.loss(found)) < 0.05 * float(problem.loss(start))


def test_the_loss_of_a_jpeg_is_least_at_its_bounds_and_leads_there():
    problem = of_a_jpeg(smooth_image(3, 48, 45))
    start = x = torch.full_like(problem.x, 0.5)
    for _ in range(200):
        x.requires_grad_()
        (slope,) = torch.autograd.grad(problem.loss(x), x)
        x = (x - 400 * slope).detach()
    assert float(problem.loss(x)) < 1e-3 * float(problem.loss(start.detach()))


def test_a_tile_of_a_jpeg_has_its_part_of_the_bounds():
    problem = of_a_jpeg(smooth_image(3, 150, 180))
    low = problem.A(problem.x)
    whole = problem.bounds.nearest(low)
    for tile in cover((150, 180), 120, 24, lattice=((3, 0), (3, 0))):
        part, place = problem.cut(tile), (..., *tile.slices(3))
        assert part.coefficients.size == tuple(part.y.shape[2:]) == (40, 40)
        found = part.bounds.nearest(low[place])
        inner = (..., slice(16, 24), slice(16, 24))  # whole blocks of colour, wherever they begin
        torch.testing.assert_close(found[inner], whole[place][inner], rtol=0, atol=1e-5)
        assert float((part.bounds.nearest(part.y) - part.y).abs().mean()) < 0.5 / 255


def test_held_out_pixels_of_a_jpeg_are_not_read_from_their_blocks():
    problem, x = of_a_jpeg(stripes()), stripes()
    seen = torch.ones(1, 1, 10, 13)
    seen[..., 4, 5] = 0

    def read():
        return problem.polished(x, seen), problem.loss(x, seen), problem.polished(x)

    before = read()
    problem.bounds = of_a_jpeg(1 - x).bounds
    held_out, loss, whole = read()
    assert torch.equal(held_out, before[0])
    assert loss == before[1]
    assert not torch.equal(whole, before[2])


def noisy(sigma=10.0):
    photo = skimage.data.astronaut()[60:131, 180:265]
    return LowResolution.simulate(torch.from_numpy(photo).permute(2, 0, 1)[None] / 255, 2, sigma)


def test_an_image_with_noise_is_polished_up_to_its_noise():
    problem = noisy()
    start = problem.stand_in()
    found = problem.agree(problem.polished(start))
    assert problem.is_polished
    assert problem.error(found) < 0.75 * problem.error(start)
    left = 255 * float((problem.A(found) - problem.y).square().mean().sqrt())
    assert 5 < left < 11  # y is not fitted, and nothing else of it is lost


@pytest.mark.parametrize("sigma", [0.0, 10.0])
def test_a_tile_does_not_read_what_its_padding_has_touched(sigma):
    (tile, *_) = cover((72, 86), 48, 8, lattice=((2, 0), (2, 0)))
    part = noisy(sigma).cut(tile)
    start, outside = part.stand_in(), (part.known == 0).expand_as(part.y)
    assert outside.any()

    def made():
        return part.agree(part.polished(start))

    before = made()
    part.y[outside] = 0.5
    assert torch.equal(made(), before)


@pytest.mark.parametrize("sigma", [0.0, 51.0])
def test_noise_may_be_told(sigma):
    y = noisy(20).y
    assert dip.SuperResolution(y, 2).problem.y_noise_std == pytest.approx(20 / 255, rel=0.2)
    problem = make("sr", y=y, sigma=sigma).problem
    assert problem.y_noise_std == (0.2 if sigma else None)
    assert dip.SuperResolution(y, 3, sigma).problem.y_noise_std == problem.y_noise_std


def test_noise_is_added_to_what_was_shrunk():
    x = smooth_image(3, 251, 240)
    problem = make("sr", x=x, sigma=10).problem
    added = 255 * (problem.y - Downsample(3)(x))
    assert float(added.std()) == pytest.approx(10, rel=0.03)
    assert float(problem.loss(x)) == pytest.approx(problem.noise_power(x), rel=0.03)


def test_the_task_of_the_library_is_that_of_the_command():
    x = smooth_image(3, 17, 13)
    ours = dip.SuperResolution.simulate(x, 3, 20, seed=5).problem
    theirs = make("sr", x=x, sigma=20, seed=5).problem
    assert torch.equal(ours.y, theirs.y)
    assert ours.y_noise_std == theirs.y_noise_std == 20 / 255
    assert ours.is_clipped
    assert theirs.is_clipped


def test_noise_is_no_less_than_none():
    with pytest.raises(UserError, match=r"sigma=-1.0: expected a number of 0 or more"):
        dip.SuperResolution(smooth_image(3, 9, 8), 2, -1.0)
    with pytest.raises(UserError, match=r"sigma=-1.0: expected a number of 0 or more"):
        dip.SuperResolution.simulate(smooth_image(3, 9, 8), 2, -1.0)
