"""Loss curves of the paper's settings, computed in float64 from the layers as they are written.

    python -m tests.golden.curves

writes paper.json beside this file: per task, the loss of each iteration. They are what no work on
speed may change; the file is written anew only if the method itself changes.

float64, because the fit is chaotic: at the paper's learning rate a change of float32's last bit
grows to a tenth of the loss within ten iterations on an image this small.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from benchmarks.textbook import written_out
from dip_lightning import tasks
from dip_lightning.building import build_prior
from dip_lightning.cli.composing import Source, to_config
from dip_lightning.config import Config
from dip_lightning.prior.deep_image_prior import DeepImagePrior
from dip_lightning.tasks import Given
from tests.conftest import smooth_image

FILE = Path(__file__).with_name("paper.json")
SIZE, ITERATIONS = (52, 44), 6  # padded to 64: large enough for upsampling.py's blur
JOBS = {
    "sr": ("task=sr", "factor=4"),
    "inpainting": ("task=inpainting", "mask=hole"),
    "restoration": ("task=restoration",),
    "denoising": ("task=denoising",),
}


def settings(name: str) -> Config:
    """Compose the paper's settings of a task."""
    fixed = (f"iterations={ITERATIONS}", "precision=float32", "preset=paper", "logger=none")
    return to_config(Source().compose([*JOBS[name], *fixed]))


def task(name: str) -> DeepImagePrior:
    """Make the task for a smooth image, not begun."""
    config = settings(name)
    problem = tasks.problem(Given(x=smooth_image(3, *SIZE)), vars(config))
    return build_prior(config, problem, None)


def precise_task(name: str) -> DeepImagePrior:
    """Make it compute in float64, of the same draws: z and its perturbations stay float32."""
    precise = task(name).double()
    precise.z = precise.z.to(torch.float32)
    return precise


@contextmanager
def everything_in_float64() -> Iterator[None]:
    """Let the layers that compute in float32 whatever the others do compute in float64."""
    single = torch.Tensor.float
    torch.Tensor.float = torch.Tensor.double
    try:
        yield
    finally:
        torch.Tensor.float = single


def curve(name: str) -> list[float]:
    """Fit as the method is written down."""
    fit = precise_task(name)
    network, losses = written_out(fit.network), []
    adam = torch.optim.Adam(network.parameters(), lr=fit.settings.lr)
    noise, last = fit.random("perturbations"), fit.z.permute(0, 2, 3, 1).shape
    for _ in range(ITERATIONS):
        drawn = torch.randn(last, generator=noise).permute(0, 3, 1, 2)
        loss = fit.problem.loss(network((fit.z + fit.settings.noise_std * drawn).double()))
        adam.zero_grad()
        loss.backward()
        adam.step()
        losses.append(loss.item())
    return losses


if __name__ == "__main__":
    with everything_in_float64():
        FILE.write_text(json.dumps({name: curve(name) for name in JOBS}, indent=1) + "\n")
