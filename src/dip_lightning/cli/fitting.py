"""A fit of the command's: a prior, Lightning's Trainer, and what looks on."""

from collections.abc import Sequence
from pathlib import Path

import torch
from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from pytorch_lightning import Callback, Trainer
from pytorch_lightning.loggers import Logger
from torch import Tensor

from dip_lightning.building import build_prior
from dip_lightning.callbacks import (
    Checkpoints,
    Diagnostics,
    History,
    Panels,
    Progress,
    Stopping,
    Storage,
)
from dip_lightning.config import Config
from dip_lightning.files import Attempts
from dip_lightning.outcome import Fitted
from dip_lightning.prior.deep_image_prior import DeepImagePrior
from dip_lightning.prior.problem import Problem
from dip_lightning.runs import checkpoint
from dip_lightning.runs.checkpoint import Identity


class Whole:
    """The fit of an image at once; the other way is `tiling.Tiling`.

    Args:
        config: settings of the job.
        problem: what is asked.
        z: image to use as input of the network, (1, C, H, W); None: drawn.
        folder: result folder.
        identity: of the fit.

    Raises:
        UserError: the image and the settings do not go together.
    """

    def __init__(
        self, config: Config, problem: Problem, z: Tensor | None, folder: Path, identity: Identity
    ) -> None:
        self.config, self.folder, self.identity = config, folder, identity
        self.prior = build_prior(config, problem, z)
        self._found: Path | None = None

    def find(self) -> None:
        """Find the checkpoint to go on from.

        Raises:
            FolderError: it is another fit's.
        """
        self._found = checkpoint.find(self.folder / checkpoint.NAME, self.identity)

    def fit(
        self, device: torch.device, stopping: Stopping, logger: Logger | None
    ) -> tuple[Fitted, History]:
        """Fit the image; see `fit`."""
        total = self.config.iterations
        panels = Panels(self.folder / "snapshots", total)
        around = [panels, Progress(total, found=self._found), stopping]
        history = fit(
            self.prior,
            self.config,
            self.identity,
            self.folder,
            around,
            device=device,
            logger=logger,
            found=self._found,
        )
        last = self.folder / checkpoint.NAME
        # The result takes a hundredth of the checkpoint's space.
        with Attempts("the result is written without").at(last):
            self.prior.trainer.save_checkpoint(last)
        return Fitted.of(self.prior), history


def fit(
    prior: DeepImagePrior,
    config: Config,
    identity: Identity,
    folder: Path,
    around: Sequence[Callback],
    *,
    device: torch.device,
    logger: Logger | None = None,
    found: Path | None = None,
) -> History:
    """Fit the network, writing history.csv, and last.ckpt on the way.

    Args:
        prior: what to fit, not begun.
        config: settings of the job.
        identity: what the fit is of.
        folder: result folder, or a tile's in it.
        around: what else happens around the fit: panels, progress, stopping.
        device: where to compute.
        logger: where else the curve goes.
        found: checkpoint to go on from; None: from the beginning.

    Raises:
        UserError: the loss was not finite from the first iteration.
        OSError: the history cannot be written.
    """
    history = History(config.log_every, config.iterations, folder / "history.csv")
    looking = [Diagnostics(folder / "diagnostics.csv")] if config.diagnose else []
    saving = Checkpoints(folder / checkpoint.NAME, identity, config.checkpoint_seconds)
    trainer = Trainer(
        accelerator="gpu" if device.type == "cuda" else device.type,
        devices=1,
        max_epochs=1,
        logger=logger or False,
        callbacks=[*looking, history, *around, saving],
        # A job is one process: Lightning must not read SLURM's tasks as ranks, nor requeue itself.
        plugins=[LightningEnvironment(), Storage()],
        default_root_dir=folder,
        log_every_n_steps=0,  # the history does
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    try:
        trainer.fit(prior, ckpt_path=found)
    finally:
        prior.release()
    prior.check_finite()
    folder.mkdir(parents=True, exist_ok=True)
    history.finish()
    for diagnostics in looking:
        diagnostics.table.finish()
    return history
