"""An operator of the user's own, as `task=operator` takes it."""

import numpy as np
import pytest
import torch
from PIL import Image

from dip_lightning import tasks
from dip_lightning.config import Config
from dip_lightning.errors import UserError
from dip_lightning.loading import load
from tests.conftest import read_metrics, smooth_image, stripes
from tests.prior.test_deep_image_prior import make

HERE = "tests.operators.damages"


def config_of(name, observed=None, size=None, sigma=0.0, **options):
    operator = {"name": f"{HERE}:{name}", **options}
    return Config(task="operator", operator=operator, observed=observed, size=size, sigma=sigma)


def simulated(name, x, sigma=0.0, seed=0, **options):
    config = config_of(name, sigma=sigma, **options)
    return tasks.problem(tasks.Given(x=x), {**vars(config), "seed": seed})


def observed(path, values, name, **keys):
    np.save(path, values)
    config = config_of(name, str(path), **keys)
    return tasks.problem(load(config)[1], vars(config))


def test_y_is_what_the_operator_makes_of_x():
    x = smooth_image(3, 8, 9)
    problem = simulated("Pooled", x)
    assert torch.equal(problem.y, torch.nn.functional.avg_pool2d(x, (1, 3)))
    assert problem.y_noise_std is None
    assert problem.loss(x) == 0


@pytest.mark.parametrize(("name", "options"), [("Pooled", {}), ("Fourier", {"img_size": [60, 63]})])
def test_noise_is_white_and_known(name, options):
    x = smooth_image(1, 60, 63)
    clean, noisy = (simulated(name, x, sigma, **options) for sigma in (0, 25.5))
    assert noisy.y_noise_std == pytest.approx(0.1)
    assert noisy.loss(x) == pytest.approx(0.01, rel=0.1)
    assert noisy.noise_power(x) == pytest.approx(0.01)
    assert torch.equal(noisy.y, simulated(name, x, 25.5, **options).y)
    assert not torch.equal(noisy.y, clean.y)


def test_what_it_draws_is_the_seeds():
    x = smooth_image(1, 16, 18)
    first, again, other = (simulated("Fourier", x, 0, s, img_size=[16, 18]) for s in (0, 0, 1))
    assert torch.equal(first.response, again.response)
    assert not torch.equal(first.response, other.response)


@pytest.mark.parametrize("shape", [(1, 1, 6, 3), (6, 3), (1, 6, 3)])
def test_an_observation_may_have_other_axes_of_length_one(tmp_path, shape):
    values = np.random.default_rng(0).random(shape)
    problem = observed(tmp_path / "y.npy", values, "Pooled", size="6x9")
    assert problem.y.shape == (1, 1, 6, 3)
    assert problem.shape == (1, 6, 9)
    assert problem.x is None
    np.testing.assert_allclose(problem.y.numpy().reshape(shape), values, rtol=1e-6)


def test_the_size_is_the_operators_own_where_it_has_one(tmp_path):
    values = np.ones((6, 9), complex)
    values[2, 2] = np.nan
    problem = observed(tmp_path / "y.npy", values, "Fourier", img_size=[1, 6, 9])
    assert problem.shape == (1, 6, 9)
    assert problem.y.dtype == torch.complex64
    assert problem.known.sum() == 53
    real = observed(tmp_path / "y.npy", np.ones((6, 9)), "Fourier", img_size=[1, 6, 9])
    assert real.y.dtype == torch.complex64


@pytest.mark.parametrize(
    ("values", "keys", "said"),
    [
        (np.ones(3), {"name": "Pooled"}, "size=null: task=operator with observed= needs size=HxW"),
        (
            np.ones((6, 4)),
            {"name": "Pooled", "size": "6x9"},
            "y.npy: is of shape 6 x 4, but operator=.*:Pooled returns 1 x 1 x 6 x 3 for an image",
        ),
        (
            np.ones((6, 3), complex),
            {"name": "Pooled", "size": "6x9"},
            "y.npy: holds complex numbers, but operator=.*:Pooled returns real ones",
        ),
        (np.ones((6, 9)), {"name": "shaky", "size": "6x9"}, ":shaky: returns something else"),
    ],
)
def test_an_observation_that_does_not_fit(tmp_path, values, keys, said):
    with pytest.raises(UserError, match=said):
        observed(tmp_path / "y.npy", values, **keys)


def test_an_image_of_another_shape_than_the_operators():
    with pytest.raises(UserError, match=r"is 1 x 8 x 9, but operator=.*:Fourier is for 1 x 8 x 8"):
        simulated("Fourier", smooth_image(1, 8, 9), img_size=[8, 8])


@pytest.mark.parametrize(
    ("name", "options", "shape"),
    [
        ("Pooled", {}, (1, 3, 8, 3)),
        ("columns", {}, (1, 3, 8, 9)),
        ("Fourier", {"img_size": [3, 8, 9]}, (1, 3, 8, 9)),
    ],
)
def test_there_is_something_to_look_at(name, options, shape):
    shown = simulated(name, smooth_image(3, 8, 9), **options).shown()
    assert shown.shape == shape
    assert shown.min() >= 0
    assert shown.max() <= 1
    assert shown.std() > 0


def test_values_beyond_0_and_1_are_stretched_to_look_at():
    problem = simulated("scaled", smooth_image(1, 8, 9), factor=40, offset=-3)
    assert (problem.shown().min(), problem.shown().max()) == (0, 1)
    assert problem.y.max() > 1


def test_least_squares_beside_a_linear_operator_only():
    x = smooth_image(1, 8, 9)
    (compute,) = simulated("Pooled", x).baselines().values()
    assert compute().shape == x.shape
    assert simulated("squashed", x).baselines() == {}


@pytest.mark.parametrize("sigma", [0.0, 2.0])
def test_the_polish_explains_y_up_to_its_noise(sigma):
    x = stripes(21, 39)[:, :1]
    problem = simulated("Fourier", x, sigma, img_size=[21, 39])
    start = problem.baselines()["least squares"]()
    found = problem.polished(start)
    assert problem.is_polished
    assert problem.error(found) < 0.5 * problem.error(start)
    residual = float((problem.A(found) - problem.y).abs().square().mean().sqrt())
    assert residual < 1.2 * max(sigma, 0.3) / 255


@pytest.mark.parametrize("sigma", [0.0, 2.0])
def test_the_units_of_y_do_not_matter_to_the_polish(sigma):
    x = stripes(15, 21)[:, :1]
    start = x.mean().lerp(x, 0.9)
    found = [simulated("Pooled", x, sigma * g, gain=g).polished(start) for g in (1.0, 1000.0)]
    assert not torch.allclose(found[0], start, atol=1e-2)
    torch.testing.assert_close(*found, rtol=0, atol=2e-3)


def test_what_is_held_out_is_not_read_by_the_polish():
    problem = simulated("Pooled", stripes(15, 21)[:, :1], 2)
    seen = torch.ones_like(problem.y)
    seen[..., 4, 5] = 0
    start = torch.full((1, 1, 15, 21), 0.5)
    before = problem.polished(start, seen)
    problem.y[..., 4, 5] = 1
    assert torch.equal(problem.polished(start, seen), before)
    assert not torch.equal(problem.polished(start), before)


def test_what_is_not_linear_or_of_unknown_noise_is_not_polished(tmp_path):
    assert not simulated("squashed", smooth_image(1, 8, 9)).is_polished
    told = (tmp_path / "y.npy", np.ones((6, 3)), "Pooled")
    for sigma, is_polished in ((None, False), (0.0, True), (2.0, True)):
        assert observed(*told, size="6x9", sigma=sigma).is_polished is is_polished


def test_a_fit_of_complex_values_ends_in_an_image():
    keys = {"name": f"{HERE}:Fourier", "img_size": [17, 13]}
    prior = make("operator", x=smooth_image(1, 17, 13), operator=keys, output="combined")
    assert prior.outputs().average.dtype == torch.float32


RUN = ("task=operator", "preset=smoke", "logger=none", "hydra.run.dir=out")


def test_a_measurement_of_the_users_own(dip, tmp_path):
    np.save(tmp_path / "y.npy", np.random.default_rng(0).random((3, 9)).astype(np.complex64))
    name = f"operator={HERE}:Fourier"
    told = ("operator.img_size=[3,9]", "observed=y.npy", "holdout=0.2")
    status, out, err = dip(*RUN, name, *told)
    assert status == 0, err
    assert "Warning" not in err
    assert "operator: y, 9 x 3 gray" in out
    with Image.open(tmp_path / "out" / "restored.tif") as image:
        assert (image.size, image.mode) == ((9, 3), "F")
    for file in ("restored.png", "observed.png", "comparison.png", "report.html"):
        assert (tmp_path / "out" / file).is_file()
    assert read_metrics(tmp_path / "out")["psnr_holdout"] is not None


def test_an_error_in_the_fit_shows_the_users_own_lines(dip, tmp_path, photo):
    (tmp_path / "tiring.py").write_text(
        "class Tired:\n"
        "    def __init__(self, calls):\n"
        "        self.left = calls\n"
        "    def __call__(self, x):\n"
        "        self.left -= 1\n"
        "        if self.left < 0:\n"
        "            raise RuntimeError('fell over')\n"
        "        return 2 * x\n"
    )
    told = ("operator=tiring.py:Tired", "operator.calls=22", f"image={photo}")
    status, _, err = dip(*RUN, *told)
    assert status == 1
    assert 'tiring.py", line 7, in __call__' in err
    assert err.splitlines()[-1] == (
        "error: operator=tiring.py:Tired: raised RuntimeError: fell over"
    )
    assert read_metrics(tmp_path / "out")["error"].startswith("operator=tiring.py:Tired")


def test_it_goes_on_with_the_same_operator_only(dip, tmp_path, photo):
    (tmp_path / "changing.py").write_text("def double(x):\n    return 2 * x\n")
    told = ("operator=changing.py:double", f"image={photo}", "resume=true")
    assert dip(*RUN, *told)[0] == 0
    assert read_metrics(tmp_path / "out")["inputs"].keys() == {"image", "operator"}
    assert "finished before" in dip(*RUN, *told)[1]
    (tmp_path / "changing.py").write_text("def double(x):\n    return 3 * x\n")
    status, out, _ = dip(*RUN, *told)
    assert status == 0
    assert "operator=changing.py:double: has changed since this job was done; doing it aga" in out
