"""Where a sweep's jobs run: Hydra's launchers by our names, and what a job needs in them."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from dip_lightning import signals
from dip_lightning.cli import resolvers
from dip_lightning.cli.process import escape_unprintable
from dip_lightning.cli.sweeps import workers
from dip_lightning.cli.sweeps.sweep import Sweep
from dip_lightning.cli.sweeps.workers import Stopped
from dip_lightning.errors import UserError

# Options of the groups launcher and search that need a plugin; the extra has the same name.
PLUGINS = {
    "joblib": "hydra_joblib_launcher",
    "slurm": "hydra_submitit_launcher",
    "ray": "hydra_ray_launcher",
    "optuna": "hydra_optuna_sweeper",
}

JOBLIB = "joblib"

Job = Callable[[DictConfig, Sweep], float | None]


def require(group: str, option: str) -> None:
    """Look for the plugin that an option needs.

    Raises:
        UserError: it is not installed.
    """
    plugin = PLUGINS.get(option)
    try:
        missing = plugin is not None and find_spec(f"hydra_plugins.{plugin}") is None
    except ModuleNotFoundError:  # no plugin at all
        missing = True
    if missing:
        raise UserError(
            f"{group}={option}: is not installed; pip install 'dip-lightning[{option}]'"
        )


@dataclass(frozen=True)
class PortableJob:
    """A job that another process can unpickle: what its configuration calls goes with it.

    Args:
        job: what to do with a composed configuration, as one of a sweep.
        sweep: what its jobs have in common.
        launcher: where they run.
        home: number of the process that starts the others.
    """

    job: Job
    sweep: Sweep
    launcher: str = "local"
    home: int = field(default_factory=os.getpid)

    def __call__(self, composed: DictConfig) -> float | Stopped | None:
        """Do the job, unless the sweep is being stopped."""
        escape_unprintable()
        if self.launcher != JOBLIB:
            return self.job(composed, self.sweep)
        received = _received()
        if received is not None:
            return Stopped(received)
        try:
            if os.getpid() == self.home:  # with n_jobs=1 there are no workers
                return self.job(composed, self.sweep)
            with workers.working(self.sweep.label(HydraConfig.get().job.num)):
                _share_the_machine()
                return self.job(composed, self.sweep)
        except SystemExit:
            received = _received()
            if received is None:
                raise
            return Stopped(received)

    def __reduce__(self) -> tuple[Any, ...]:
        """Take along the resolvers, which Hydra needs before it calls the job."""
        return _unpack, (self.job, self.sweep, self.launcher, self.home)


def _unpack(job: Job, sweep: Sweep, launcher: str, home: int) -> PortableJob:
    if launcher == JOBLIB and os.getpid() != home:
        workers.begin(home)
    resolvers.register()
    return PortableJob(job, sweep, launcher, home)


def _received() -> int | None:
    return None if signals.lasting is None else signals.lasting.received


def _share_the_machine() -> None:
    gpus = visible_gpus()
    if len(gpus) > 1:
        # Before anything of CUDA's starts in this process, which then keeps its GPU.
        os.environ["CUDA_VISIBLE_DEVICES"] = gpus[_take_slot() % len(gpus)]


def visible_gpus() -> list[str]:
    """List the GPUs that this process may use, as CUDA_VISIBLE_DEVICES names them."""
    told = os.environ.get("CUDA_VISIBLE_DEVICES")
    if told is not None:
        return [name for name in told.split(",") if name]
    import torch  # noqa: PLC0415 - slow to import

    return [str(number) for number in range(torch.cuda.device_count())]


_slots: list[FileLock] = []  # held until the process ends, however it ends


def _take_slot() -> int:
    """Take the smallest number that no other worker of the sweep has."""
    slot = 0
    while True:
        lock = FileLock(Path(os.environ[workers.SLOTS]) / f"{slot}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            slot += 1
        else:
            _slots.append(lock)
            return slot
