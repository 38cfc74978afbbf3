"""The file bounds the image; the fit ends between the bounds."""

from dataclasses import replace

import pytest
import skimage
import torch
from kornia.filters import gaussian_blur2d
from PIL import Image

import dip_lightning as dip
from dip_lightning import tasks
from dip_lightning.errors import UserError
from dip_lightning.images.jpeg import compress, read_jpeg
from dip_lightning.prior.tiles import cover
from dip_lightning.tasks import Given
from dip_lightning.tasks.jpeg import OUTSIDE, CompressedImage, JPEGDecompression
from tests.conftest import smooth_image
from tests.prior.test_deep_image_prior import fit, make

KEYS = {"task": "jpeg", "image": "a.png", "quality": 10, "subsampling": "4:2:0"}
KEYS |= {"bounds": True, "centering": 0.0}


def simulated(quality=10, centering=0.0, size=(37, 53)):
    x = smooth_image(3, *size)
    found = compress(x, quality, "4:2:0")
    return CompressedImage(found.pixels, found.coefficients, x, centering=centering)


def test_what_was_compressed_costs_nothing():
    problem = simulated()
    assert float(problem.loss(problem.x)) < (0.1 / 255) ** 2  # the encoder rounds colours
    assert float(problem.loss(problem.x + 0.2)) > 1e-3


def test_the_loss_is_the_squared_distance_to_the_bounds():
    problem = simulated(size=(32, 48))
    moved = torch.zeros_like(problem.bounds.centre)
    moved[0, 9] = problem.bounds.radius[0, 9] + 0.02
    x = problem.A.lift(problem.bounds.centre + moved, (32, 48))
    assert float(problem.loss(x)) == pytest.approx(0.02**2 / moved.numel(), rel=1e-3)


def test_centering_counts_what_lies_inside():
    problem = simulated(centering=0.5, size=(32, 48))
    x = problem.A.lift(problem.bounds.centre + 0.9 * problem.bounds.radius, (32, 48))
    assert float(problem.loss(x)) < 1e-12
    expected = 0.5 * float((0.9 * problem.bounds.radius).square().mean())
    assert float(problem.penalty(x)) == pytest.approx(expected, rel=1e-3)
    assert simulated().penalty(x) is None


def test_the_result_lies_between_the_bounds_and_nearer_to_the_truth():
    problem = simulated(size=(32, 48))
    x = 0.1 + 0.8 * problem.x + 0.05
    found = problem.agree(x)
    assert float(problem.loss(found)) < 1e-8
    assert (found - problem.x).square().mean() < (x - problem.x).square().mean()
    torch.testing.assert_close(problem.agree(found), found, rtol=0, atol=1e-4)


def test_a_fit_gets_between_the_bounds():
    prior = fit(make("jpeg", iterations=60, lr=0.01, output="combined"))
    problem, first = prior.problem, prior.loss_first
    assert float(problem.loss(prior.x_average)) < 0.2 * first
    assert float(problem.loss(prior())) < 0.05 * float(problem.loss(prior.x_average))


@pytest.mark.parametrize("bounds", [True, False])
def test_tiles_have_their_part_of_the_bounds(bounds):
    problem = make("jpeg", x=smooth_image(3, 70, 100), bounds=bounds).problem
    for tile in cover((70, 100), 48, 16):
        part = problem.cut(tile)
        assert torch.equal(part.y, tile.cut(problem.y))
        assert part.coefficients.size == tuple(part.y.shape[2:])
        assert float(part.loss(part.x)) < (1e-6 if bounds else 1e-2)
        assert part.coefficients.flat()[2].mean() > 0.3


@pytest.mark.parametrize("turn", [False, True])
def test_tiles_cut_through_no_block(turn):
    problem = make("jpeg", x=smooth_image(3, 184, 120)).problem
    all_held = tuple(map(torch.ones_like, problem.coefficients.known))
    problem.coefficients = replace(problem.coefficients, known=all_held)
    if turn:
        held = problem.coefficients.flipped()
        problem = CompressedImage(problem.y.flip(2), held, problem.x.flip(2))
        assert problem.lattice == ((16, 8), (16, 0))
    tiles = list(cover(problem.frame[1:], 64, 16, problem.lattice))
    assert len(tiles) == 12
    for tile in tiles:
        assert problem.cut(tile).coefficients.flat()[2].all()
    assert sum(tile.window.sum() for tile in tiles) == 184 * 120


def test_without_bounds_the_decoded_image_is_fitted():
    problem = make("jpeg", bounds=False).problem
    assert float(problem.loss(problem.y)) == 0
    assert torch.equal(problem.agree(problem.x), problem.x)


def test_its_baseline_is_nearer_to_the_truth():
    problem = simulated()
    smooth = problem.baselines()["re-application"]()
    assert (smooth - problem.x).square().mean() < (problem.y - problem.x).square().mean()


def test_the_guide_lies_within_half_of_the_bounds_and_is_nearer_to_the_truth():
    x = (torch.arange(32)[:, None] // 9 + torch.arange(48) // 11) % 3 / 2.5 + 0.1
    problem = make("jpeg", x=x.expand(1, 3, -1, -1), quality=10).problem
    guide = problem.guide()
    outside = (problem.A(guide) - problem.bounds.centre).abs() - problem.bounds.radius / 2
    assert float(outside.clamp(min=0).square().mean().sqrt()) < 1 / 255
    assert (guide - problem.x).square().mean() < (problem.y - problem.x).square().mean()
    unbounded = make("jpeg", x=problem.x, quality=10, bounds=False).problem
    torch.testing.assert_close(unbounded.guide(), guide)


@pytest.mark.parametrize("size", [(41, 33), (33, 33)])
def test_the_guide_is_as_good_where_blocks_reach_beyond_the_border(size):
    noise = torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(0))
    x = smooth_image(3, *size) * 0.7 + 0.3 * gaussian_blur2d(noise, (5, 5), (1.0, 1.0))
    problem = make("jpeg", x=x, quality=10).problem

    def error(image):
        apart = (image - x).square()
        return float(torch.cat([apart[..., -1, :], apart[..., -1]], 2).mean())

    assert error(problem.guide()) < 1.6 * error(problem.y)


def test_a_part_of_the_result_is_classical():
    prior = fit(make("jpeg", iterations=3, output="combined"))
    problem = prior.problem
    of_both, variation, again = (method() for method in problem.baselines().values())
    torch.testing.assert_close(of_both, (variation + again) / 2)
    weight = problem.weight_for(prior.x_average, problem.classical())
    mean = torch.lerp(of_both, prior.x_average, weight)
    torch.testing.assert_close(prior.combination.x, problem.agree(problem.polished(mean)))
    assert prior.combination.fit_weight == pytest.approx(weight)


def test_similar_patches_are_made_alike_within_the_bounds():
    photo = skimage.data.astronaut()[60:131, 180:265]
    x = torch.from_numpy(photo).permute(2, 0, 1)[None] / 255
    made = compress(x, 10, "4:2:0")
    problem = CompressedImage(made.pixels, made.coefficients, x)
    start = problem.agree(problem.classical())
    found = problem.agree(problem.polished(start))
    assert problem.is_polished
    assert problem.error(found) < 0.97 * problem.error(start)
    assert float(problem.loss(found)) < 1e-8


def test_what_no_method_changes_is_hardly_polished():
    grey = torch.full((1, 3, 24, 40), 0.5)
    made = compress(grey, 90, "4:2:0")
    problem = CompressedImage(made.pixels, made.coefficients, grey)
    torch.testing.assert_close(problem.polished(grey), problem.agree(grey), rtol=0, atol=1e-3)


def test_a_fit_counts_for_less_the_further_it_is_outside_of_its_bounds():
    problem = make("jpeg", x=smooth_image(1, 16, 24)).problem
    inside = problem.agree(problem.y)
    assert problem.weight_for(inside, inside) == pytest.approx(0.8, rel=0.02)
    # All coefficients are moved from the middle, by half a step and so far that r is r0.
    far = problem.A.lift(problem.bounds.centre + problem.bounds.radius + OUTSIDE, (16, 24))
    assert problem.weight_for(far, far) == pytest.approx(0.4, rel=1e-3)


def test_the_module_equals_the_command():
    x = smooth_image(3, 17, 13)
    ours = dip.JPEGDecompression.simulate(x, 30, "4:2:2").problem
    theirs = make("jpeg", x=x, quality=30, subsampling="4:2:2").problem
    assert torch.equal(ours.y, theirs.y)
    assert torch.equal(ours.bounds.centre, theirs.bounds.centre)
    assert torch.equal(ours.bounds.radius, theirs.bounds.radius)


def test_a_file_is_read(tmp_path):
    array = (smooth_image(1, 21, 30)[0, 0] * 255).byte().numpy()
    Image.fromarray(array).save(tmp_path / "a.jpg", quality=20)
    prior = dip.JPEGDecompression(tmp_path / "a.jpg")
    assert prior.problem.shape == (1, 21, 30)
    assert torch.equal(prior.problem.y, read_jpeg(tmp_path / "a.jpg", "file").pixels)


@pytest.mark.parametrize(
    ("make_it", "sentence"),
    [
        (lambda: dip.JPEGDecompression("nowhere.jpg"), "file=nowhere.jpg: no such file"),
        (lambda: dip.JPEGDecompression.simulate(torch.rand(1, 4, 9, 9)), "has 4 channels"),
        (
            lambda: dip.JPEGDecompression.simulate(torch.rand(1, 3, 9, 9), centering=-1.0),
            "centering=-1.0: expected a number of 0 or more",
        ),
        (
            lambda: dip.JPEGDecompression.simulate(torch.rand(1, 3, 9, 9), holdout=0.1),
            "holdout=0.1: the loss of this problem sees all of y",
        ),
        (
            lambda: tasks.problem(Given(x=torch.rand(1, 2, 9, 9)), KEYS),
            "image=a.png: has 2 channels, expected gray or RGB, which JPEG holds",
        ),
    ],
)
def test_what_cannot_be_is_said(make_it, sentence):
    with pytest.raises(UserError, match=sentence):
        make_it()


def test_a_part_without_a_whole_block_is_refused():
    found = compress(smooth_image(3, 37, 53), 10, "4:2:0")
    rows = slice(1, 8)
    with pytest.raises(UserError, match="max_side: leaves 7 x 7 pixels without a whole block"):
        CompressedImage(found.pixels[..., rows, rows], found.coefficients.cut(rows, rows))


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"quality": 0}, "quality=0: expected an integer, at least 1, at most 100"),
        ({"quality": 30.5}, r"quality=30\.5: expected an integer"),
        ({"subsampling": "4:1:1"}, "subsampling=4:1:1: choose one of 4:4:4, 4:2:2, 4:2:0"),
    ],
)
def test_an_encoder_is_told_what_it_can_do(told, said):
    with pytest.raises(UserError, match=said):
        JPEGDecompression.simulate(smooth_image(3, 20, 24), **told)


def test_a_file_is_a_path(tmp_path, monkeypatch):
    with pytest.raises(UserError, match="file: is of type Image, expected the path of a JPEG file"):
        JPEGDecompression(Image.new("RGB", (24, 20)))
    Image.new("RGB", (24, 20)).save(tmp_path / "x.jpg")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert JPEGDecompression("~/x.jpg").problem.shape == (3, 20, 24)
