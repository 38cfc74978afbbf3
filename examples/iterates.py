"""From noise to image: what the network shows on its way to a noisy photo, and past it."""

# %% A photo with noise. The photo itself is kept to measure against; the fit never sees it.
import os

import matplotlib.pyplot as plt
import torch
from pytorch_lightning import Callback, Trainer
from skimage import data

import dip_lightning as dip
from dip_lightning.metrics import psnr

SMOKE = "DIP_SMOKE" in os.environ
photo = torch.from_numpy(data.astronaut()[10:138, 160:288] / 255).float().permute(2, 0, 1)[None]
shown_at = (1, 2, 3, 4, 5, 6) if SMOKE else (1, 10, 40, 150, 400, 1000)


# %% A callback keeps some of the iterates.
class Keep(Callback):
    """Keep the iterates to show."""

    def __init__(self) -> None:
        self.images: dict[int, torch.Tensor] = {}

    def on_train_batch_end(self, _trainer: Trainer, prior: dip.Denoising, *_: object) -> None:
        """Look at the newest iterate."""
        if prior.iteration in shown_at:
            self.images[prior.iteration] = prior.x_hat.detach().cpu().clone()


# %% discrepancy=0 and no noise on z: the fit goes on after only noise is left to fit.
network = dip.generators.Skip(32, 3, dip.generators.SkipOptions([32] * 5, [32] * 5, [4] * 5))
settings = {"network": network, "noise_std": 0, "lr": 0.01, "iterations": shown_at[-1]}
prior = dip.Denoising.simulate(photo, sigma=25, discrepancy=0, **settings)
keep = Keep()
Trainer(max_epochs=1, callbacks=[keep], logger=False, enable_checkpointing=False).fit(prior)

# %% Large shapes come first, then detail, and the noise last.
figure, axes = plt.subplots(1, 7, figsize=(12, 2.4), layout="constrained")
panels = {"noisy": prior.problem.y.cpu()} | {str(n): image for n, image in keep.images.items()}
for axis, (title, image) in zip(axes, panels.items(), strict=True):
    axis.imshow(image[0].permute(1, 2, 0).numpy())
    axis.set(title=f"{title}\n{psnr(image, photo):.1f} dB", xticks=[], yticks=[])
figure.savefig("iterates.webp", dpi=100, pil_kwargs={"quality": 85})
