"""Recorded fits against the same fits as written, bit for bit."""

import time

import pytest
import torch
from pytorch_lightning import Callback
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from dip_lightning.callbacks import Storage
from dip_lightning.compute import acceleration
from dip_lightning.compute.acceleration import (
    WARM_UP,
    Acceleration,
    CudaRecorder,
    accelerate,
    check,
    fastest,
    find_recorder,
)
from dip_lightning.errors import UserError
from dip_lightning.generators.fused import NotFusedError
from tests.conftest import smooth_image
from tests.prior.test_deep_image_prior import NETWORK, collected, fit, make, trainer
from tests.tape import TapeRecorder

CPU, CUDA = torch.device("cpu"), torch.device("cuda")
NEAREST = {**NETWORK, "upsampling": ["nearest"]}
UNET = {"name": "unet", "generator": "unet", "feature_scale": 16}
DECODER = {"name": "deep_decoder", "generator": "deep_decoder", "scales": 2, "channels": 6}
EXACT_LR = 2**-7  # the same in float32, which a recorded learning rate is
LARGE = smooth_image(1, 66, 70)  # bilinear upsampling is folded into convolutions from 32 pixels
on_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


class Tapes:
    """Make tapes, and remember the last one."""

    def __init__(self, breaks_at=None):
        self.breaks_at = breaks_at

    def __call__(self, generator):
        self.last = TapeRecorder(generator, self.breaks_at)
        return self.last


def recorded_by(task, recorder):
    """Let something record the iterations of a fit; None: nothing does."""
    return task.accelerate(Acceleration("auto" if recorder else "none", recorder=recorder))


def taped(task, breaks_at=None):
    return recorded_by(task, Tapes(breaks_at))


def tape_of(task):
    return task._accelerator.recorder.last


def state(task):
    """All that a fit changes, as tensors."""
    optimizer = [v for s in task.optimizer.state.values() for v in s.values()]
    guard = [] if task.guard is None else [task.guard.usual, task.guard.steps]
    buffers = [task.x_hat, task.x_average, task.average_weight]
    random = task.perturbations.get_state()
    return [*task.network.parameters(), *buffers, *optimizer, *guard, random]


def assert_same(first, second):
    for one, other in zip(state(first), state(second), strict=True):
        assert torch.equal(one, other)


FITS = {
    "bilinear": {"task": "denoising", "x": LARGE, "iterations": 8},
    "bilinear, small": {"task": "restoration"},
    "nearest": {"task": "sr", "network": NEAREST},
    "unet": {"task": "inpainting", "network": UNET},
    "decoder": {"task": "sr", "network": DECODER},
    "guard": {"task": "restoration", "guard": 0.5},
    "unet, guard": {"task": "sr", "network": UNET, "guard": 0.5, "noise_std": 0.0},
    "muon": {"task": "restoration", "optimizer": "muon"},
    "muon, unet, guard": {"task": "sr", "network": UNET, "optimizer": "muon", "guard": 0.5},
    "no noise": {"task": "sr", "noise_std": 0.0},
    "no truth": {"task": "sr", "y": smooth_image(3, 9, 7)},
    "no truth, no noise": {
        "task": "inpainting",
        "y": smooth_image(3, 17, 13),
        "m": (smooth_image(1, 17, 13) > 0.4).float(),
        "noise_std": 0.0,
    },
    "known pixels": {"task": "inpainting", "keep_known": True},
    "held out": {"task": "restoration", "holdout": 0.2},
    "bfloat16": {"task": "sr", "network": NEAREST, "precision": "bfloat16"},
}


@pytest.mark.parametrize("name", FITS)
def test_replays_equal_the_iterations_as_written(name):
    settings = {"lr": EXACT_LR, **FITS[name]}
    recorded, written = taped(make(**settings)), make(**settings)
    assert repr(collected(recorded, 7)) == repr(collected(written, 7))  # None where no truth
    assert_same(recorded, written)
    tape = tape_of(recorded)
    assert (tape.warm_ups, tape.replays) == (WARM_UP, recorded.settings.iterations - WARM_UP)


def test_the_limit_of_a_step_is_at_work_in_these_tests():
    free, limited = (fit(make(lr=EXACT_LR, guard=guard)) for guard in (None, 0.5))
    assert not torch.equal(free.x_hat, limited.x_hat)


@pytest.mark.parametrize("chunk", [1, 20])
def test_replays_follow_the_schedule(chunk):
    settings = {"schedule": "warmup_cosine", "warmup": 6, "iterations": 20, "guard": 2.0}
    recorded, written = taped(make(**settings)), taped(make(**settings), breaks_at=0)
    assert collected(recorded, chunk) == collected(written, 7)
    assert_same(recorded, written)
    plain = fit(make(**settings))  # its learning rate is a float64 number
    torch.testing.assert_close(recorded.x_average, plain.x_average, rtol=0, atol=1e-3)


def test_a_loss_that_is_not_finite_leaves_the_last_good_result():
    task, good = taped(make(lr=EXACT_LR)), make(lr=EXACT_LR, iterations=10)
    healthy, scale = task.problem.loss, torch.ones(())
    task.problem.loss = lambda x_hat, seen: healthy(x_hat, seen) * scale
    trainer().fit(task, [5, 5])
    recorder, scale_after = tape_of(task), torch.full((), torch.nan)
    assert recorder.replays == 7
    trainer().fit(good, [10])
    scale.copy_(scale_after)
    task.training_step(4)
    assert task.diverged_at == 11
    assert torch.equal(task.x_hat, good.x_hat)


@pytest.mark.parametrize("optimizer", ["adam", "muon"])
@pytest.mark.parametrize(("before", "after"), [(True, True), (False, True), (True, False)])
def test_a_recorded_fit_goes_on_where_it_was_broken_off(before, after, optimizer, tmp_path):
    settings = {"lr": EXACT_LR, "guard": 0.5, "schedule": "constant", "optimizer": optimizer}
    whole = fit(make(**settings))
    first, second = make(**settings), make(**settings)
    recorded_by(first, Tapes() if before else None)
    recorded_by(second, Tapes() if after else None)
    lightning = trainer()
    lightning.fit(first, [2, 6])
    lightning.save_checkpoint(tmp_path / "last.ckpt")
    trainer().fit(second, [5, 7], ckpt_path=tmp_path / "last.ckpt")
    assert second.iteration == 20
    assert_same(second, whole)
    assert not after or tape_of(second).replays == 12 - WARM_UP
    assert not after or second.optimizer.param_groups[0]["capturable"]


def operators_of(**settings):
    """Count the operators of an iteration."""
    task = taped(make(**settings, iterations=WARM_UP + 1))
    fit(task)
    return len(tape_of(task).operators)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.7, 0.97])
def test_a_capture_that_fails_is_said_once_and_changes_nothing(share, capsys):
    settings = {"lr": EXACT_LR, "guard": 0.5}
    breaks_at = int(share * operators_of(**settings))
    recorded, written = taped(make(**settings), breaks_at), make(**settings)
    capsys.readouterr()
    assert collected(recorded, 6) == collected(written, 6)
    assert capsys.readouterr().err == (
        "accelerate: no graph of an iteration (out of tape); the fit goes on without\n"
    )
    assert_same(recorded, written)
    assert tape_of(recorded).replays == 0


def test_the_first_cause_of_a_failure_is_named(capsys):
    class Broken:
        def warm_up(self, iterate):
            return iterate()

        def capture(self, iterate):
            try:
                raise RuntimeError("an operator cannot be captured.\nwith advice")
            finally:
                raise RuntimeError("the capture was invalidated")  # as CUDA does

        def replay(self):
            raise AssertionError

    iterate = accelerate(lambda: torch.zeros(3), Broken())
    for _ in range(WARM_UP + 3):
        assert torch.equal(iterate(), torch.zeros(3))
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "(an operator cannot be captured)" in err


def test_other_errors_are_not_swallowed():
    class Mistaken(TapeRecorder):
        def capture(self, iterate):
            raise TypeError("a mistake in the code")

    iterate = accelerate(lambda: torch.zeros(3), Mistaken(torch.Generator()))
    for _ in range(WARM_UP):
        iterate()
    with pytest.raises(TypeError):
        iterate()


@pytest.mark.parametrize(
    "look",
    [
        lambda t: t.sum().item(),
        lambda t: float(t[0]),
        lambda t: bool(t[0] > 0),
        lambda t: t.tolist(),
        lambda t: t.numpy(),
        lambda t: t.cpu(),
        lambda t: torch.equal(t, t),
        lambda t: t + torch.tensor([1.0, 2.0]),
    ],
)
def test_the_tape_lets_the_host_neither_read_nor_write(look):
    kept = torch.ones(2)

    def iterate():
        kept.mul_(3)
        look(kept)
        return kept

    with pytest.raises(RuntimeError, match="not permitted"):
        TapeRecorder(torch.Generator()).capture(iterate)
    assert torch.equal(kept, torch.ones(2))


def test_the_tape_sees_what_is_not_kept_in_place():
    class Counter:
        total = torch.zeros(1)

        def iterate(self):
            self.total = self.total + 1
            return self.total

    counter = Counter()
    iterate = accelerate(counter.iterate, TapeRecorder(torch.Generator()))
    assert [float(iterate()) for _ in range(6)] == [1, 2, 3, 4, 4, 4]


def test_nothing_of_an_iteration_is_on_another_device():
    """On the meta device, whose values nobody can read."""

    class Watching(TorchDispatchMode):
        def __torch_dispatch__(self, operator, types, arguments=(), named=None):
            results = operator(*arguments, **(named or {}))
            leaves = tree_leaves((arguments, named, results))
            devices = {leaf.device.type for leaf in leaves if isinstance(leaf, torch.Tensor)}
            assert devices <= {"meta"}, operator
            types = {leaf.dtype for leaf in leaves if isinstance(leaf, torch.Tensor)}
            assert torch.float64 not in types, operator  # which Apple's GPU does not have
            return results

    for settings in (
        {"task": "sr", "guard": 2.0, "x": LARGE},
        {"task": "inpainting", "network": UNET, "keep_known": True, "precision": "bfloat16"},
        {"task": "denoising", "network": DECODER, "holdout": 0.1},
    ):
        task = make(**settings)
        task.dtype_inside = getattr(torch, task.settings.precision)
        task.layout, task.perturbations = torch.channels_last, torch.Generator()
        task.to("meta")
        task.generate = task.network.__call__
        task.fitted = list(task.network.parameters())
        task.optimizer = torch.optim.SGD(task.fitted, 0.01)  # Adam refuses meta
        if task.guard is not None:
            task.guard.attach(task.optimizer)
        for _ in range(2):
            with Watching():
                assert task.iterate().shape == (3,)


@pytest.mark.parametrize(
    ("name", "device", "diagnose", "recorder"),
    [
        ("auto", CPU, False, None),
        ("none", CPU, False, None),
        ("auto", torch.device("mps"), False, None),
        ("auto", CUDA, False, CudaRecorder),
        ("graph", CUDA, False, CudaRecorder),
        ("none", CUDA, False, None),
        ("auto", CUDA, True, None),
    ],
)
def test_a_graph_where_it_can_be_had(name, device, diagnose, recorder):
    assert find_recorder(name, device, diagnose=diagnose) is recorder


def test_a_graph_without_cuda_is_refused():
    check("graph", CUDA, diagnose=False)
    with pytest.raises(UserError, match=r"accelerate=graph: needs a CUDA device, but .* on cpu; "):
        check("graph", CPU, diagnose=False)


def test_what_looks_into_an_iteration_needs_it_as_written():
    check("auto", CUDA, diagnose=True)
    with pytest.raises(UserError, match="accelerate=graph: diagnose=true looks into"):
        check("graph", CUDA, diagnose=True)


def cuda_fit(iterations=20, recorder=CudaRecorder, ckpt=None, save=None, **settings):
    """Fit on the GPU: kernels whose sums have an order, so that bits can be compared."""
    network = {**NEAREST, "padding": "zeros"}
    task = make(network=network, x=smooth_image(3, 16, 16), lr=EXACT_LR, **settings)
    recorded_by(task, recorder)
    lightning = trainer(accelerator="gpu", devices=1, plugins=[Storage()])
    chunks = [min(5, iterations - done) for done in range(0, iterations, 5)]
    with torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False):
        lightning.fit(task, chunks, ckpt_path=ckpt)
    if save is not None:
        lightning.save_checkpoint(save)
    return task


@pytest.fixture
def as_written(monkeypatch):
    """No generator has fused kernels, whose rounding differs."""

    def refuse(generator, like):
        raise NotFusedError("not in this test")

    monkeypatch.setattr(acceleration, "fused", refuse)


def test_where_there_are_no_fused_kernels_it_is_said_once(as_written, capsys):
    acceleration._say_once.cache_clear()
    generator, like = torch.nn.Identity(), torch.zeros(1, device="meta")
    for recorded in (True, True, False):
        found = fastest("auto", generator, like, recorded=recorded)
        assert found == ("as written", generator.__call__)
    assert capsys.readouterr().err == ""  # nobody expects them there
    for _ in range(2):
        assert fastest("auto", generator, OnCuda(), recorded=True)[0] == "as written"
    assert capsys.readouterr().err == (
        "accelerate: the network is computed as written, no fused kernels (not in this test)\n"
    )


@pytest.mark.parametrize(("seconds", "said"), [(0.0, False), (0.5, True)])
def test_compiling_kernels_is_explained_if_it_takes_long(seconds, said, monkeypatch, capsys):
    monkeypatch.setattr(acceleration, "PATIENCE", 0.1)
    monkeypatch.setattr(acceleration, "fused", lambda *_: time.sleep(seconds))
    fastest("auto", torch.nn.Identity(), OnCuda(), recorded=True)
    time.sleep(0.3)
    sentence = "accelerate: compiling this network's kernels, once on this machine ...\n"
    assert capsys.readouterr().err == (sentence if said else "")


class OnCuda:
    device = CUDA


@on_cuda
@pytest.mark.parametrize(
    "settings", [{}, {"guard": 0.5}, {"noise_std": 0.0}, {"optimizer": "muon"}]
)
def test_a_cuda_graph_equals_the_iterations_as_written(settings, as_written, capsys):
    recorded, written = cuda_fit(**settings), cuda_fit(recorder=None, **settings)
    assert "no graph" not in capsys.readouterr().err
    torch.testing.assert_close(recorded.x_average, written.x_average, rtol=0, atol=1e-5)
    assert torch.equal(recorded.perturbations.get_state(), written.perturbations.get_state())


@on_cuda
def test_a_fit_with_a_cuda_graph_goes_on_where_it_was_broken_off(tmp_path):
    whole = cuda_fit(guard=0.5)
    cuda_fit(8, guard=0.5, save=tmp_path / "last.ckpt")
    rest = cuda_fit(12, guard=0.5, ckpt=tmp_path / "last.ckpt")
    torch.testing.assert_close(rest.x_average, whole.x_average, rtol=0, atol=1e-5)
    assert torch.equal(rest.perturbations.get_state(), whole.perturbations.get_state())
    assert whole.network_computed == rest.network_computed == "fused"
    saved = torch.load(tmp_path / "last.ckpt", weights_only=True)
    assert saved["fit"]["computed"].endswith(" on cuda")


@on_cuda
@pytest.mark.filterwarnings("ignore:Synchronization debug mode is a prototype")
def test_no_iteration_waits_for_the_device():
    class Strict(Callback):
        watched = 0

        def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
            try:
                torch.cuda.set_sync_debug_mode("error")
                for _ in range(5):
                    pl_module._advance()
                    self.watched += 1
            finally:
                torch.cuda.set_sync_debug_mode("default")

    for recorder in (CudaRecorder, None):
        task = make(network=NETWORK, guard=0.5, schedule="warmup_cosine", warmup=6)
        recorded_by(task, recorder)
        strict = Strict()
        trainer([strict], accelerator="gpu", devices=1).fit(task, [5, 5])
        assert strict.watched == 10  # each raises if it waits


class Uncaptured(CudaRecorder):
    """Fused kernels, without a graph."""

    def capture(self, iterate):
        raise RuntimeError("not in this test")


@on_cuda
@pytest.mark.parametrize("settings", [{}, {"guard": 0.5}, {"optimizer": "muon"}])
def test_fused_kernels_in_a_graph_do_what_they_do_without(settings, capsys):
    recorded, plain = cuda_fit(**settings), cuda_fit(recorder=Uncaptured, **settings)
    err = capsys.readouterr().err
    assert err.count("no graph of an iteration (not in this test)") == 1
    assert recorded.network_computed == plain.network_computed == "fused"
    torch.testing.assert_close(recorded.x_average, plain.x_average, rtol=0, atol=1e-5)
    written = cuda_fit(recorder=None, **settings)
    torch.testing.assert_close(recorded.x_average, written.x_average, rtol=0, atol=1e-2)


@on_cuda
@pytest.mark.parametrize("optimizer", ["adam", "muon"])
def test_the_papers_network_fits_as_well_fused(optimizer):
    """Bilinear and reflected, in bfloat16, with maps of all sizes; as a user has it."""
    settings = {"task": "denoising", "precision": "bfloat16", "iterations": 120, "lr": 0.01}
    settings |= {"network": {"name": "skip", "generator": "skip"}, "input_depth": 32}
    settings |= {"x": smooth_image(3, 96, 130), "optimizer": optimizer, "average": 0.9}
    losses = {}
    for way in ("auto", "graph"):
        task = make(**settings)
        task.accelerate(Acceleration(way, recorder=CudaRecorder))
        trainer(accelerator="gpu", devices=1).fit(task, [10] * 12)
        assert task.network_computed == {"auto": "fused", "graph": "as written"}[way]
        losses[way] = task.iterates[-1].error_average
    assert losses["auto"] == pytest.approx(losses["graph"], rel=0.3)
    assert losses["auto"] < 0.01


@on_cuda
def test_a_fused_fit_without_its_graph_keeps_no_memory():
    network = {"name": "skip", "generator": "skip"}
    task = make(network=network, x=smooth_image(3, 64, 64), iterations=60)
    recorded_by(task, Uncaptured)
    reserved = []

    class Looking(Callback):
        def on_train_batch_end(self, *_):
            reserved.append(torch.cuda.memory_reserved())

    trainer([Looking()], accelerator="gpu", devices=1).fit(task, [10] * 6)
    assert task.network_computed == "fused"
    assert reserved[-1] == reserved[1]


@on_cuda
def test_a_broken_cuda_capture_leaves_a_fit_that_goes_on(as_written, capsys):
    def looking(task):
        healthy = task.problem.loss
        task.problem.loss = lambda x_hat, seen: (
            healthy(x_hat, seen) * (1 + 0 * healthy(x_hat, seen).item())
        )
        return task

    def run(recorder):
        task = looking(make(x=smooth_image(3, 16, 16), network={**NEAREST, "padding": "zeros"}))
        recorded_by(task, recorder)
        with torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False):
            trainer(accelerator="gpu", devices=1).fit(task, [5, 5])
        return task

    recorded, written = run(CudaRecorder), run(None)
    assert capsys.readouterr().err.count("no graph of an iteration") == 1
    torch.testing.assert_close(recorded.x_average, written.x_average, rtol=0, atol=1e-4)
    assert torch.equal(recorded.perturbations.get_state(), written.perturbations.get_state())
