"""The image at a few iterations, for the logger's dashboard."""

from typing import Any

import numpy as np
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.loggers import WandbLogger

from dip_lightning.images import Format, preview, quantise
from dip_lightning.tasks.base import RestorationTask

COUNT = 8


def logarithmic(total: int, count: int = COUNT) -> list[int]:
    """Spread `count` iterations evenly over the logarithm of 1 ... `total`."""
    return sorted({round(value) for value in np.geomspace(1, total, count)})


class Panels(Callback):
    """Send the averaged output to Weights & Biases at log-spaced iterations.

    Args:
        total: iterations of the whole fit.
    """

    def __init__(self, total: int) -> None:
        self.due = logarithmic(total)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Leave out what was sent before the checkpoint that the fit goes on from."""
        assert isinstance(pl_module, RestorationTask)  # noqa: S101 - narrows the type
        self.due = [iteration for iteration in self.due if iteration > pl_module.iteration]

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Send the image if an iteration that is due lies in the chunk just computed."""
        assert isinstance(pl_module, RestorationTask)  # noqa: S101 - narrows the type
        if not self.due or pl_module.iteration < self.due[0]:
            return
        self.due = [iteration for iteration in self.due if iteration > pl_module.iteration]
        if isinstance(trainer.logger, WandbLogger):
            shown = quantise(preview(pl_module.x_average), Format())
            caption = f"averaged output, iteration {pl_module.iteration}"
            trainer.logger.log_image(
                "x_average",
                [shown[..., 0] if shown.shape[2] == 1 else shown],
                step=pl_module.iteration,
                caption=[caption],
            )
