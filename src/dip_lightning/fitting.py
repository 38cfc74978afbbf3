"""A fit: a task, Lightning's Trainer, and what looks on."""

from collections.abc import Sequence
from pathlib import Path

import torch
from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from pytorch_lightning import Callback, Trainer
from pytorch_lightning.loggers import Logger

from dip_lightning.callbacks import Checkpoints, Diagnostics, History, Storage
from dip_lightning.engine import Chunks, acceleration
from dip_lightning.errors import UserError
from dip_lightning.results import checkpoint
from dip_lightning.tasks.base import RestorationTask
from dip_lightning.tasks.course import EVERY


def fit(
    task: RestorationTask,
    device: torch.device,
    folder: Path,
    around: Sequence[Callback],
    logger: Logger | None,
    found: Path | None = None,
) -> History:
    """Fit the generator, writing history.csv and last.ckpt on the way and at the end.

    Args:
        task: what to fit, not begun.
        device: where to compute.
        folder: result folder, or a tile's in it.
        around: what else happens around the fit: panels, progress, stopping.
        logger: where else the curve goes.
        found: checkpoint to go on from; None: from the beginning.

    Raises:
        UserError: the loss was not finite from the first iteration.
        OSError: the history or the last checkpoint cannot be written.
    """
    config, total = task.config, task.config.iterations
    task.recorder = acceleration.find_recorder(config.accelerate, device, diagnose=config.diagnose)
    history = History(folder / "history.csv", config.log_every, total)
    looking = [Diagnostics(folder / "diagnostics.csv")] if config.diagnose else []
    saving = Checkpoints(folder / checkpoint.NAME, config.checkpoint_seconds)
    trainer = Trainer(
        accelerator="gpu" if device.type == "cuda" else device.type,
        devices=1,
        max_epochs=1,
        logger=logger or False,
        callbacks=[*looking, history, *around, saving],
        # A job is one process: Lightning must not read SLURM's tasks as ranks, nor requeue itself.
        plugins=[LightningEnvironment(), Storage()],
        default_root_dir=folder,
        log_every_n_steps=1,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    try:
        trainer.fit(task, _chunks(task), ckpt_path=found)
    finally:
        vars(task).pop("compute", None)  # what is recorded keeps memory that another fit needs
    if task.diverged_at == 1:
        raise UserError(
            f"lr={config.lr}: the loss was not finite from the first iteration", "not_finite"
        )
    folder.mkdir(parents=True, exist_ok=True)
    for table in [history.table, *(diagnostics.table for diagnostics in looking)]:
        table.finish()
    trainer.save_checkpoint(folder / checkpoint.NAME)
    return history


def _chunks(task: RestorationTask) -> Chunks:
    config, total = task.config, task.config.iterations
    return Chunks(
        total,
        config.chunk,
        pace=lambda: task.seconds_per_iteration,
        done=lambda: total if task.is_over else task.iteration,
        every=EVERY if config.discrepancy else None,
    )
