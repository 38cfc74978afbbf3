"""The image at a few iterations: previews in the result folder, and for the logger's dashboard."""

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as PillowImage
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.loggers import Logger, WandbLogger
from torch import Tensor

from dip_lightning.files import Attempts
from dip_lightning.images import preview, to_pillow
from dip_lightning.metrics import decibels
from dip_lightning.prior.deep_image_prior import DeepImagePrior
from dip_lightning.runs import ownership

COUNT = 12
LONGEST = 768  # side of a preview, pixels
QUALITY = 88
TRUTH = "truth.png"


def logarithmic(total: int) -> list[int]:
    """Spread `COUNT` iterations evenly over the logarithm of 1 ... `total`."""
    return sorted({round(value) for value in np.geomspace(1, total, COUNT)})


class Panels(Callback):
    """Keep the averaged output at log-spaced iterations, and send it to Weights & Biases.

    The folder gets `<iteration>.webp`, lossy and for the eye only, and the ground truth, where
    there is one, as `truth.png`. A thread of their own encodes and writes them, one at a time: to
    wait for it would leave a GPU idle.

    Args:
        folder: where the previews go.
        total: iterations of the whole fit.
    """

    def __init__(self, folder: Path, total: int) -> None:
        self.folder, self.due = folder, logarithmic(total)
        self._attempts = Attempts("the fit goes on without")
        self._thread = ThreadPoolExecutor(1, "previews")
        self._writing: Future[None] | None = None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the ground truth; leave out what a checkpoint's fit has shown before."""
        assert isinstance(pl_module, DeepImagePrior)  # noqa: S101 - narrows the type
        self.due = [iteration for iteration in self.due if iteration > pl_module.iteration]
        self.write_truth(pl_module.problem.x)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Write and send the image if an iteration that is due lies in the chunk, or the end."""
        assert isinstance(pl_module, DeepImagePrior)  # noqa: S101 - narrows the type
        iteration = pl_module.iteration
        if not self.due or (iteration < self.due[0] and not pl_module.is_over):
            return
        self.due = [later for later in self.due if later > iteration]
        error = pl_module.iterates[-1].error_average
        shown = pl_module.problem.framed(pl_module.x_average)
        self.write(shown, iteration, decibels(error), trainer.logger)

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Wait for the last preview."""
        self.finish()

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        """Wait for the last preview."""
        self.finish()

    def finish(self) -> None:
        """Wait until all previews are written, or could not be."""
        writing, self._writing = self._writing, None
        if writing is not None:
            writing.result()

    def write_truth(self, x: Tensor | None) -> None:
        """Begin to write the ground truth, (1, C, H, W) in [0, 1], if there is one."""
        if x is not None:
            self._begin(to_pillow(preview(x)), TRUTH)

    def write(
        self, pixels: Tensor, iteration: int, psnr: float | None, logger: Logger | None
    ) -> None:
        """Begin to write an image as it is now, and send it to Weights & Biases.

        Args:
            pixels: the averaged output, (1, C, H, W) in [0, 1].
            iteration: whose it is.
            psnr: its PSNR, dB; None without a ground truth.
            logger: where it goes besides the folder.
        """
        shown = to_pillow(preview(pixels))
        self._begin(shown, f"{iteration:06}.webp", LONGEST)
        if isinstance(logger, WandbLogger):
            quality = "" if psnr is None else f", {psnr:.2f} dB"
            caption = f"averaged output, iteration {iteration}{quality}"
            logger.log_image("x_average", [shown], step=iteration, caption=[caption])

    def _begin(self, picture: PillowImage.Image, name: str, longest: int | None = None) -> None:
        self.finish()  # so that one image waits, and no more
        # No tensors there: a second thread that computes with them has OpenMP threads of its own,
        # beside which the fit's sleep at every barrier: a third slower, to its end.
        self._writing = self._thread.submit(self._save, picture, name, longest)

    def _save(self, picture: PillowImage.Image, name: str, longest: int | None) -> None:
        if longest is not None:
            picture = picture.copy()  # the logger's is as large as the image
            picture.thumbnail((longest, longest))
        with self._attempts.at(self.folder / name):
            self.folder.mkdir(parents=True, exist_ok=True)
            with ownership.writing(self.folder / name) as partial:
                picture.save(partial, quality=QUALITY)
