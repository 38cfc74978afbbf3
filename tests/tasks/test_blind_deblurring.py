import numpy as np
import pytest
import torch
import torch.nn.functional as F

from dip_lightning import BlindDeblurring, generators, restore, tasks
from dip_lightning.baselines import richardson_lucy
from dip_lightning.errors import UserError
from dip_lightning.images import read_kernel
from dip_lightning.operators import Blur, motion_kernel
from dip_lightning.prior.tiles import cover
from dip_lightning.tasks import Given
from dip_lightning.tasks.blind_deblurring import BlindlyBlurredImage
from dip_lightning.tasks.deblurring import UNSEEN, BlurredImage
from tests.conftest import TINY, read_metrics, save_png, smooth_image
from tests.prior.test_deep_image_prior import fit, make, trainer

KERNEL = torch.tensor([[0.0, 1, 2], [0, 3, 0], [0, 0, 2]]) / 8
OPTIONS = generators.SkipOptions([4], [4], [2])


def prior_of(**changes):
    network = generators.Skip(3, 1, OPTIONS, torch.Generator().manual_seed(0))
    told = {"kernel_start": "flat", "back_projection": 0.0, "iterations": 8, "input_depth": 3}
    told |= {"network": network, **changes}
    return BlindDeblurring.simulate(smooth_image(1, 25, 21), KERNEL, 5, **told)


def test_image_and_kernel_are_fitted_together():
    """Against the same loop written out in plain PyTorch, by a direct convolution."""
    told = {"kernel_lr": 0.003, "noise_std": 0.0, "precision": "float32"}
    ours = prior_of(**told)
    fit(ours)
    same = prior_of(**told)
    draw, network, y = same.problem.A.network, same.network, same.problem.y
    groups = [{"params": network.parameters()}, {"params": draw.parameters(), "lr": 0.003}]
    adam = torch.optim.Adam(groups, lr=same.settings.lr)
    images, kernels = [], []
    for _ in range(8):
        adam.zero_grad()
        x_hat, kernel = network(same.z), draw()
        F.mse_loss(F.conv2d(x_hat, kernel.flip(0, 1)[None, None]), y).backward()
        adam.step()
        images.append(x_hat.detach())
        kernels.append(kernel.detach())
    weights = torch.tensor([0.99**k for k in reversed(range(8))])
    weights = weights / weights.sum()
    average = sum(w * k for w, k in zip(weights, kernels, strict=True))
    torch.testing.assert_close(ours.kernel, average, rtol=1e-3, atol=1e-6)
    torch.testing.assert_close(ours.x_hat, images[-1], rtol=0, atol=2e-3)
    assert not torch.allclose(kernels[0], kernels[-1], rtol=1e-3)


@pytest.mark.parametrize("optimizer", ["adam", "muon"])
def test_the_kernel_has_a_rate_of_its_own(optimizer):
    prior = prior_of(optimizer=optimizer, kernel_lr=1e-9, schedule="halved")
    before = prior.problem.A.network()
    fit(prior)
    torch.testing.assert_close(prior.kernel, before, rtol=1e-4, atol=1e-8)
    groups = prior.optimizer.param_groups
    assert [group["initial_lr"] for group in groups[-2:]] == [0.01, 1e-9]
    assert groups[-1]["lr"] == pytest.approx(1e-9 / 8)


def test_what_a_graph_records_stays_in_its_place():
    prior = prior_of()
    places = [buffer.data_ptr() for buffer in prior.problem.buffers()]
    fit(prior)
    assert places == [buffer.data_ptr() for buffer in prior.problem.buffers()]


def test_a_loss_that_is_not_finite_spoils_no_kernel():
    prior = prior_of()
    blur = prior.problem.A
    kept = blur.kernel.clone()
    blur.present.fill_(float("nan"))
    blur.average(torch.tensor(0.0))
    assert torch.equal(blur.kernel, kept)


def test_it_goes_on_where_it_ended(tmp_path):
    whole, first, second = (prior_of(optimizer="muon", guard=1.2) for _ in range(3))
    fit(whole)
    fitting = trainer(max_steps=3)
    fitting.fit(first)
    fitting.save_checkpoint(tmp_path / "a.ckpt")
    trainer().fit(second, ckpt_path=tmp_path / "a.ckpt")
    assert torch.equal(second.kernel, whole.kernel)
    assert torch.equal(second.x_average, whole.x_average)


def test_an_image_that_is_shifted_is_compared_where_it_fits():
    prior = BlindDeblurring.simulate(smooth_image(3, 45, 41), KERNEL, 5, kernel_start="flat")
    asked = prior.problem
    moved = F.pad(asked.x, (9, 9, 9, 9))[..., 7 : 7 + asked.x.shape[2], 12 : 12 + asked.x.shape[3]]
    estimate, x = asked.compared(moved)
    assert torch.equal(estimate, x)
    assert x.shape[2:] == (asked.x.shape[2] - 10, asked.x.shape[3] - 10)
    rows, columns = asked.margins
    wide = F.pad(moved, (columns, columns, rows, rows))
    assert float(asked.error(wide)) < 1e-6
    assert float(asked.error(0.5 * wide)) > 1e-3


@pytest.mark.parametrize(
    ("size", "sentence"),
    [
        (4, "kernel_size=4: expected an odd number of pixels, at least 3, at most 151"),
        (1, "kernel_size=1: expected an odd number of pixels"),
        ((5, 8), r"kernel_size=\(5, 8\): expected an odd number"),
        (25, "kernel_size=25: is larger than the blurred image, 24 x 20 pixels"),
    ],
)
def test_a_size_that_cannot_be(size, sentence):
    with pytest.raises(UserError, match=sentence):
        BlindDeblurring(smooth_image(1, 20, 24), size)


def test_an_image_that_shows_nothing():
    noise = 0.5 + 0.05 * torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    for y in (torch.full((1, 1, 30, 30), 0.3), noise.clamp(0, 1)):
        with pytest.raises(UserError, match="image: shows nothing above its noise"):
            BlindDeblurring(y, 5)
    BlindDeblurring((noise + smooth_image(3, 64, 64) - 0.5).clamp(0, 1), 5, kernel_start="flat")


def test_a_kernel_that_ends_as_a_point(dip, tmp_path):
    save_png(tmp_path / "a.png", smooth_image(1, 23, 27))
    told = ("task=blind_deblurring", "observed=a.png", "kernel_size=3", "preset=smoke", *TINY)
    told += ("logger=none", "iterations=3", "kernel_lr=10", "average=0", "hydra.run.dir=out")
    status, _, said = dip(*told)
    assert status == 0
    metrics = read_metrics(tmp_path / "out")
    assert float(read_kernel(tmp_path / "out" / "kernel.png").max()) > 0.9
    assert metrics["diagnosis"] == "no_blur"
    assert "no blur found: the kernel has ended as a single point" in said


@pytest.mark.parametrize(
    ("at_edge", "side", "word"), [(0.2, 9, "kernel_cut"), (0.05, 9, None), (0.2, 5, None)]
)
def test_a_kernel_that_goes_on_to_its_edge(at_edge, side, word):
    problem = BlindDeblurring(smooth_image(1, 40, 40), side, kernel_start="flat").problem
    kernel = torch.zeros(side, side)
    kernel[0, 2:4], kernel[2, 2:4] = at_edge / 2, (1 - at_edge) / 2
    problem.A.kernel.copy_(kernel)
    assert problem.diagnosis() == word
    problem.truth = kernel
    assert problem.diagnosis() is None


def test_the_kernel_may_be_given_back(dip, tmp_path):
    save_png(tmp_path / "a.png", smooth_image(3, 25, 29))
    told = ("task=blind_deblurring", "image=a.png", "kernel=motion", "length=3", "angle=0")
    told += ("kernel_size=5", "preset=smoke", "logger=none", "hydra.run.dir=out", *TINY)
    assert dip(*told)[0] == 0
    kernel = read_kernel(tmp_path / "out" / "kernel.png")
    assert kernel.shape == (5, 5)
    saved = torch.load(tmp_path / "out" / "last.ckpt", weights_only=True)["state_dict"]
    torch.testing.assert_close(kernel, saved["problem.unknown.kernel"], rtol=0, atol=1e-4)
    metrics = read_metrics(tmp_path / "out")
    assert 0.2 < metrics["kernel_similarity"] < 1
    again = ("task=deblurring", "observed=out/observed.png", "kernel=out/kernel.png")
    again += ("preset=smoke", "iterations=1", "logger=none", "hydra.run.dir=two")
    assert dip(*again)[0] == 0


def test_in_one_call():
    photo = np.random.default_rng(0).integers(0, 255, (30, 34, 3), dtype=np.uint8)
    small = generators.Skip(32, 3, OPTIONS)
    told = {"network": small, "iterations": 3, "device": "cpu", "progress": False}
    result = restore(photo, "blind_deblurring", kernel_size=7, **told)
    assert result.image.shape == photo.shape
    assert result.kernel.shape == (7, 7)
    assert float(result.kernel.sum()) == pytest.approx(1, abs=1e-4)
    with pytest.raises(UserError, match="kernel: only for deblurring, not for blind_deblurring"):
        restore(photo, "blind_deblurring", kernel=KERNEL, kernel_size=7, **told)


def test_the_classical_method_is_told_the_estimated_kernel():
    y = Blur(motion_kernel(5, 0))(smooth_image(1, 40, 44))
    keys = {"task": "blind_deblurring", "kernel_size": 5, "kernel_start": "estimate", "seed": 0}
    keys |= {"kernel_lr": 0.001, "back_projection": 1.0, "sigma": None}
    problem = tasks.problem(Given(y=y), keys)
    found = problem.baselines()
    assert set(found) == {"Richardson-Lucy", "Wiener", "total variation"}
    told = richardson_lucy(problem.y, problem.estimate, UNSEEN)
    torch.testing.assert_close(found["Richardson-Lucy"](), told)


def test_the_guide_is_of_the_estimated_kernel_also_where_the_fit_does_not_begin_with_it():
    y = Blur(motion_kernel(5, 0))(smooth_image(1, 40, 44))
    flat, estimate = (BlindlyBlurredImage(y, (5, 5), start=start) for start in ("flat", "estimate"))
    torch.testing.assert_close(flat.guide(), estimate.guide())
    known = BlurredImage(y, estimate.estimate)
    torch.testing.assert_close(estimate.guide(), known.guide())


def test_tiles_are_refused_in_a_sentence():
    prior = make("blind_deblurring", x=smooth_image(3, 90, 90))
    with pytest.raises(UserError, match="tile: the kernel is to be the same everywhere"):
        prior.problem.cut(next(iter(cover(prior.problem.frame[1:], 64, 16))))


@pytest.mark.parametrize("size", [31.0, None, "5", (3,), (3, 5, 7), (3, 5.0)])
def test_a_size_is_a_number_or_two(size):
    with pytest.raises(UserError, match=r"kernel_size=.*: expected an odd number of pixels, or \("):
        BlindDeblurring(smooth_image(1, 40, 44), size)


def test_a_size_may_be_numpys():
    assert BlindDeblurring(smooth_image(1, 40, 44), np.int64(5)).kernel.shape == (5, 5)
    assert BlindDeblurring(smooth_image(1, 40, 44), [3, 5]).kernel.shape == (3, 5)


def test_half_of_the_result_is_total_variation_by_the_kernel_that_was_found_and_half_is_polished():
    prior = prior_of(output="combined", iterations=4)
    fit(prior)
    problem, outputs = prior.problem, prior.outputs()
    by_kernel = BlurredImage(problem.y, prior.kernel, 0.0)
    half = (prior.x_average + by_kernel.guide()) / 2
    expected = (half + by_kernel.polished(half)) / 2
    torch.testing.assert_close(outputs.combined, problem.framed(expected), atol=1e-3, rtol=0)
    assert prior.combination.fit_weight == pytest.approx(0.5)
