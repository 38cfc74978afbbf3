"""An operator of your own: tomography from few angles, over two thirds of a half turn."""

# %% The operator: for each angle, turn the image and sum its columns.
import os

import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F
from pytorch_lightning import Trainer
from skimage.data import shepp_logan_phantom
from skimage.transform import iradon, resize
from torch import Tensor, nn

import dip_lightning as dip
from dip_lightning.metrics import psnr

SMOKE = "DIP_SMOKE" in os.environ


class Radon(nn.Module):
    """Parallel-beam projections: x, (1, 1, N, N), to a sinogram, (1, 1, angles, N)."""

    def __init__(self, degrees: Tensor, size: int) -> None:
        super().__init__()
        turn = torch.deg2rad(degrees)
        cos, sin, zero = turn.cos(), turn.sin(), torch.zeros_like(turn)
        theta = torch.stack([cos, sin, zero, -sin, cos, zero], dim=1).view(-1, 2, 3)
        shape = [len(degrees), 1, size, size]
        self.register_buffer("grid", F.affine_grid(theta, shape, align_corners=False))

    def forward(self, x: Tensor) -> Tensor:
        """Project x; divided by N, so that values stay near those of x."""
        turned = F.grid_sample(x.expand(len(self.grid), -1, -1, -1), self.grid, align_corners=False)
        return turned.mean(2).transpose(0, 1)[None]


# %% What a scanner would measure: 32 angles, from 0 to 120 degrees, with a little noise.
size, degrees = 128, torch.linspace(0, 120, 32)
phantom = resize(shepp_logan_phantom(), (size, size), anti_aliasing=True)
x = torch.from_numpy(phantom).float()[None, None]
radon = Radon(degrees, size)
y = radon(x) + 0.002 * torch.randn(1, 1, 32, size, generator=torch.Generator().manual_seed(0))

# %% The fit. x is given to measure against; leave it out for a sinogram of your own.
problem = dip.Problem(y, A=radon, shape=(1, size, size), x=x)
network = dip.generators.Skip(32, 1, dip.generators.SkipOptions([32] * 4, [32] * 4, [4] * 4))
prior = dip.DeepImagePrior(problem, network, iterations=3 if SMOKE else 800, lr=0.01)
Trainer(max_epochs=1, logger=False, enable_checkpointing=False).fit(prior)

# %% Beside filtered back projection, the classical method.
sinogram = y[0, 0].T.numpy() * size
classical = iradon(sinogram, degrees.numpy()).clip(0, 1)
images = {
    "filtered back projection": torch.from_numpy(np.float32(classical))[None, None],
    "deep image prior": prior().cpu(),
    "ground truth": x,
}
figure, axes = plt.subplots(1, 4, figsize=(11, 3), layout="constrained")
axes[0].imshow(y[0, 0].numpy(), cmap="gray", aspect="auto")
axes[0].set(title="measured", xlabel="detector", ylabel="angle", xticks=[], yticks=[])
for axis, (title, image) in zip(axes[1:], images.items(), strict=True):
    axis.imshow(image[0, 0].numpy(), cmap="gray", vmin=0, vmax=1)
    db = "" if image is x else f"\n{psnr(image, x):.1f} dB"
    axis.set(title=title + db, xticks=[], yticks=[])
figure.savefig("tomography.webp", dpi=100, pil_kwargs={"quality": 85})
