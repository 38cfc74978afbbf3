"""A raw mosaic is an image with missing channels; its noise is found beside its own kind."""

import pytest
import skimage
import torch

import dip_lightning as dip
from dip_lightning.baselines import malvar
from dip_lightning.errors import UserError
from dip_lightning.operators import Mosaic, bayer_mask
from dip_lightning.prior.tiles import cover
from dip_lightning.tasks.demosaicing import RawMosaic
from tests.conftest import smooth_image, stripes
from tests.prior.test_deep_image_prior import make


def observed(sigma=0.0, pattern="rggb", size=(131, 127)):
    """What the command makes of a file, (1, 3, H, W), and its mask."""
    x = 0.2 + 0.6 * smooth_image(3, *size)
    noisy = x + sigma / 255 * torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
    m = bayer_mask(pattern, *size)
    return {"y": m * noisy.clamp(0, 1), "m": m}


def test_one_channel_of_each_pixel_is_measured():
    x = smooth_image(3, 17, 13)
    problem = make("demosaicing", x=x, pattern="gbrg").problem
    assert torch.equal(problem.as_stored(problem.y), Mosaic("gbrg")(x))
    assert float(problem.loss(x)) == 0
    wrong = x.clone()
    wrong[0, 0, 0, 0] += 0.3  # green is measured there
    assert float(problem.loss(wrong)) == 0
    wrong[0, 1, 0, 0] += 0.3
    assert float(problem.loss(wrong)) > 0


@pytest.mark.parametrize(
    ("sigma", "keep_known", "is_kept"),
    [(0, None, True), (10, None, False), (10, True, True), (0, False, False)],
)
@pytest.mark.parametrize("is_simulated", [True, False])
def test_measured_values_are_kept_unless_they_are_noisy(sigma, keep_known, is_kept, is_simulated):
    given = {"x": smooth_image(3, 131, 127)} if is_simulated else observed(sigma)
    told = sigma if is_simulated else None
    problem = make("demosaicing", **given, sigma=told, keep_known=keep_known).problem
    assert problem.keep_known is is_kept
    x = torch.full_like(problem.y, 0.5)
    pasted = torch.where(problem.mask > 0, problem.y, x)
    assert torch.equal(problem.agree(x), pasted if is_kept else x)
    if sigma and not is_kept:
        assert problem.y_noise_std == pytest.approx(sigma / 255, rel=0.06)
    else:
        assert problem.y_noise_std is None  # a fit with pasted values would be over at once


def test_the_guide_is_malvars_interpolation():
    problem = make("demosaicing", x=smooth_image(3, 17, 13)).problem
    assert torch.equal(problem.guide(), malvar(problem.y, problem.mask))


@pytest.mark.parametrize("sigma", [0.0, 51.0])
def test_noise_that_is_told_of_a_mosaic(sigma):
    problem = make("demosaicing", **observed(10), sigma=sigma, keep_known=None).problem
    assert problem.y_noise_std == (0.2 if sigma else None)
    assert problem.keep_known is (sigma == 0)


def test_colours_that_change_together_cost_nothing():
    gray, weight = smooth_image(1, 17, 13).expand(1, 3, -1, -1), 0.25
    problem = make("demosaicing", color_smoothness=weight).problem
    assert float(problem.penalty(gray)) == 0
    red = gray.clone()
    red[0, 0, :, 6:] += 0.1  # a step in one of two differences, at one column of twelve
    assert float(problem.penalty(red)) == pytest.approx(weight * 0.01 / 2 / 12, rel=1e-4)
    assert make("demosaicing", color_smoothness=0.0).problem.penalty(red) is None


@pytest.mark.parametrize("sigma", [10, 40])
def test_the_loss_of_the_truth_is_the_power_of_the_noise(sigma):
    problem = make("demosaicing", x=smooth_image(3, 251, 240), sigma=sigma).problem
    assert float(problem.loss(problem.x)) == pytest.approx(problem.noise_power(problem.x), rel=0.02)


def test_classical_methods():
    problem = make("demosaicing", x=smooth_image(3, 17, 13)).problem
    assert list(problem.baselines()) == ["Malvar", "bilinear"]
    assert {compute().shape for compute in problem.baselines().values()} == {(1, 3, 17, 13)}
    assert torch.equal(problem.classical(), malvar(problem.y, problem.mask))
    assert make("demosaicing", sigma=10).problem.classical() is None  # it would bring noise back
    assert not RawMosaic(torch.zeros(1, 3, 800, 900), bayer_mask("rggb", 800, 900)).takes_long


def test_a_tile_at_an_odd_place_keeps_its_pattern():
    problem = make("demosaicing", x=smooth_image(3, 41, 53), color_smoothness=0.5, keep_known=None)
    problem = problem.problem
    for tile in cover((41, 53), 32, 15):
        part = problem.cut(tile)
        assert isinstance(part, RawMosaic)
        assert part.keep_known
        assert part.color_smoothness == problem.color_smoothness
        assert float(part.loss(tile.cut(problem.x))) == 0
        assert torch.equal(part.mask.sum(1), torch.ones_like(part.mask[:, 0]))


def test_gray_is_no_truth():
    with pytest.raises(UserError, match=r"image=None: is gray, expected the three channels of RGB"):
        make("demosaicing", x=smooth_image(1, 17, 13))


def test_the_task_of_the_library_is_that_of_the_command():
    x = smooth_image(3, 17, 13)
    ours = dip.Demosaicing.simulate(x, "bggr", 20, seed=3).problem
    theirs = make("demosaicing", x=x, pattern="bggr", sigma=20, seed=3).problem
    assert torch.equal(ours.y, theirs.y)
    assert torch.equal(ours.mask, theirs.mask)
    assert ours.y_noise_std == theirs.y_noise_std == 20 / 255
    assert ours.is_clipped
    assert torch.equal(ours.x, x)


MOSAIC = torch.full((1, 1, 17, 13), 0.5)


def with_truth(x):
    return dip.Demosaicing(MOSAIC, x=x)


@pytest.mark.parametrize(
    ("make_one", "sentence"),
    [
        (lambda: dip.Demosaicing(torch.rand(1, 3, 17, 13)), "expected a raw mosaic, \\(1, 1, H"),
        (lambda: dip.Demosaicing(torch.rand(1, 1, 17, 13), "xtrans"), "pattern=xtrans: choose one"),
        (lambda: dip.Demosaicing.simulate(torch.rand(1, 1, 17, 13)), "expected RGB"),
        (lambda: dip.Demosaicing.simulate(torch.rand(1, 4, 17, 13)), "expected RGB"),
        (lambda: dip.Demosaicing.simulate(torch.rand(1, 3, 17, 13), "rgb"), "pattern=rgb: choose"),
        (lambda: with_truth(torch.rand(1, 3, 17, 12)), r"x: is .*, expected \(1, 3, 17, 13\)"),
        (lambda: with_truth(torch.rand(1, 1, 17, 13)), r"x: is .*, expected \(1, 3, 17, 13\)"),
        (lambda: with_truth(torch.rand(3, 17, 13)), r"x: is \(3, 17, 13\), expected \(1, C"),
        (lambda: with_truth(255 * torch.rand(1, 3, 17, 13)), "x: has values from"),
        (lambda: dip.Demosaicing(MOSAIC, sigma=-1.0), "sigma=-1.0: expected a number of 0 or more"),
        (lambda: dip.Demosaicing(MOSAIC, sigma=float("inf")), "sigma=inf: expected a number"),
        (lambda: dip.Demosaicing(MOSAIC, color_smoothness=-1.0), "color_smoothness=-1.0: expected"),
        (lambda: dip.Demosaicing.simulate(torch.rand(1, 3, 17, 13), sigma=-1.0), "sigma=-1.0: "),
    ],
)
def test_mistakes_are_said(make_one, sentence):
    with pytest.raises(UserError, match=sentence):
        make_one()


def test_similar_patches_of_a_mosaic_are_made_alike():
    photo = skimage.data.astronaut()[60:111, 200:245]
    problem = RawMosaic.simulate(torch.from_numpy(photo).permute(2, 0, 1)[None] / 255)
    start = problem.guide()
    found = problem.agree(problem.polished(start))
    assert problem.is_polished
    assert problem.error(found) < 0.8 * problem.error(start)
    assert torch.equal(problem.as_stored(problem.A(found)), problem.as_stored(problem.y))


def test_where_interpolations_agree_nothing_is_polished():
    problem = RawMosaic.simulate(torch.full((1, 3, 17, 24), 0.5))
    start = problem.guide() + 0.01 * torch.rand(1, 3, 17, 24)
    assert (problem.polished(start) - start).abs().max() < 0.02
    assert problem.polished(start).isfinite().all()


def test_what_is_held_out_is_not_read_by_the_polish():
    problem = RawMosaic.simulate(stripes(17, 24))
    seen = problem.A.m.clone()
    seen[..., 4, 5] = 0
    start = problem.guide(seen)
    before = problem.polished(start, seen)
    problem.y[..., 4, 5] = 1 - problem.y[..., 4, 5]
    assert torch.equal(problem.polished(start, seen), before)
    assert not torch.equal(problem.polished(start), before)


def test_a_noisy_mosaic_is_not_polished():
    assert not RawMosaic.simulate(smooth_image(3, 17, 13), sigma=10).is_polished


def test_a_single_row_has_no_steps_from_row_to_row():
    problem = dip.Demosaicing(torch.rand(1, 1, 1, 16)).problem
    x = torch.rand(1, 3, 1, 16)
    expected = (x[:, ::2] - x[:, 1:2]).diff(dim=3).square().mean()
    assert float(problem.penalty(x)) == pytest.approx(float(problem.color_smoothness * expected))
