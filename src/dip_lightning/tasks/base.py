"""The fit that all tasks share: one generator, one observation, one loop."""

import math
import time
import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import astuple
from typing import Any, ClassVar

import torch
from pytorch_lightning import LightningModule
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from dip_lightning import engine
from dip_lightning.config import Config, value_of
from dip_lightning.engine.acceleration import Recorder, accelerate, fastest
from dip_lightning.errors import UserError
from dip_lightning.generators import build
from dip_lightning.generators.inputs import draw_input, perturb
from dip_lightning.losses import masked_mse, mse
from dip_lightning.operators import random_mask
from dip_lightning.optimizers import build_optimizer, lay_out_state
from dip_lightning.optimizers.averaging import add_to_average
from dip_lightning.optimizers.stability import StepLimit
from dip_lightning.tasks.course import Discrepancy, Iterate, iterates_of
from dip_lightning.tasks.given import Given, fingerprints


class RestorationTask(LightningModule, ABC):
    """Fit theta so that A(x_hat) matches y: argmin_theta loss(A(x_hat), y), x_hat = f_theta(z + n).

    A task says what A is, how y comes from x, and how far x_hat is from y. The ground truth x,
    where there is one, is compared with the result and never seen by the loss.

    Args:
        config: settings of the job.
        given: ground truth or observation, and mask; if `is_tiled`, there is no z.

    Raises:
        UserError: the image and the settings do not fit together.

    Source: Ulyanov et al., "Deep Image Prior", CVPR 2018.
    """

    x: Tensor | None
    uses_mask: ClassVar[bool] = False
    reach: ClassVar[int] = 0  # outermost pixels of y that A computes from beyond the border of x
    y: Tensor
    used: Tensor | None
    z: Tensor
    x_hat: Tensor
    x_average: Tensor
    average_weight: Tensor
    network_computed: str | None = None  # by a fit: see `fastest`

    def __init__(self, config: Config, given: Given) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.config, self.given = config, given
        self.iteration = 0
        self.iterates: list[Iterate] = []
        self.loss_first = self.loss_best = math.inf
        self.is_stopped: Callable[[], bool] = lambda: False
        self.recorder: Callable[[torch.Generator], Recorder] | None = None
        self.seconds_per_iteration: float | None = None
        self.diverged_at: int | None = None
        self.guard = None if config.guard is None else StepLimit(config.guard)
        self._resumed: dict[str, Any] | None = None
        self.shape = given.shape(config.factor or 1)
        self.A = self.operator()
        self.register_buffer("y", self.observe(value_of(given.x)) if given.y is None else given.y)
        self.register_buffer("x", given.x)
        self.register_buffer("used", self._hold_out() if given.used is None else given.used)
        self.discrepancy = Discrepancy()
        self._build_generator()
        for name in ("x_hat", "x_average"):
            self.register_buffer(name, torch.zeros(1, *self.shape))
        self.register_buffer("average_weight", torch.zeros(()))

    @property
    def mask(self) -> Tensor | None:
        """Known pixels, (1, 1 or C, H, W), 0 or 1; None where the task has none."""
        return getattr(self.A, "m", None)

    @abstractmethod
    def operator(self) -> nn.Module:
        """Return A, from x, (1, C, H, W), to y."""

    @abstractmethod
    def observe(self, x: Tensor) -> Tensor:
        """Return the observation y, (1, C, h, w), of the ground truth x, (1, C, H, W), once."""

    @abstractmethod
    def loss(self, x_hat: Tensor) -> Tensor:
        """Return how far A(x_hat), x_hat (1, C, H, W) in [0, 1], is from y: a scalar."""

    @abstractmethod
    def baselines(self) -> dict[str, Callable[[], Tensor]]:
        """Name the classical methods for this task, the usual one first.

        Each computes its result, (1, C, H, W), in [0, 1].
        """

    def complete(self, x_hat: Tensor) -> Tensor:
        """Return the image to show for the generator's output, both (1, C, H, W) in [0, 1]."""
        return x_hat

    def stand_in(self) -> Tensor:
        """Return what to show in place of x_hat where nothing was fitted, (1, C, H, W)."""
        return self.y

    def y_noise_std(self) -> float | None:
        """Return the standard deviation of y's noise; None: the fit does not end at it."""
        return None

    def noise_level(self) -> float | None:
        """Return the loss of x_average at which the fit is over; None: after `iterations`."""
        return None

    @property
    def is_over(self) -> bool:
        """Whether there is nothing left to do."""
        return self.discrepancy.reached_at is not None or self.iteration >= self.config.iterations

    def known(self) -> Tensor:
        """Return which pixels of y are known, (1, 1 or C, h, w), 0 or 1."""
        return self.y.new_ones(1, 1, *self.y.shape[2:])

    def fidelity(self, estimate: Tensor) -> Tensor:
        """mean((seen (estimate - y))^2), `seen` being 0 where the loss may not see y, else 1.

        Args:
            estimate: A(x_hat), of y's shape, (1, C, h, w), in [0, 1].
        """
        if self.used is None:
            return mse(estimate, self.y)
        return masked_mse(estimate, self.y, self.used)

    def held_out(self) -> Tensor | None:
        """Return which known pixels of y no loss has seen, as `known`; None without `holdout`."""
        return None if self.used is None else self.known() - self.used

    def random(self, purpose: str, device: torch.device | str = "cpu") -> torch.Generator:
        """Return a source of randomness of its own for each purpose, from the seed."""
        seed = zlib.crc32(f"{purpose} {self.config.seed}{self.given.tile}".encode())
        return torch.Generator(device).manual_seed(seed)

    def _hold_out(self) -> Tensor | None:
        if not self.config.holdout:
            return None
        shape = (1, *self.y.shape[2:])
        share, draw = 1 - self.config.holdout, self.random("holdout")
        used = self.known() * random_mask(shape, share, per_channel=False, generator=draw)
        if not used.any() or torch.equal(used, self.known()):
            raise UserError(
                f"holdout={self.config.holdout}: of this image's known pixels, expected some to be "
                "left and some to be held out; choose another fraction"
            )
        return used

    def _build_generator(self) -> None:
        c, weights = self.config, self.random("weights")
        self.generator = build(c.network, c.input_depth, self.shape[0], weights)
        if self.given.is_tiled:
            return
        z = draw_input(
            c.input_type,
            (c.input_depth, *self.shape[1:]),
            scale=c.input_scale,
            image=self.given.z,
            generator=self.random("input"),
        )
        self.register_buffer("z", z.contiguous(memory_format=torch.channels_last))

    def configure_optimizers(self) -> Any:
        """One for theta alone, its rate following `schedule`."""
        optimizer, scheduler = build_optimizer(
            self.config,
            self.generator.parameters(),
            inside=engine.compute_dtype(self.config.precision, self.device),
            fused=self.device.type in {"cpu", "cuda"},
            capturable=self.recorder is not None,
        )
        if self.guard is not None:
            self.guard.attach(optimizer)
        return [optimizer], [scheduler]

    def on_train_start(self) -> None:
        """Fix what depends on the device: number format, layout, source of the perturbations."""
        optimizer, scheduler = self.optimizers(use_pl_optimizer=False), self.lr_schedulers()
        assert isinstance(optimizer, Optimizer)  # noqa: S101 - narrows the type
        assert isinstance(scheduler, LRScheduler)  # noqa: S101
        self.optimizer, self.scheduler = optimizer, scheduler
        self.computed_on = self.device  # the Trainer moves the task back to the CPU in the end
        self.dtype_inside = engine.compute_dtype(self.config.precision, self.device)
        self.layout = engine.memory_format(self.dtype_inside, self.device)
        self.generator.to(memory_format=self.layout)  # type: ignore[call-overload]
        self.x_hat, self.z = (t.contiguous(memory_format=self.layout) for t in (self.x_hat, self.z))
        lay_out_state(optimizer)
        self.perturbations = self.random("perturbations", self.device)
        if self._resumed is not None:
            self.perturbations.set_state(self._resumed["perturbations"])
            if self.guard is not None:
                self.guard.load_state_dict(self._resumed["guard"], self.device)
            self._resumed = None
        self.generator.train()
        self._accelerate()

    def _accelerate(self) -> None:
        like, recorded = self.z.to(self.dtype_inside), self.recorder is not None
        found = fastest(self.config.accelerate, self.generator, like, recorded=recorded)
        self.network_computed, self.generate = found
        recorder = None if self.recorder is None else self.recorder(self.perturbations)
        for group in self.optimizer.param_groups if recorded else ():
            group["lr"] = torch.tensor(float(group["lr"]), device=self.device)  # read by replays
            group["capturable"] = True  # a checkpoint has what its own fit was
        self.compute = accelerate(self.iterate, recorder)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add what Lightning does not know of; it has weights, buffers, optimiser and schedule."""
        del checkpoint["loops"]  # the rest of a fit is an epoch of its own
        checkpoint["configuration"] = self.config.identity()
        checkpoint["fit"] = {
            "iteration": self.iteration,
            "iterates": [astuple(iterate) for iterate in self.iterates[-1:]],
            "losses": (self.loss_first, self.loss_best),
            "diverged_at": self.diverged_at,
            "is_over": self.is_over,
            "discrepancy": self.discrepancy.state_dict(),
            "perturbations": self.perturbations.get_state(),
            "guard": {} if self.guard is None else self.guard.state_dict(),
            "computed": self.computed(self.computed_on),
            "given": fingerprints(self.y, self.mask, self.used, self.given.z),
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take back what on_save_checkpoint has added; the device's part waits for the device."""
        self._resumed = saved = checkpoint["fit"]
        self.iteration, self.diverged_at = saved["iteration"], saved["diverged_at"]
        self.iterates = [Iterate(*values) for values in saved["iterates"]]
        self.discrepancy.load_state_dict(saved["discrepancy"])
        self.loss_first, self.loss_best = saved["losses"]

    def computed(self, device: torch.device) -> str:
        """Say how the fit is computed on a device, as far as that changes its bits."""
        dtype = engine.compute_dtype(self.config.precision, device)
        return f"{str(dtype).removeprefix('torch.')} on {device.type}"

    def training_step(self, iterations: int) -> None:
        """Compute a chunk of iterations, then look at their measurements, once."""
        started, measured = time.perf_counter(), [self.advance()]
        while len(measured) < iterations and not self.is_stopped():
            measured.append(self.advance())
        self.iterates = iterates_of(torch.stack(measured), compared=self.x is not None)
        self.seconds_per_iteration = (time.perf_counter() - started) / len(measured)
        losses = [iterate.loss for iterate in self.iterates]
        bad = [position for position, loss in enumerate(losses) if not math.isfinite(loss)]
        if self.diverged_at is None and bad:
            self.diverged_at = self.iteration + 1 + bad[0]
        self.loss_first = losses[0] if self.iteration == 0 else self.loss_first
        self.loss_best = min(self.loss_best, *losses)
        self.iteration += len(losses)
        self.discrepancy.look(self.iteration, lambda: self.loss(self.x_average), self.noise_level)

    def advance(self) -> Tensor:
        """Compute an iteration, see `iterate`, and set the learning rate of the next one."""
        measured = self.compute()
        self.scheduler.step()
        return measured

    def iterate(self) -> Tensor:
        """Perturb z, generate, compare, step and average.

        Nothing here waits for the device, and what the next iteration reads stays in its place.

        Returns:
            loss, error and error of the average, (3,); see `Iterate`.
        """
        self.optimizer.zero_grad()
        z = perturb(self.z, self.config.noise_std, self.perturbations)
        x_hat = self.generate(z.to(self.dtype_inside, memory_format=self.layout))
        loss = self.loss(x_hat)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        with torch.no_grad():
            return self._keep(loss.detach(), self.complete(x_hat.detach()))

    def _keep(self, loss: Tensor, x_hat: Tensor) -> Tensor:
        finite, decay = loss.isfinite(), self.config.average
        self.x_hat.copy_(torch.where(finite, x_hat, self.x_hat))
        add_to_average(self.x_average, self.average_weight, self.x_hat, decay, counts=finite)
        if self.x is None:
            return torch.stack([loss, loss, loss])
        return torch.stack([loss, mse(self.x_hat, self.x), mse(self.x_average, self.x)])
