"""An operator that nobody had in mind: a lens-free camera, a coded aperture and a coarse sensor."""

# %% Each point of the scene casts the shadow of the aperture; 4 x 4 pixels share a sensor cell.
import os

import torch
import torch.nn.functional as F
from PIL import Image
from pytorch_lightning import Trainer
from skimage import data

import dip_lightning as dip

code = (torch.rand(12, 12, generator=torch.Generator().manual_seed(0)) < 0.5).float()
spectrum = torch.fft.rfft2(code / code.sum(), s=(128, 128))


def camera(x: torch.Tensor) -> torch.Tensor:
    shadows = torch.fft.irfft2(torch.fft.rfft2(x) * spectrum.to(x.device), s=(128, 128))
    return F.avg_pool2d(shadows, 4)


# %% y has a sixteenth of the values of x.
x = torch.from_numpy(data.camera()[64:192, 160:288] / 255).float()[None, None]
problem = dip.Problem(camera(x), A=camera, shape=(1, 128, 128))
network = dip.generators.Skip(32, 1, dip.generators.SkipOptions([32] * 4, [32] * 4, [4] * 4))
iterations = 3 if "DIP_SMOKE" in os.environ else 800
prior = dip.DeepImagePrior(problem, network, iterations=iterations)
Trainer(max_epochs=1, logger=False, enable_checkpointing=False).fit(prior)
sides = [F.interpolate(problem.y, scale_factor=4.0), prior().cpu(), x]
Image.fromarray((torch.cat(sides, 3)[0, 0] * 255).byte().numpy()).save("coded_aperture.webp")
