"""Restore a photo: writing is removed from a cat."""

# %% Take a photo, and write over it.
import os

import matplotlib.pyplot as plt
from skimage import data

import dip_lightning as dip
from dip_lightning.operators import text_mask

SMOKE = "DIP_SMOKE" in os.environ  # a few iterations show that the script works
photo = data.chelsea()[40:168, 110:270]
mask = text_mask(*photo.shape[:2])[0, 0].numpy() > 0  # True where a pixel is known
damaged = photo * mask[..., None]

# %% Restore it. The call sees the damaged photo and the mask, and no other image.
# A narrow network and few iterations make it quick; leave both out for the best result.
settings = {"network": "skip_64", "iterations": 3 if SMOKE else 300}
result = dip.restore(damaged, "inpainting", mask=mask, **settings)
print(result.metrics)

# %% In a notebook, `result` on a line of its own shows the image.
figure, axes = plt.subplots(1, 3, figsize=(9, 2.7), layout="constrained")
images = {"damaged": damaged, "restored": result.image, "before the damage": photo}
for axis, (title, image) in zip(axes, images.items(), strict=True):
    axis.imshow(image)
    axis.set(title=title, xticks=[], yticks=[])
figure.savefig("photo.webp", dpi=100, pil_kwargs={"quality": 85})
