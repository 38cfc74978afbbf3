"""The fit, against the same loop written out in plain PyTorch."""

import math

import pytest
import torch
import torch.nn.functional as F
from pytorch_lightning import Trainer

from dip_lightning import tasks
from dip_lightning.building import build_prior
from dip_lightning.config import Config
from dip_lightning.optimizers import StepLimit
from dip_lightning.tasks import Given
from tests.conftest import smooth_image

OUTPUTS = ("x_hat", "x_average", "x_square", "average_weight", "combination")
NETWORK = {"name": "skip", "generator": "skip", "down": [4, 6], "up": [4, 5], "skip": [2, 0]}
SETTINGS = {
    "sr": {"factor": 3, "observation": "lanczos2", "sigma": 0.0},
    "inpainting": {"keep_known": False},
    "restoration": {"known": 0.5, "per_channel": True, "keep_known": False},
    "denoising": {"noise": "gaussian", "sigma": 25.0},
    "deblurring": {"sigma": 2.0, "kernel": "gaussian", "blur_sigma": 0.6, "back_projection": 0.0},
    "blind_deblurring": {
        "sigma": 2.0,
        "kernel": "gaussian",
        "blur_sigma": 0.6,
        "back_projection": 0.0,
        "kernel_size": 5,
        "kernel_start": "flat",
        "kernel_lr": 0.001,
    },
    "demosaicing": {"pattern": "rggb", "sigma": 0.0, "color_smoothness": 0, "keep_known": False},
    "jpeg": {"quality": 30, "subsampling": "4:2:0", "bounds": True, "centering": 0.0},
    "operator": {"operator": {"name": "tests.operators.damages:Pooled"}, "sigma": 0.0},
}


# Of a task that has others; fitted in the same loop.
POISSON = {"noise": "poisson", "observation": "poisson", "sigma": None, "peak": 20.0}


def config_of(task="restoration", **changes):
    settings = {**SETTINGS[task], "input_depth": 3, "precision": "float32", "network": NETWORK}
    return Config(task=task, **{**settings, "iterations": 20, **changes})


def problem_of(config, x=None, y=None, m=None):
    given = Given(x=smooth_image(3, 17, 13) if x is None and y is None else x, y=y, m=m)
    return tasks.problem(given, vars(config))


def make(task="restoration", x=None, y=None, m=None, z=None, guard=None, **changes):
    config = config_of(task, **changes)
    prior = build_prior(config, problem_of(config, x, y, m), z)
    # Tighter than a user may ask for, so that it is at work in a short fit.
    prior.guard = None if guard is None else StepLimit(guard)
    return prior


def trainer(callbacks=(), accelerator="cpu", **settings):
    return Trainer(
        **settings,
        accelerator=accelerator,
        max_epochs=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[*callbacks],
    )


def fit(task, chunk=1, callbacks=()):
    total = task.settings.iterations
    chunks = [min(chunk, total - done) for done in range(0, total, chunk)]
    trainer(callbacks).fit(task, chunks)
    return task


def collected(task, chunk):
    """Fit, and return each iteration's measurements."""
    from pytorch_lightning import Callback

    class Collector(Callback):
        def __init__(self):
            self.iterates = []

        def on_train_batch_end(self, trainer, pl_module, *_):
            self.iterates += pl_module.iterates

    collector = Collector()
    fit(task, chunk, [collector])
    return collector.iterates


def plain_loop(task, loss_of):
    """Deep Image Prior as a textbook writes it, in float32, one host look per iteration."""
    c = task.settings
    network, z = task.network, task.z
    noise = task.random("perturbations")
    adam = torch.optim.Adam(network.parameters(), lr=c.lr, eps=c.epsilon)
    losses, outputs, last = [], [], z.permute(0, 2, 3, 1).shape
    for _ in range(c.iterations):
        adam.zero_grad()
        x_hat = network(z + c.noise_std * torch.randn(last, generator=noise).permute(0, 3, 1, 2))
        loss = loss_of(x_hat)
        loss.backward()
        adam.step()
        losses.append(loss.item())
        outputs.append(x_hat.detach())
    weights = torch.tensor([c.average**k for k in reversed(range(c.iterations))])
    average = sum(w * out for w, out in zip(weights / weights.sum(), outputs, strict=True))
    return losses, outputs, average


def blurred(x, task):
    kernel = task.problem.A.kernel.flip(0, 1)  # conv2d correlates
    return F.conv2d(x, kernel.expand(x.shape[1], 1, *kernel.shape), groups=x.shape[1])


def outside(x, task):
    """How far the coefficients of an image are from what was rounded to those of the file."""
    centre, steps, known = task.problem.coefficients.flat()
    found = task.problem.A(x)
    nearest = found.clamp(centre - steps / 2, centre + steps / 2)
    return ((found - nearest)[known > 0] ** 2).mean()


LOSSES = {
    "sr": lambda task: lambda x_hat: F.mse_loss(task.problem.A(x_hat), task.problem.y),
    "inpainting": lambda task: lambda x_hat: F.mse_loss(x_hat * task.problem.A.m, task.problem.y),
    "restoration": lambda task: lambda x_hat: F.mse_loss(x_hat * task.problem.A.m, task.problem.y),
    "demosaicing": lambda task: lambda x_hat: F.mse_loss(x_hat * task.problem.A.m, task.problem.y),
    "denoising": lambda task: lambda x_hat: F.mse_loss(x_hat, task.problem.y),
    "jpeg": lambda task: lambda x_hat: outside(x_hat, task),
    "operator": lambda task: lambda x_hat: F.mse_loss(F.avg_pool2d(x_hat, (1, 3)), task.problem.y),
    "deblurring": lambda task: lambda x_hat: F.mse_loss(blurred(x_hat, task), task.problem.y),
}


@pytest.mark.parametrize("chunk", [1, 7])
@pytest.mark.parametrize("name", LOSSES)
def test_equals_a_plain_loop(name, chunk):
    # A small epsilon lets Adam step by the sign of a gradient that is rounding alone, which no two
    # processors and no two ways to convolve have in common.
    ours = make(name, epsilon=1e-5)
    iterates = collected(ours, chunk)
    reference = make(name, epsilon=1e-5)
    losses, outputs, average = plain_loop(reference, LOSSES[name](reference))
    torch.testing.assert_close([i.loss for i in iterates], losses, rtol=2e-4, atol=1e-7)
    torch.testing.assert_close(ours.x_hat, outputs[-1], rtol=0, atol=2e-3)
    torch.testing.assert_close(ours.x_average, average, rtol=0, atol=1e-3)
    framed = reference.problem.framed
    errors = [F.mse_loss(framed(out), reference.problem.x).item() for out in outputs]
    torch.testing.assert_close([i.error for i in iterates], errors, rtol=1e-2, atol=1e-6)


def test_counts_of_photons_equal_a_plain_loop():
    def deviance(task):
        y = task.problem.y
        return lambda x_hat: F.poisson_nll_loss(
            x_hat * 20, y * 20, log_input=False, eps=2e-4, full=False
        )

    ours, reference = (make("denoising", **POISSON) for _ in range(2))
    losses = [iterate.loss for iterate in collected(ours, 7)]
    y = 20 * reference.problem.y
    best = float((torch.xlogy(y, y) - y).mean())
    expected, _, average = plain_loop(reference, deviance(reference))
    expected = [2 * (loss + best) for loss in expected]
    torch.testing.assert_close(losses, expected, rtol=2e-3, atol=1e-4)
    torch.testing.assert_close(ours.x_average, average, rtol=0, atol=1e-3)


def test_chunks_change_nothing_at_all():
    runs = [collected(make(), chunk) for chunk in (1, 7, 20)]
    assert runs[0] == runs[1] == runs[2]


def test_the_ground_truth_never_reaches_the_fit():
    x = smooth_image(3, 17, 13)
    known = make(x=x)
    other = make(x=x)
    other.problem.x = torch.rand_like(x)
    assert [i.loss for i in collected(known, 5)] == [i.loss for i in collected(other, 5)]


def test_fits_the_observation():
    iterates = collected(make("denoising", iterations=150, noise_std=0.0, sigma=0.0), 10)
    assert iterates[-1].loss < iterates[0].loss / 20


def test_an_observation_without_ground_truth_has_no_errors():
    task = make("denoising", y=smooth_image(3, 17, 13))
    iterates = collected(task, 4)
    assert all(i.error is None and i.error_average is None for i in iterates)
    assert torch.equal(task.problem.y, smooth_image(3, 17, 13))


@pytest.mark.parametrize("chunk", [1, 4, 20])
def test_a_loss_that_is_not_finite_leaves_the_last_good_result(chunk):
    task, good = make(), make(iterations=5)
    healthy, calls = task.problem.loss, []

    def breaking(x_hat, seen):
        calls.append(1)
        return healthy(x_hat, seen) * (math.nan if len(calls) > 5 else 1)

    task.problem.loss = breaking
    fit(task, chunk)
    fit(good)
    assert task.diverged_at == 6
    assert task.iteration == chunk * -(-6 // chunk)  # the end of its step
    assert torch.equal(task.x_hat, good.x_hat)
    assert task.x_average.isfinite().all()


def test_keep_known_pastes_the_known_pixels():
    task = fit(make(keep_known=True))
    known = task.problem.A.m.expand_as(task.problem.x) == 1
    assert torch.equal(task.x_hat[known], task.problem.x[known])
    assert not torch.equal(task.x_hat[~known], task.problem.x[~known])


def test_seeds_of_purposes_are_independent():
    first, second = make(), make(seed=1)
    assert not torch.equal(first.z, second.z)
    assert not torch.equal(first.problem.A.m, second.problem.A.m)
    deeper = make(input_depth=5)
    assert torch.equal(first.problem.A.m, deeper.problem.A.m)


def test_global_randomness_is_not_touched():
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    make()
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.parametrize("name", SETTINGS)
def test_bfloat16_follows_float32(name):
    low, high = (fit(make(name, precision=p)) for p in ("bfloat16", "float32"))
    assert (low.x_average - high.x_average).abs().mean() < 0.02


def test_checkpoint_loads_without_arbitrary_code(tmp_path):
    task = make()
    lightning = trainer()
    lightning.fit(task, [3])
    lightning.save_checkpoint(tmp_path / "last.ckpt")
    saved = torch.load(tmp_path / "last.ckpt", weights_only=True)
    names = {name.partition(".")[0] for name in saved["state_dict"]}
    assert names == {"network", *OUTPUTS}  # no z, no y
    again = make()
    again.on_load_checkpoint(saved)
    again.load_state_dict(saved["state_dict"])
    assert torch.equal(again(), task())
