"""Saving a fit while it runs."""

import math
import time
from pathlib import Path
from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.plugins.io import CheckpointIO

from dip_lightning.files import Attempts
from dip_lightning.prior.deep_image_prior import DeepImagePrior
from dip_lightning.runs.checkpoint import Identity, read, write

RARITY = 100  # time of the fit / time spent on checkpoints, the next one included, at least


class Storage(CheckpointIO):
    """How the Trainer writes and reads checkpoints; see `dip_lightning.runs.checkpoint`."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None
    ) -> None:
        """Write a checkpoint in one step."""
        write(Path(path), checkpoint)

    def load_checkpoint(
        self,
        path: str | Path,
        map_location: Any = None,
        weights_only: bool | None = None,  # noqa: FBT001 - Lightning's
    ) -> dict[str, Any]:
        """Read a checkpoint: tensors, numbers and text, whatever the Trainer asks for."""
        return read(Path(path))

    def remove_checkpoint(self, path: str | Path) -> None:
        """Delete a checkpoint."""
        Path(path).unlink(missing_ok=True)


class Checkpoints(Callback):
    """Write the checkpoint anew every so many seconds; the last of the Trainer's callbacks.

    Args:
        path: the file.
        identity: of the fit, kept with it.
        seconds: time between checkpoints, more where writing is slow; 0: after each chunk,
            whatever it costs.
    """

    def __init__(self, path: Path, identity: Identity, seconds: float) -> None:
        self.path, self.identity, self.seconds = path, identity, seconds
        self.cost = 0.0
        self._began = self._due = math.inf
        self._attempts = Attempts("the fit goes on without")

    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Add what the fit is of."""
        checkpoint["configuration"] = self.identity.configuration
        checkpoint["given"] = self.identity.given

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start to count the seconds."""
        self._began = time.monotonic()
        self._due = self._began + self.seconds

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Write the checkpoint if it is time; where the disk takes none, say so and go on."""
        assert isinstance(pl_module, DeepImagePrior)  # noqa: S101 - narrows the type
        started = time.monotonic()
        if started < self._due or pl_module.diverged_at is not None or pl_module.is_over:
            return  # what is over is combined first, and written after that
        with self._attempts.at(self.path):
            trainer.save_checkpoint(self.path)
        ended = time.monotonic()
        self.cost += ended - started
        affordable = self._began + RARITY * (self.cost + ended - started)
        self._due = max(ended + self.seconds, affordable) if self.seconds else ended
