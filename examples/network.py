"""A network of your own: colours from coordinates, beside the paper's hourglass."""

# %% One pixel in four is known.
import os

import matplotlib.pyplot as plt
import torch
from pytorch_lightning import Trainer
from skimage import data
from torch import nn

import dip_lightning as dip
from dip_lightning.generators.inputs import meshgrid
from dip_lightning.metrics import psnr

SMOKE = "DIP_SMOKE" in os.environ
photo = torch.from_numpy(data.coffee()[150:278, 220:348] / 255).float().permute(2, 0, 1)[None]

# %% z: waves over the image, in random directions. The network sees one pixel at a time.
random = torch.Generator().manual_seed(0)
waves = torch.einsum("kc,bchw->bkhw", 25 * torch.randn(64, 2, generator=random), meshgrid(128, 128))
z = torch.cat([waves.sin(), waves.cos()], dim=1)
layers: list[nn.Module] = []
for width in (128, 128, 128):
    layers += [nn.Conv2d(128, width, 1), nn.ReLU()]
coordinates = nn.Sequential(*layers, nn.Conv2d(128, 3, 1), nn.Sigmoid())

# %% The hourglass gets the z that is drawn where none is given.
options = dip.generators.SkipOptions([32] * 5, [32] * 5, [4] * 5)
hourglass = dip.generators.Skip(32, 3, options)
settings = {
    "coordinates": {"network": coordinates, "z": z, "lr": 0.002, "noise_std": 0},
    "hourglass": {"network": hourglass, "lr": 0.01, "noise_std": 0.03},
}
images = {}
for name, setting in settings.items():
    iterations = 3 if SMOKE else 500
    prior = dip.Restoration.simulate(photo, known=0.25, iterations=iterations, **setting)
    Trainer(max_epochs=1, logger=False, enable_checkpointing=False).fit(prior)
    images[name] = prior().cpu()

# %% What was known, and what each made of it.
figure, axes = plt.subplots(1, 4, figsize=(10, 3.2), layout="constrained")
shown = {"known": prior.problem.y.cpu(), **images, "ground truth": photo}
for axis, (title, image) in zip(axes, shown.items(), strict=True):
    axis.imshow(image[0].permute(1, 2, 0).numpy())
    db = f"\n{psnr(image, photo):.1f} dB" if title in images else ""
    axis.set(title=title + db, xticks=[], yticks=[])
figure.savefig("network.webp", dpi=100, pil_kwargs={"quality": 85})
