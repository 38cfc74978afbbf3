"""A prior is a LightningModule: what a Lightning user expects of any Trainer holds."""

import csv
import math

import numpy as np
import pytest
import torch
from pytorch_lightning import Trainer
from pytorch_lightning.callbacks import (
    Callback,
    EarlyStopping,
    LambdaCallback,
    LearningRateMonitor,
    ModelCheckpoint,
)
from pytorch_lightning.loggers import CSVLogger
from torch import nn

from dip_lightning import (
    Deblurring,
    DeepImagePrior,
    Demosaicing,
    Denoising,
    Inpainting,
    Problem,
    Restoration,
    SuperResolution,
    generators,
)
from dip_lightning.errors import UserError
from tests.conftest import smooth_image

QUIET = {"accelerator": "cpu", "enable_progress_bar": False, "enable_model_summary": False}
ALONE = {**QUIET, "logger": False, "enable_checkpointing": False}
pytestmark = [
    pytest.mark.filterwarnings(f"ignore:{text}")
    for text in ("Using ModelCheckpoint with manual", "Be aware that when using `ckpt_path`")
]


def small(outputs=3):
    options = generators.SkipOptions([4, 6], [4, 5], [2, 0])
    return generators.Skip(4, outputs, options, torch.Generator().manual_seed(0))


def enlarging(**fit):
    settings = {"network": small(), "input_depth": 4, "iterations": 20, **fit}
    return SuperResolution.simulate(smooth_image(3, 18, 22), factor=2, **settings)


def test_three_lines_fit_an_image():
    prior = enlarging()
    with pytest.raises(UserError, match="nothing was fitted yet"):
        prior()
    Trainer(max_epochs=1, **ALONE).fit(prior)
    assert prior().shape == (1, 3, 18, 22)
    assert prior.iteration == 20
    assert torch.equal(prior(), prior.x_average)


def test_chunks_change_no_bit():
    one, many = enlarging(), enlarging(chunk=None)
    for prior in (one, many):
        Trainer(max_epochs=1, **ALONE).fit(prior)
    assert torch.equal(one.x_hat, many.x_hat)


def test_curves_come_through_the_logger(tmp_path):
    logger, monitor = CSVLogger(tmp_path), LearningRateMonitor()
    trainer = Trainer(
        max_epochs=1, logger=logger, callbacks=[monitor], log_every_n_steps=5, **QUIET,
        enable_checkpointing=False,
    )  # fmt: skip
    prior = enlarging(schedule="warmup_cosine", warmup=4)
    trainer.fit(prior)
    with (tmp_path / "lightning_logs/version_0/metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    curve = [row for row in rows if row["loss"]]
    assert [int(row["step"]) for row in curve] == [4, 9, 14, 19]
    assert all(math.isfinite(float(row["psnr_average"])) for row in curve)
    assert any(row["lr-Adam"] for row in rows)
    assert trainer.callback_metrics["loss"] == prior.iterates[-1].loss


def test_max_steps_and_the_counter():
    prior, trainer = enlarging(), Trainer(max_steps=7, **ALONE)
    trainer.fit(prior)
    assert prior.iteration == trainer.global_step == 7


def test_max_time():
    prior = enlarging(iterations=10**6)
    Trainer(max_epochs=1, max_time={"seconds": 1}, **ALONE).fit(prior)
    assert 0 < prior.iteration < 10**6


def test_a_checkpoint_goes_on_to_the_same_bits(tmp_path):
    saving = ModelCheckpoint(tmp_path, every_n_train_steps=10, save_top_k=-1)
    whole = enlarging()
    Trainer(max_epochs=1, logger=False, callbacks=[saving], **QUIET).fit(whole)
    paths = sorted(tmp_path.glob("*.ckpt"))
    assert [path.stem for path in paths] == ["epoch=0-step=10", "epoch=0-step=20"]
    rest, trainer = enlarging(), Trainer(max_epochs=1, **ALONE)
    trainer.fit(rest, ckpt_path=paths[0])
    assert trainer.global_step == rest.iteration == 20
    assert torch.equal(rest(), whole())
    given = {"y": whole.problem.y, "x": whole.problem.x, "network": small()}
    again = SuperResolution.load_from_checkpoint(paths[1], **given)
    assert torch.equal(again(), whole())
    assert again.settings == whole.settings
    assert again.hparams["factor"] == 2


def test_a_checkpoint_of_another_device_goes_on(tmp_path):
    saving = ModelCheckpoint(tmp_path, every_n_train_steps=10)
    Trainer(max_steps=10, logger=False, callbacks=[saving], **QUIET).fit(enlarging())
    (path,) = tmp_path.glob("*.ckpt")
    checkpoint = torch.load(path, weights_only=False)
    there = {"computed": "float32 on cuda", "perturbations": torch.zeros(16, dtype=torch.uint8)}
    checkpoint["fit"] |= there  # a generator of CUDA's has 16 bytes
    torch.save(checkpoint, path)
    rest = enlarging()
    Trainer(max_epochs=1, **ALONE).fit(rest, ckpt_path=path)
    assert rest.iteration == 20


def test_epochs_are_parts_of_the_fit(tmp_path):
    stopping = EarlyStopping("loss", patience=2, min_delta=10.0)
    prior = enlarging(iterations=1000, iterations_per_epoch=10)
    trainer = Trainer(max_epochs=-1, callbacks=[stopping], **ALONE)
    trainer.fit(prior)
    assert prior.iteration == 30


def test_a_second_trainer_draws_other_noise_and_leaves_what_was_returned():
    cut, whole = enlarging(iterations=12), enlarging(iterations=12)
    Trainer(max_steps=5, **ALONE).fit(cut)
    before = cut()
    kept = before.clone()
    Trainer(max_steps=12, **ALONE).fit(cut)
    Trainer(**ALONE, max_epochs=1).fit(whole)
    assert cut.iteration == whole.iteration == 12
    assert torch.equal(cut.perturbations.get_state(), whole.perturbations.get_state())
    assert torch.equal(before, kept)


def test_whatever_goes_on_goes_on_with_the_schedule(tmp_path):
    def rates(prior, *steps, **options):
        found = []
        for most in steps:
            looking = LambdaCallback(
                on_train_batch_end=lambda *_: found.append(prior.optimizer.param_groups[0]["lr"])
            )
            trainer = Trainer(max_steps=most, callbacks=[looking], **ALONE)
            trainer.fit(prior, **options)
            trainer.save_checkpoint(tmp_path / f"{most}.ckpt")
        return found

    settings = {"iterations": 12, "schedule": "warmup_cosine"}
    whole = rates(enlarging(**settings), 12)
    prior = enlarging(**settings)
    assert rates(prior, 5, 8, 12) == whole
    for steps in (5, 8):  # of the first Trainer, and of the second
        path = tmp_path / f"{steps}.ckpt"
        assert rates(enlarging(**settings), 12, ckpt_path=path) == whole[steps:]
        given = {"y": prior.problem.y, "x": prior.problem.x, "network": small()}
        again = SuperResolution.load_from_checkpoint(path, **given)
        assert rates(again, 12) == whole[steps:]


def test_a_prior_that_is_rewound_ends_as_before(tmp_path):
    def missing():
        fit = {"input_depth": 4, "iterations": 40, "validation": 0.2, "output": "combined"}
        return Restoration.simulate(smooth_image(3, 18, 22), network=small(), known=0.6, **fit)

    used, fresh = missing(), missing()
    trainer = Trainer(max_steps=10, **ALONE)
    trainer.fit(used)
    trainer.save_checkpoint(tmp_path / "ten.ckpt")
    Trainer(max_epochs=1, **ALONE).fit(used)
    for prior in (used, fresh):
        Trainer(max_epochs=1, **ALONE).fit(prior, ckpt_path=tmp_path / "ten.ckpt")
        assert prior.combination.is_weighed
    assert torch.equal(used(), fresh())


@pytest.mark.parametrize("chunk", [1, 7])
def test_what_is_over_ends_at_once(chunk):
    prior = enlarging(iterations=8, iterations_per_epoch=4, chunk=chunk)
    for _ in range(2):
        Trainer(max_epochs=-1, **ALONE).fit(prior)
        assert prior.iteration == 8


def test_a_loss_that_is_not_a_number_ends_the_fit():
    problem = Problem(smooth_image(3, 18, 22), loss=lambda a, y: (a - y).mean() * math.nan)
    prior = DeepImagePrior(problem, small(), input_depth=4, iterations=20)
    Trainer(max_epochs=1, **ALONE).fit(prior)
    assert (prior.iteration, prior.diverged_at) == (1, 1)
    with pytest.raises(UserError, match="not finite from the first iteration"):
        prior()


def test_the_noise_level_ends_the_fit():
    x = smooth_image(3, 18, 22)
    settings = {"network": small(), "input_depth": 4, "average": 0.0}
    prior = Denoising.simulate(x, sigma=100, iterations=500, **settings)
    Trainer(max_epochs=1, **ALONE).fit(prior)
    assert prior.iteration == prior.discrepancy.reached_at < 500


def projections(x):
    """A tiny sinogram: sums of rows and of columns."""
    return torch.cat([x.sum(3), x.sum(2)], dim=2)


def test_an_operator_of_ones_own():
    x = smooth_image(1, 18, 22)
    problem = Problem(projections(x), A=projections, shape=(1, 18, 22), x=x)
    prior = DeepImagePrior(problem, small(1), input_depth=4, iterations=40, holdout=0.2)
    Trainer(max_epochs=1, **ALONE).fit(prior)
    assert prior.seen.shape == (1, 1, 40)
    assert prior.loss_best < prior.loss_first / 5


def test_an_operator_that_is_a_module_and_complex():
    class Fourier(torch.nn.Module):
        def forward(self, x):
            return torch.fft.fft2(x)

    x = smooth_image(1, 18, 22)
    problem = Problem(torch.fft.fft2(x), A=Fourier(), shape=(1, 18, 22), x=x)
    assert problem.loss(x) == 0
    expected = (torch.fft.fft2(0 * x) - torch.fft.fft2(x)).abs().square().mean()
    torch.testing.assert_close(problem.loss(0 * x), expected)


def test_a_physics_of_deepinv():
    deepinv = pytest.importorskip("deepinv", exc_type=ImportError)
    x = smooth_image(1, 18, 22)
    kernel = torch.ones(1, 1, 3, 3) / 9
    noise = deepinv.physics.GaussianNoise(0.5)
    physics = deepinv.physics.Blur(kernel, padding="circular", noise_model=noise)
    problem = Problem(physics.A(x), A=physics, x=x)
    assert problem.loss(x) == 0  # the noise of a physics is no part of A
    prior = DeepImagePrior(problem, small(1), input_depth=4, iterations=3)
    Trainer(max_epochs=1, **ALONE).fit(prior)
    assert prior().shape == x.shape


def test_a_network_of_ones_own_and_its_z():
    network = torch.nn.Sequential(torch.nn.Conv2d(2, 3, 3, padding=1), torch.nn.Sigmoid())
    problem, z = Problem(smooth_image(3, 18, 22)), torch.rand(1, 2, 18, 22)
    prior = DeepImagePrior(problem, network, z, iterations=30, precision="bfloat16")
    Trainer(max_epochs=1, **ALONE).fit(prior)
    assert prior.dtype_inside == torch.float32  # who knows what it does with another
    assert prior.loss_best < prior.loss_first


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: SuperResolution(torch.zeros(2, 3, 8, 8), 2), "y: is .* a fit restores one image"),
        (lambda: SuperResolution(torch.zeros(1, 3, 8, 8).int(), 2), "y: holds torch.int32, exp"),
        (lambda: SuperResolution(torch.full((1, 3, 8, 8), 200.0), 2), "y: has values from 200"),
        (lambda: Problem(torch.zeros(8, 8)), "shape=None: y is"),
        (
            lambda: Inpainting(torch.zeros(1, 3, 8, 8), torch.ones(1, 1, 8, 9)),
            r"mask: is \(1, 1, 8, 9\), which does not fit y, \(1, 3, 8, 8\)",
        ),
        (lambda: Inpainting(torch.zeros(1, 3, 8, 8), np.ones((8, 8))), "mask: is a ndarray"),
        (lambda: Inpainting(np.zeros((8, 8)), torch.ones(1, 1, 8, 8)), "y: is a ndarray"),
        (lambda: enlarging(z=np.zeros(3)), "z: is a ndarray, expected a tensor"),
        (lambda: enlarging(z=torch.rand(4, 18, 22)), r"z: is \(4, 18, 22\), expected \(1, C, H, W"),
        (lambda: enlarging(z=torch.full((1, 4, 18, 22), math.nan)), "z: .* expected finite ones"),
        (lambda: enlarging(input_type="image", image=np.zeros(3)), "image: is a ndarray"),
        (lambda: enlarging(iterations_per_epoch=0), "iterations_per_epoch=0: expected an integer"),
        (lambda: enlarging(iterations_per_epoch=2.5), "iterations_per_epoch=2.5: expected an int"),
        (
            lambda: Deblurring.simulate(smooth_image(3, 18, 22), torch.ones(3, 3), "a"),
            "sigma='a': expected a number of 0 or more",
        ),
        (
            lambda: Demosaicing.simulate(smooth_image(3, 18, 22), sigma="a"),
            "sigma='a': expected a number of 0 or more",
        ),
        (lambda: Problem(torch.zeros(2, 1, 8, 8)), "y: is .* a fit restores one image"),
        (
            lambda: Problem(torch.zeros(1, 4), A=projections, shape=(1, 8, 8)).loss(
                torch.zeros(1, 1, 8, 8)
            ),
            r"A: returns \(1, 1, 16\) for an image of shape \(1, 1, 8, 8\), but y is \(1, 4\)",
        ),
        (
            lambda: DeepImagePrior(
                Problem(torch.zeros(1, 1, 8, 8), loss=lambda a, y: (a - y).sum()), holdout=0.1
            ),
            "holdout=0.1: the loss of this problem sees all of y",
        ),
        (lambda: enlarging(lrr=1), "lrr=1: unknown argument; choose one of optimizer, "),
        (lambda: enlarging(lr=0), "lr=0: expected more than 0"),
        (lambda: enlarging(network="unet"), "network: is of type str, expected a module"),
        (
            lambda: enlarging(network=small().requires_grad_(requires_grad=False)),
            "network: has no parameter that can be fitted",
        ),
    ],
)
def test_a_mistake_is_one_sentence(make, sentence):
    with pytest.raises(UserError, match=sentence):
        make()


class OfPlanes(nn.Module):
    """Convolves in three dimensions, as of a stack."""

    def __init__(self):
        super().__init__()
        self.stack, self.last = nn.Conv3d(1, 2, 3, padding=1), nn.Conv2d(8, 3, 1)

    def forward(self, z):
        return self.last(self.stack(z[:, None]).flatten(1, 2)).sigmoid()


class OfWaves(nn.Module):
    """Weighs what a Fourier transform has found."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(3, 4, dtype=torch.complex64))

    def forward(self, z):
        mixed = torch.einsum("oc,bchw->bohw", self.weight, torch.fft.fft2(z))
        return torch.fft.ifft2(mixed).real.sigmoid()


@pytest.mark.parametrize("optimizer", ["adam", "muon"])
@pytest.mark.parametrize("network", [OfPlanes, OfWaves])
def test_a_network_of_any_weights(network, optimizer):
    prior = enlarging(network=network(), optimizer=optimizer)
    before = {name: p.detach().clone() for name, p in prior.network.named_parameters()}
    Trainer(max_epochs=1, **ALONE).fit(prior)
    assert prior().isfinite().all()
    assert not any(torch.equal(p, before[name]) for name, p in prior.network.named_parameters())


class Twice(nn.Conv2d):
    def forward(self, z):
        return super().forward(z), z


def test_a_network_returns_one_image():
    with pytest.raises(UserError, match=r"network: returns tuple, expected \(1, 3, 18, 22\)"):
        Trainer(max_epochs=1, **ALONE).fit(enlarging(network=Twice(4, 3, 1)))


@pytest.mark.parametrize("precision", ["bf16-true", "64-true", "bf16-mixed"])
def test_averages_are_computed_in_float32(precision):
    with pytest.raises(UserError, match=rf'precision="{precision}": the fit computes in float32'):
        Trainer(max_epochs=1, precision=precision, **ALONE).fit(enlarging())


def test_a_fitted_prior_is_saved_whole(tmp_path):
    prior = enlarging()
    Trainer(max_epochs=1, **ALONE).fit(prior)
    torch.save(prior, tmp_path / "prior.pt")
    again = torch.load(tmp_path / "prior.pt", weights_only=False)
    assert torch.equal(again(), prior())


def test_a_checkpoint_of_a_fit_that_has_not_begun(tmp_path):
    class Saves(Callback):
        def on_fit_start(self, trainer, pl_module):
            trainer.save_checkpoint(tmp_path / "first.ckpt")

    prior = enlarging()
    Trainer(max_epochs=1, callbacks=[Saves()], **ALONE).fit(prior)
    again = enlarging()
    Trainer(max_epochs=1, **ALONE).fit(again, ckpt_path=tmp_path / "first.ckpt")
    assert torch.equal(again(), prior())


def test_a_network_of_another_shape_is_named():
    prior = DeepImagePrior(Problem(smooth_image(3, 18, 22)), small(1), input_depth=4)
    with pytest.raises(UserError, match=r"network: returns \(1, 1, 18, 22\), expected"):
        Trainer(max_epochs=1, **ALONE).fit(prior)


@pytest.mark.parametrize("value", [math.nan, math.inf, -9999.0])
def test_what_is_masked_may_be_anything(value):
    y, mask = smooth_image(3, 18, 22), torch.ones(1, 1, 18, 22, dtype=torch.bool)
    mask[..., 4:9, 5:11] = False
    fits = []
    for under in (value, 0.5):
        given = torch.where(mask, y, under)
        prior = Inpainting(given, mask, network=small(), input_depth=4, iterations=5)
        Trainer(max_epochs=1, **ALONE).fit(prior)
        fits.append(prior())
    assert torch.equal(*fits)


def test_early_stopping_without_epochs_is_refused():
    trainer = Trainer(max_epochs=1, callbacks=[EarlyStopping("loss")], **ALONE)
    with pytest.raises(UserError, match="EarlyStopping: looks at the end of an epoch"):
        trainer.fit(enlarging())
