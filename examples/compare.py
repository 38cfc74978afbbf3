"""Compare three learning rates, and draw their curves."""

# %% A photo to enlarge four times.
import os

import matplotlib.pyplot as plt
import torch
from pytorch_lightning import Callback, Trainer
from skimage import data

import dip_lightning as dip
from dip_lightning.metrics import decibels

SMOKE = "DIP_SMOKE" in os.environ
photo = torch.from_numpy(data.astronaut()[10:138, 160:288] / 255).float().permute(2, 0, 1)[None]


# %% The curve of a fit. Any logger of Lightning has it, too: Trainer(logger=CSVLogger("curves")).
class Curve(Callback):
    """PSNR of the averaged output, dB, at each iteration."""

    def __init__(self) -> None:
        self.psnr: list[float | None] = []

    def on_train_batch_end(self, _trainer: Trainer, prior: dip.SuperResolution, *_: object) -> None:
        """Note the newest iterate."""
        self.psnr.append(decibels(prior.iterates[-1].error_average))


# %% The same weights and the same z each time: only the rate differs.
figure, axis = plt.subplots(figsize=(6.4, 4), layout="constrained")
for lr in (0.001, 0.01, 0.1):
    options = dip.generators.SkipOptions([32] * 5, [32] * 5, [4] * 5)
    network = dip.generators.Skip(32, 3, options, torch.Generator().manual_seed(0))
    iterations = 3 if SMOKE else 250
    settings = {"network": network, "lr": lr, "iterations": iterations, "seed": 0}
    prior = dip.SuperResolution.simulate(photo, factor=4, **settings)
    curve = Curve()
    Trainer(max_epochs=1, callbacks=[curve], logger=False, enable_checkpointing=False).fit(prior)
    axis.plot(range(1, iterations + 1), curve.psnr, label=f"lr = {lr}")
axis.set(xlabel="iteration", ylabel="PSNR of the averaged output, dB", xscale="log")
axis.grid(alpha=0.3)
axis.legend()
figure.savefig("compare.webp", dpi=100, pil_kwargs={"quality": 90})
