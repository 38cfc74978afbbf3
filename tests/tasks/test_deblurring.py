from functools import partial

import numpy as np
import pytest
import torch

from dip_lightning import Deblurring, generators, tasks
from dip_lightning.errors import UserError
from dip_lightning.images.jpeg import compress
from dip_lightning.operators import Blur, disk_kernel, gaussian_kernel, motion_kernel
from dip_lightning.prior.tiles import cover
from dip_lightning.tasks import Given
from dip_lightning.tasks.deblurring import BlurredImage
from tests.conftest import smooth_image, stripes
from tests.prior.test_deep_image_prior import fit, make, trainer

KEYS = {"task": "deblurring", "sigma": 0.0, "seed": 0, "kernel": None, "back_projection": 1.0}
KERNEL = torch.tensor([[0.0, 1, 2], [0, 3, 0], [0, 0, 0], [1, 0, 0], [0, 0, 1]])


def simulated(sigma=0.0):
    return BlurredImage.simulate(smooth_image(3, 41, 33), KERNEL, sigma)


def test_nothing_beyond_the_border_is_invented():
    x = smooth_image(3, 41, 33)
    problem = simulated()
    assert problem.y.shape == (1, 3, 37, 31)
    torch.testing.assert_close(problem.y, Blur(KERNEL / 8)(x))
    assert torch.equal(problem.x, x[..., 2:-2, 1:-1])
    assert (problem.shape, problem.frame) == ((3, 41, 33), (3, 37, 31))
    assert problem.loss(x) < 1e-10


def test_what_is_shown_lies_where_the_blurred_image_is():
    """A kernel with one weight in its middle changes nothing."""
    x, kernel = smooth_image(1, 20, 24), torch.zeros(5, 7)
    kernel[2, 3] = 1
    problem = BlurredImage.simulate(x, kernel)
    torch.testing.assert_close(problem.y, problem.x)
    torch.testing.assert_close(problem.framed(x), problem.y)


@pytest.mark.parametrize("sigma", [2.0, 10.0])
def test_the_noise_that_was_added_is_known(sigma):
    problem = simulated(sigma)
    assert problem.y_noise_std == pytest.approx(sigma / 255)
    power = problem.noise_power(smooth_image(3, 41, 33))
    assert float(problem.loss(smooth_image(3, 41, 33))) == pytest.approx(power, rel=0.1)


def test_the_noise_of_a_real_observation_is_found():
    clean = 0.3 + 0.4 * torch.linspace(0, 1, 90).expand(1, 3, 80, 90)
    y = clean + 0.03 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))
    given = Given(y=y.clamp(0, 1), kernel=KERNEL)
    problem = tasks.problem(given, {**KEYS, "sigma": None})
    assert problem.y_noise_std == pytest.approx(0.03, rel=0.1)
    assert not problem.is_clipped
    assert BlurredImage(smooth_image(1, 20, 24), KERNEL).y_noise_std is None
    told = tasks.problem(given, {**KEYS, "sigma": 51.0})
    assert (told.y_noise_std, told.is_clipped) == (0.2, True)
    assert [p.noise_is_told for p in (problem, told)] == [False, True]


def test_the_residual_is_sharpened_as_the_equation_says():
    """In float64, with NumPy's FFT of exactly y's size."""
    problem = simulated(sigma=20.0)
    x_hat = problem.A.kernel.new_tensor(np.random.default_rng(0).random((1, 3, 41, 33)))
    rows, columns = (
        np.sin(np.pi / 2 * np.minimum((np.minimum(p, n - p)) / reach, 1)) ** 2
        for n, reach in ((37, 2), (31, 1))
        for p in [np.arange(n) + 0.5]
    )
    residual = (problem.A(x_hat) - problem.y)[0].double().numpy() * np.outer(rows, columns)
    size = (40, 32)  # what an FFT is fast for
    spectrum = np.abs(np.fft.fft2(problem.A.kernel.double().numpy(), size)) ** 2
    damped = spectrum + 0.56 * (20 / 255) ** 0.5
    power = (np.abs(np.fft.fft2(residual, size)) ** 2 / damped).sum() / np.prod(size)
    assert float(problem.penalty(x_hat)) == pytest.approx(power / residual.size, rel=1e-4)
    assert float(simulated().penalty(smooth_image(3, 41, 33))) < 1e-8


def test_values_held_out_do_not_reach_what_is_beside_the_loss():
    problem, seen = simulated(), torch.ones(1, 1, 37, 31)
    seen[..., 9:14, 9:14] = 0
    x_hat = smooth_image(3, 41, 33).flip(2)
    before = problem.penalty(x_hat, seen)
    problem.y[..., 10:13, 10:13] += 0.3
    assert torch.equal(problem.penalty(x_hat, seen), before)
    assert not torch.equal(problem.penalty(x_hat), before)
    assert make("deblurring", back_projection=0.0).problem.penalty(x_hat) is None


@pytest.mark.parametrize("kind", ["gaussian", "disk", "motion"])
def test_a_kernel_is_drawn_by_name(kind):
    keys = {**KEYS, "kernel": kind, "blur_sigma": 1.0, "radius": 2.0, "length": 5, "angle": 30.0}
    problem = tasks.problem(Given(y=smooth_image(1, 20, 24)), keys)
    sides = {"gaussian": 7, "disk": 5, "motion": 5}
    assert problem.A.kernel.shape == (sides[kind], sides[kind])


def test_a_clean_image_is_blurred_by_a_gaussian():
    problem = tasks.problem(Given(x=smooth_image(1, 41, 33)), KEYS)
    assert torch.equal(problem.A.kernel, gaussian_kernel(1.6))


@pytest.mark.parametrize(
    ("kind", "left_out", "usual"),
    [("gaussian", "blur_sigma", gaussian_kernel(1.6)), ("motion", "angle", motion_kernel(5, 0))],
)
def test_what_has_a_usual_value_may_be_left_out(kind, left_out, usual):
    keys = {**KEYS, "kernel": kind, "blur_sigma": 1.0, "length": 5, "angle": 30.0, left_out: None}
    problem = tasks.problem(Given(y=smooth_image(1, 20, 24)), keys)
    assert torch.equal(problem.A.kernel, usual)


def test_a_real_observation_needs_its_kernel():
    with pytest.raises(UserError, match="task=deblurring with observed= needs kernel="):
        tasks.problem(Given(y=smooth_image(1, 41, 33)), KEYS)


@pytest.mark.parametrize("size", [(40, 12), (12, 40)])
def test_a_kernel_larger_than_the_image(size):
    with pytest.raises(UserError, match=r"kernel: is 15 x 15 pixels, expected at most \d+ x \d+, "):
        BlurredImage(smooth_image(1, *size), disk_kernel(7))
    with pytest.raises(UserError, match="kernel: is 15 x 15 pixels, expected about half of the"):
        BlurredImage.simulate(smooth_image(1, *size), disk_kernel(7))


def test_the_classical_methods_sharpen():
    x = smooth_image(3, 61, 53)
    x[..., 20:40, 15:35] = 1
    problem = BlurredImage.simulate(x, gaussian_kernel(1.0), 1.0)
    blurred = (problem.y - problem.x).square().mean()
    found = {name: compute() for name, compute in problem.baselines().items()}
    assert list(found) == ["total variation", "Richardson-Lucy", "Wiener"]
    for image in found.values():
        assert image.shape == problem.x.shape
        assert (image - problem.x).square().mean() < 0.5 * blurred


def test_a_fit_is_measured_and_shown_in_the_frame_of_y():
    prior = fit(make("deblurring", x=smooth_image(3, 33, 29), iterations=3))
    outputs = prior.outputs()
    assert {tuple(image.shape) for image in outputs.images} == {tuple(prior.problem.y.shape)}
    assert torch.equal(outputs.last, prior.problem.framed(prior.x_hat))
    error = (prior() - prior.problem.x).square().mean()
    assert prior.iterates[-1].error_average == pytest.approx(float(error), rel=1e-4)


def test_tiles_have_margins_of_their_own():
    problem = BlurredImage.simulate(smooth_image(3, 84, 112), KERNEL, 2.0)
    for tile in cover(problem.frame[1:], 64, 16):
        part = problem.cut(tile)
        assert (part.shape, part.frame) == ((3, 68, 66), (3, 64, 64))
        assert torch.equal(part.y, tile.cut(problem.y))
        assert torch.equal(part.x, tile.cut(problem.x))
        assert torch.equal(part.A.kernel, problem.A.kernel)
        assert (part.y_noise_std, part.is_clipped) == (problem.y_noise_std, True)
        torch.testing.assert_close(part.unblurring[0, 0], problem.unblurring[0, 0])  # its damping


def test_a_kernel_may_be_an_array():
    prior = Deblurring(smooth_image(1, 20, 24), np.ones((3, 5)), iterations=5)
    assert torch.equal(prior.problem.A.kernel, torch.full((3, 5), 1 / 15))
    made = Deblurring.simulate(smooth_image(1, 20, 24), np.ones((1, 3, 3)), iterations=5)
    assert made.problem.frame == (1, 18, 22)


def test_an_image_for_z_is_as_large_as_the_result():
    y, like = smooth_image(1, 20, 24), {"input_type": "image", "input_depth": 1}
    prior = Deblurring(y, KERNEL, image=y, **like)
    assert torch.equal(prior.problem.framed(prior.z), y)
    with pytest.raises(UserError, match="input_image: is 26 x 24 pixels, expected 24 x 20"):
        Deblurring(y, KERNEL, image=smooth_image(1, 24, 26), **like)


def test_in_python():
    prior = Deblurring.simulate(smooth_image(3, 41, 33), KERNEL, 3.0, seed=1, iterations=5)
    assert prior.problem.frame == (3, 37, 31)
    assert prior.hparams["sigma"] == 3.0
    again = Deblurring(prior.problem.y, KERNEL, x=prior.problem.x)
    assert again.problem.shape == (3, 41, 33)
    with pytest.raises(UserError, match=r"x: is \(1, 3, 41, 33\), expected \(1, 3, 37, 31\)"):
        Deblurring(prior.problem.y, KERNEL, x=smooth_image(3, 41, 33))


@pytest.mark.parametrize("sigma", [-1.0, float("nan"), float("inf")])
def test_noise_that_cannot_be(sigma):
    with pytest.raises(UserError, match=f"sigma={sigma}: expected a number of 0 or more"):
        Deblurring(smooth_image(3, 37, 31), KERNEL, sigma)
    with pytest.raises(UserError, match=f"sigma={sigma}: expected a number of 0 or more"):
        Deblurring.simulate(smooth_image(3, 37, 31), KERNEL, sigma)


def test_a_truth_in_other_units():
    y = smooth_image(3, 37, 31)
    with pytest.raises(UserError, match=r"x: has values from .*, expected 0 to 1"):
        Deblurring(y, KERNEL, x=255 * y)


def test_a_checkpoint_of_another_kernel(tmp_path):
    options = generators.SkipOptions([4], [4], [2])
    given = {"y": smooth_image(3, 31, 29), "network": generators.Skip(3, 3, options)}
    first = Deblurring(kernel=KERNEL, iterations=2, input_depth=3, **given)
    fitting = trainer()
    fitting.fit(first)
    path = tmp_path / "a.ckpt"
    fitting.save_checkpoint(path)
    load = partial(Deblurring.load_from_checkpoint, path, **given)
    assert torch.equal(load(kernel=KERNEL).x_average, first.x_average)
    with pytest.raises(UserError, match="kernel: is not that of the checkpoint"):
        load(kernel=KERNEL.flip(0))


@pytest.mark.parametrize(("sigma", "weight"), [(0.0, None), (5.0, 0.75), (None, 0.5)])
def test_a_share_of_the_result_is_total_variation_unless_there_is_no_noise(sigma, weight):
    x = smooth_image(3, 27, 23)
    made = BlurredImage.simulate(x, gaussian_kernel(0.7), sigma or 0.0)
    problem = BlurredImage(made.y, gaussian_kernel(0.7), sigma)
    assert problem.fit_weight == weight
    part = problem.cut(next(iter(cover(problem.frame[1:], 12, 4))))
    assert part.fit_weight == weight
    classical = problem.classical()
    if weight is None:
        assert classical is None
    else:
        torch.testing.assert_close(classical, problem.guide())


@pytest.mark.parametrize("sigma", [0.0, 2.0, None])
def test_the_polish_sharpens_and_explains_y_up_to_its_noise(sigma):
    made = BlurredImage.simulate(stripes(45, 39)[:, :1], KERNEL, 2.0 if sigma is None else sigma)
    problem = BlurredImage(made.y, KERNEL, sigma, made.x)
    start = problem.guide().mean().lerp(problem.guide(), 0.9)
    found = problem.polished(start)
    assert problem.is_polished
    assert problem.error(found) < 0.5 * problem.error(start)
    residual = float((problem.A(found) - problem.y).square().mean().sqrt())
    assert residual < 1.2 * max(2.0 if sigma is None else sigma, 0.3) / 255


def of_a_jpeg(quality, sigma=None, noise=0.0):
    made = BlurredImage.simulate(stripes(61, 55), KERNEL, noise)
    file = compress(made.y, quality, "4:4:4")
    return BlurredImage(file.pixels, KERNEL, sigma, made.x), file.coefficients


def test_what_was_rounded_off_counts_as_noise_where_that_is_not_told():
    problem, held = of_a_jpeg(60)
    std = held.noise_std()
    told = BlurredImage(problem.y, KERNEL, 255 * std)
    found = problem.allow_for(held)
    assert (found.y_noise_std, found.noise_is_told, found.is_rounded) == (std, False, True)
    torch.testing.assert_close(found.unblurring, told.unblurring)
    torch.testing.assert_close(found.guide(), told.guide())
    assert of_a_jpeg(60, sigma=1.0)[0].allow_for(held).y_noise_std == 1 / 255
    assert BlurredImage(problem.y, KERNEL).allow_for(None).y_noise_std is None
    fine, little = of_a_jpeg(100)
    assert little.noise_std() < 0.6 / 255
    assert fine.allow_for(little).y_noise_std is None
    noisy, held = of_a_jpeg(98, noise=8.0)
    before = noisy.y_noise_std
    assert before > held.noise_std()
    assert noisy.allow_for(held).y_noise_std == before
    assert not noisy.is_rounded


def test_a_compressed_image_is_sharpened_without_its_blocks():
    problem, held = of_a_jpeg(60)
    unaware = problem.error(problem.polished(problem.guide()))
    problem.allow_for(held)
    found = problem.polished(problem.guide())
    assert problem.error(found) < 0.7 * unaware
    assert problem.bounds.power(problem.A(found)) < 0.1 * problem.bounds.power(
        problem.A(problem.guide())
    )
    (tile, *_) = cover(problem.frame[1:], 40, 8)
    part = problem.cut(tile)
    assert part.is_rounded
    assert part.coefficients.size == tuple(part.y.shape[2:])
    assert problem.fit_weight == part.fit_weight == 0.5


def test_what_is_held_out_is_not_read_by_the_polish():
    problem = BlurredImage.simulate(stripes(45, 39)[:, :1], KERNEL, 2.0)
    seen = torch.ones(1, 1, *problem.y.shape[2:])
    seen[..., 20, 15] = 0
    start = problem.guide(seen)
    before = problem.polished(start, seen)
    problem.y[..., 20, 15] = 1
    assert torch.equal(problem.polished(start, seen), before)
    assert not torch.equal(problem.polished(start), before)
