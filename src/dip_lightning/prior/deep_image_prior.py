"""The fit: one network, one observation, one loop."""

import math
import time
from collections.abc import Iterable
from dataclasses import asdict, astuple, dataclass
from functools import partial
from typing import Any, Self

import torch
from pytorch_lightning import LightningModule
from pytorch_lightning.callbacks import EarlyStopping
from torch import Tensor, nn
from torch.optim import Adam, Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler

from dip_lightning import compute
from dip_lightning.compute.acceleration import Acceleration
from dip_lightning.errors import UserError
from dip_lightning.generators import default_network, follows_input_dtype
from dip_lightning.generators.inputs import check_input, draw_input, perturb
from dip_lightning.metrics import decibels
from dip_lightning.optimizers import Muon, StepLimit, add_to_average, course, lay_out_state
from dip_lightning.prior.arguments import check_count, checked
from dip_lightning.prior.chunks import Chunks
from dip_lightning.prior.combination import Combination
from dip_lightning.prior.conditioning import conditioning
from dip_lightning.prior.outputs import Outputs
from dip_lightning.prior.problem import Problem
from dip_lightning.prior.randomness import source
from dip_lightning.prior.settings import fit_settings
from dip_lightning.prior.stopping import EVERY, SHARE, Discrepancy

OF_TRAINER = {"optimizer", "scheduler", "fitted", "layout", "generate", "run_iteration"}
FIT = "fit"  # in a checkpoint: what Lightning does not know of


@dataclass(frozen=True)
class Iterate:
    """Measurements of one iteration; errors are against x, None without it.

    Attributes:
        loss: fidelity to the observation, before the step.
        error: mean squared error of the iterate.
        error_average: mean squared error of the averaged output.
    """

    loss: float
    error: float | None
    error_average: float | None


class DeepImagePrior(LightningModule):
    """Fit theta so that A(x_hat) matches y: argmin_theta loss(A(x_hat), y), x_hat = f_theta(z + n).

    The method is `iterate`; the rest prepares it, counts, logs and saves. Any `Trainer` can fit it,
    without data. An epoch is the whole fit, unless `iterations_per_epoch` splits it. It logs `loss`
    and, with a ground truth, `psnr` and `psnr_average`. `prior()` is the restored image.

    Args:
        problem: the observation and its operator.
        network: f, a module from z, (1, input_depth, H, W), to (1, C, H, W); None: the paper's.
            With `shown`, `feedback` or `guide`, it sees more channels after those of z: see
            `inputs`.
        z: input of the network, (1, input_depth, H, W); None: drawn.
        image: for input_type="image": the image used as z, (1, C, H, W), as large as the result.
        iterations_per_epoch: None: all of them.
        part: name of a tile, which gets its own random draws; empty for a whole image.
        fit: see `FitSettings`.

    Raises:
        UserError: an argument is not allowed, or does not match the problem.

    Source: Ulyanov et al., "Deep Image Prior", CVPR 2018.

    Example:
        >>> import torch
        >>> from pytorch_lightning import Trainer
        >>> from dip_lightning import DeepImagePrior, Problem, generators
        >>> problem = Problem(torch.rand(1, 3, 20), A=lambda x: x.mean(3), shape=(3, 20, 33))
        >>> network = generators.Skip(8, 3, generators.SkipOptions([8, 8], [8, 8], [2, 2]))
        >>> prior = DeepImagePrior(problem, network, input_depth=8, iterations=3)
        >>> quiet = dict(logger=False, enable_checkpointing=False, enable_progress_bar=False)
        >>> Trainer(max_epochs=1, accelerator="cpu", **quiet).fit(prior)
        >>> prior().shape
        torch.Size([1, 3, 20, 33])
    """

    x_hat: Tensor
    x_average: Tensor
    average_weight: Tensor
    x_square: Tensor
    z: Tensor
    computed_on = torch.device("cpu")

    def __init__(
        self,
        problem: Problem,
        network: nn.Module | None = None,
        z: Tensor | None = None,
        *,
        image: Tensor | None = None,
        iterations_per_epoch: int | None = None,
        part: str = "",
        **fit: Any,
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
        z, image = _input(z, "z"), _input(image, "image")
        check_count(iterations_per_epoch, "iterations_per_epoch")
        self.settings = fit_settings(fit)
        self.save_hyperparameters(asdict(self.settings))
        self.problem, self.part = problem, part
        self.iterations_per_epoch = iterations_per_epoch
        s, channels = self.settings, problem.shape[0]
        self.conditioning = conditioning(s, problem)
        z = self._draw(image) if z is None else z
        inputs = z.shape[1] + self.conditioning.channels
        self.network = _module(network) or default_network(inputs, channels, self.random("weights"))
        self.register_buffer("z", z, persistent=False)
        self.z = self.z.contiguous(memory_format=torch.channels_last)
        self._check_seen()
        seen = problem.hold_out(s.holdout, self.random("holdout")) if s.holdout else None
        draw = self.random("validation")
        kept_back = s.validation if s.output == "combined" else 0.0
        self.combination = Combination(problem, seen, kept_back, s.iterations, EVERY, draw)
        for name in ("x_hat", "x_average", "x_square"):
            self.register_buffer(name, torch.zeros(1, *problem.shape))
        self.register_buffer("average_weight", torch.zeros(()))
        self.iteration = 0
        self.iterates: list[Iterate] = []
        self.loss_first = self.loss_best = math.inf
        self.diverged_at: int | None = None
        self.seconds_per_iteration: float | None = None
        share = s.discrepancy
        if share is None:
            share = SHARE if problem.has_goal else 0
        self.discrepancy = Discrepancy(share, is_white=problem.noise_is_white)
        self.guard = None if s.guard is None else StepLimit(s.guard)
        self.network_computed: str | None = None
        self._accelerator: Acceleration | None = None
        self._resumed: dict[str, Any] | None = None
        self.perturbations = self.random("perturbations")

    def _check_seen(self) -> None:
        for name in ("holdout", "shown", "validation"):
            value = getattr(self.settings, name)
            if value and self.problem.sees_all:
                raise UserError(f"{name}={value}: the loss of this problem sees all of y")

    def _draw(self, image: Tensor | None) -> Tensor:
        s, (_, height, width) = self.settings, self.problem.shape
        if image is not None and s.input_type == "image":
            check_input(image, s.input_type, (s.input_depth, *self.problem.frame[1:]))
        wide = None if image is None else self.problem.widened(image)
        shape, draw = (s.input_depth, height, width), self.random("input")
        return draw_input(s.input_type, shape, scale=s.input_scale, image=wide, generator=draw)

    def random(self, purpose: str, device: torch.device | str = "cpu") -> torch.Generator:
        """Return the source of randomness for a purpose; see `source`."""
        return source(purpose, self.settings.seed, device, part=self.part)

    def accelerate(self, accelerator: Acceleration) -> Self:
        """Change how iterations are computed from the next fit on; returns itself."""
        self._accelerator = accelerator
        return self

    @property
    def is_over(self) -> bool:
        """Whether there is nothing left to do."""
        reached = self.discrepancy.reached_at is not None
        return reached or self.iteration >= self.settings.iterations

    def forward(self) -> Tensor:
        """Return the restored image, (1, C, H, W) in [0, 1].

        Raises:
            UserError: nothing has been fitted yet, or the first loss was not a finite number.
        """
        if not self.iteration:
            raise UserError("prior(): nothing was fitted yet; Trainer(max_epochs=1).fit(prior)")
        self.check_finite()
        return self.outputs().chosen(self.settings.output)

    def check_finite(self) -> None:
        """Refuse a fit without a result.

        Raises:
            UserError: the loss was not finite from the first iteration.
        """
        if self.diverged_at == 1:
            raise UserError(
                f"lr={self.settings.lr}: the loss was not finite from the first iteration",
                "not_finite",
            )

    def outputs(self) -> Outputs:
        """Return what has been computed so far."""
        counts = self.combination.counts
        return Outputs.of(self.state_dict(), self.problem, counts)

    @property
    def seen(self) -> Tensor | None:
        """Which values of y the loss may see now, 0 or 1; None: all that are known."""
        return self.combination.seen

    def train_dataloader(self) -> Iterable[int]:
        """Return the iterations, in chunks; a fit has no data."""
        s, limit = self.settings, self.trainer.max_steps
        total = s.iterations if limit < 0 else min(s.iterations, limit)
        return Chunks(self, total, s.chunk, EVERY, self.iterations_per_epoch)

    def configure_optimizers(self) -> Any:
        """Return the optimizer of the weights, and of any unknown in A, with its schedule."""
        s, device = self.settings, self.device
        accelerator, theta = self._accelerator, list(self.network.parameters())
        are_real = all(p.is_floating_point() for p in theta)
        adam = partial(
            Adam,
            lr=s.lr,
            betas=(0.9, s.beta2),
            eps=s.epsilon,
            fused=are_real and device.type in {"cpu", "cuda"},
            capturable=accelerator is not None and accelerator.is_recording(device),
        )
        unknown = self.problem.unknown
        beside = [] if unknown is None else [unknown.group]
        if s.optimizer == "muon":
            inside = self._dtype_on(device)
            optimizer: Optimizer = Muon(theta, adam, s.muon_rounds, inside, beside=beside)
        else:
            optimizer = adam([{"params": theta}, *beside])
        if self.guard is not None:
            self.guard.attach(optimizer)
        fraction = course(s.schedule, rise=s.rise, iterations=s.iterations, end=s.lr_end)
        for group in optimizer.param_groups:
            group["initial_lr"] = group["lr"]
        return [optimizer], [LambdaLR(optimizer, fraction, self.iteration - 1)]

    def on_fit_start(self) -> None:
        """Refuse an EarlyStopping that would never act, and outputs in another number format.

        Raises:
            UserError: the Trainer has such a callback, or such a precision.
        """
        if self.trainer.precision != "32-true":
            raise UserError(
                f'precision="{self.trainer.precision}": the fit computes in float32, '
                'Trainer(precision="32-true"); inside the network, DeepImagePrior(precision=) says'
            )
        stops = any(isinstance(callback, EarlyStopping) for callback in self.trainer.callbacks)  # type: ignore[attr-defined]
        if stops and self.iterations_per_epoch is None:
            raise UserError(
                "EarlyStopping: looks at the end of an epoch, and the fit is one; give "
                "iterations_per_epoch=100 and Trainer(max_epochs=-1)"
            )

    def on_train_start(self) -> None:
        """Fix what depends on the device: number format, layout, source of the perturbations."""
        optimizer, scheduler = self.optimizers(use_pl_optimizer=False), self.lr_schedulers()
        assert isinstance(optimizer, Optimizer)  # noqa: S101 - narrows the type
        assert isinstance(scheduler, LRScheduler)  # noqa: S101
        self.optimizer, self.scheduler = optimizer, scheduler
        theta = [p for group in optimizer.param_groups for p in group["params"]]
        self.fitted = [p for p in theta if p.requires_grad]
        self.computed_on = self.device  # the Trainer moves the module back to the CPU in the end
        self.dtype_inside = self._dtype_on(self.device)
        self.layout = compute.memory_format(self.dtype_inside, self.device)
        for held in (*self.network.parameters(), *self.network.buffers()):
            if held.ndim == 4:  # noqa: PLR2004 - the only ones that have such a layout
                held.data = held.data.contiguous(memory_format=self.layout)
        self.x_hat, self.z = (t.contiguous(memory_format=self.layout) for t in (self.x_hat, self.z))
        lay_out_state(optimizer)
        goes_on = self.iteration and self._resumed is None  # what the last Trainer has left
        if not goes_on or self.perturbations.device.type != self.device.type:
            self.perturbations = self.random("perturbations", self.device)
        if self._resumed is not None:
            if self._resumed["computed"].endswith(f" on {self.device.type}"):
                self.perturbations.set_state(self._resumed["perturbations"])
            if self.guard is not None:
                self.guard.load_state_dict(self._resumed["guard"], self.device)
            self._resumed = None
        self.network.train()
        self.generate, self.run_iteration = self.network.__call__, self.iterate
        if self._accelerator is not None:
            found = self._accelerator.prepare(self, self._like(), optimizer)
            self.network_computed, self.generate, self.run_iteration = found
        self.conditioning.begin(self.iteration, self.device, self.combination.first)
        self.combination.begin(self.iteration)
        self._count(self.iteration)
        self.trainer.should_stop |= self.is_over  # else epochs without iterations would never end

    def _like(self) -> Tensor:
        shape = (1, self.z.shape[1] + self.conditioning.channels, *self.z.shape[2:])
        like = torch.empty(shape, dtype=self.dtype_inside, device=self.device)
        return like.contiguous(memory_format=torch.channels_last)

    def on_train_end(self) -> None:
        """Combine the outputs with the classical method, and release what was recorded."""
        self.release()
        if self.is_over and self.diverged_at is None and self.settings.output == "combined":
            self.combination.finish(self.x_average, self.problem)

    def release(self) -> None:
        """Release what was recorded: another fit needs its memory."""
        self.generate, self.run_iteration = self.network.__call__, self.iterate

    def __getstate__(self) -> dict[str, Any]:
        """Leave out of copies and files what belongs to a Trainer: the next one brings its own."""
        left = {name: value for name, value in self.__dict__.items() if name not in OF_TRAINER}
        return left | {"_trainer": None}

    def iterate(self) -> Tensor:
        """Perturb z, generate, compare, step and average.

        Nothing here waits for the device, and all tensors stay in place: a CUDA graph can hold it.

        Returns:
            loss, error and error of the average, (3,); see `Iterate`.
        """
        self.optimizer.zero_grad()
        z = perturb(self.z, self.settings.noise_std, self.perturbations)
        z, seen = self.conditioning.join(z, self.x_average, self.seen, self.perturbations)
        x_hat = self.generate(z.to(self.dtype_inside, memory_format=self.layout))
        found = tuple(x_hat.shape) if isinstance(x_hat, Tensor) else type(x_hat).__name__
        if found != (expected := tuple(self.x_hat.shape)):
            raise UserError(f"network: returns {found}, expected {expected}")
        loss, total = self.problem.objective(x_hat, seen)
        # A user's operator may have parameters as well; they are not ours to write to.
        total.backward(inputs=self.fitted)  # type: ignore[no-untyped-call]
        self.optimizer.step()
        with torch.no_grad():
            return self._average(loss.detach(), self.problem.complete(x_hat.detach(), self.seen))

    def _average(self, loss: Tensor, x_hat: Tensor) -> Tensor:
        finite, decay, x = loss.isfinite(), self.settings.average, self.problem.x
        self.x_hat.copy_(torch.where(finite, x_hat, self.x_hat))
        add_to_average(self.x_average, self.average_weight, self.x_hat, decay, counts=finite)
        step = finite * (1 - decay) / self.average_weight
        self.x_square.lerp_(self.x_hat.square(), step)
        if self.problem.unknown is not None:
            self.problem.unknown.average(step)
        if x is None:
            return torch.stack([loss, loss, loss])  # the errors are never read
        errors = [self.problem.error(image) for image in (self.x_hat, self.x_average)]
        return torch.stack([loss, *errors])

    def training_step(self, iterations: int) -> None:
        """Compute iterations, read their measurements, log them, and stop the fit if it is over."""
        started = time.perf_counter()
        measured = [self._advance() for _ in range(iterations)]
        rows = torch.stack(measured).tolist()  # waits for the device
        self.seconds_per_iteration = (time.perf_counter() - started) / len(rows)
        self._record(rows)
        self.combination.look(self.iteration, self.x_average, self.problem)
        self._count(self.iteration)
        self._log()
        if self.is_over or self.diverged_at is not None:
            self.trainer.should_stop = True

    def _advance(self) -> Tensor:
        measured = self.run_iteration()
        self.scheduler.step()
        return measured

    def _record(self, rows: list[list[float]]) -> None:
        compared = self.problem.x is not None
        self.iterates = [Iterate(row[0], *(row[1:] if compared else (None, None))) for row in rows]
        losses = [iterate.loss for iterate in self.iterates]
        bad = [position for position, loss in enumerate(losses) if not math.isfinite(loss)]
        if self.diverged_at is None and bad:
            self.diverged_at = self.iteration + 1 + bad[0]
        self.loss_first = losses[0] if self.iteration == 0 else self.loss_first
        self.loss_best = min(self.loss_best, *losses)
        self.iteration += len(losses)
        power = partial(self.problem.noise_power, self.x_average, self.seen)
        self.discrepancy.look(self.iteration, self._result_loss, power)

    @torch.no_grad()
    def _result_loss(self) -> float:
        return float(self.problem.distance(self.x_average, self.seen))

    def _log(self) -> None:
        last, trainer = self.iterates[-1], self.trainer
        shown = EVERY if trainer.progress_bar_callback is not None else None
        every: int = trainer.log_every_n_steps  # type: ignore[attr-defined]
        steps = (every, shown, self.iterations_per_epoch)
        if not self.is_over and all(not step or self.iteration % step for step in steps):
            return
        errors = {"psnr": decibels(last.error), "psnr_average": decibels(last.error_average)}
        values = {name: value for name, value in errors.items() if value is not None}
        values["loss"] = last.loss
        self.log_dict(values, prog_bar=True, batch_size=1)

    def _count(self, iterations: int) -> None:
        # Lightning counts its own steps, of which one may be many iterations.
        loop = self.trainer.fit_loop.epoch_loop
        loop.manual_optimization.optim_step_progress.total.completed = iterations
        loop._batches_that_stepped = max(0, iterations - 1)  # noqa: SLF001 - the axis of loggers

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add what Lightning does not know about; leave out what y and the seed can recreate."""
        del checkpoint["loops"]  # the rest of a fit is an epoch of its own
        state = checkpoint["state_dict"]
        checkpoint["state_dict"] = {k: v for k, v in state.items() if not _is_given(k)}
        checkpoint[FIT] = {
            "iteration": self.iteration,
            "iterates": [astuple(iterate) for iterate in self.iterates[-1:]],
            "losses": (self.loss_first, self.loss_best),
            "diverged_at": self.diverged_at,
            "is_over": self.is_over,
            "reached_at": self.discrepancy.reached_at,
            "fit_weight": self.combination.fit_weight,
            "discrepancy": {} if self.is_over else self.discrepancy.state_dict(),
            "perturbations": self.perturbations.get_state(),
            "guard": {} if self.guard is None else self.guard.state_dict(),
            "computed": self.computed(self.computed_on),
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Restore what on_save_checkpoint added; the device's part waits for the device."""
        given = {name: value for name, value in self.state_dict().items() if _is_given(name)}
        checkpoint["state_dict"] |= given
        self._resumed = saved = checkpoint[FIT]
        self.iteration, self.diverged_at = saved["iteration"], saved["diverged_at"]
        self.iterates = [Iterate(*values) for values in saved["iterates"]]
        self.discrepancy.reached_at = saved["reached_at"]
        if not saved["is_over"]:
            self.discrepancy.load_state_dict(saved["discrepancy"])
        self.loss_first, self.loss_best = saved["losses"]

    def computed(self, device: torch.device) -> str:
        """Say how the fit is computed on a device, as far as this changes its result's bits."""
        return f"{str(self._dtype_on(device)).removeprefix('torch.')} on {device.type}"

    def _dtype_on(self, device: torch.device) -> torch.dtype:
        if not follows_input_dtype(self.network):
            return torch.float32
        return compute.compute_dtype(self.settings.precision, device)


def _module(network: object) -> nn.Module | None:
    if network is None:
        return None
    if not isinstance(network, nn.Module):
        raise UserError(f"network: is of type {type(network).__name__}, expected a module")
    if not any(p.requires_grad for p in network.parameters()):
        raise UserError("network: has no parameter that can be fitted, expected some")
    return network


def _input(z: Tensor | None, name: str) -> Tensor | None:
    return None if z is None else checked(z, name, -math.inf, math.inf)


def _is_given(name: str) -> bool:
    return name.startswith("problem.") and not name.startswith("problem.unknown.")
