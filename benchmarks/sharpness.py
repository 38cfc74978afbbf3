"""Why the PSNR drops: the sharpness that Adam sees, beside the limit of its stability.

With P = diag(sqrt(v)), v Adam's second moment, and H the Hessian of the loss, the fit is stable
along an eigenvector of P^-1/2 H P^-1/2 while its eigenvalue is below 2 (1 + beta1) /
((1 - beta1) lr), which is 38 / lr (Cohen et al., "Adaptive gradient methods at the edge of
stability", 2022). This script fits an image and measures the greatest eigenvalue on the way.

    python benchmarks/sharpness.py sharpness.csv [key=value ...]

It draws sharpness.png beside the table.
"""

import csv
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
import torch
from pytorch_lightning import Callback, Trainer, seed_everything
from torch import Tensor

from dip_lightning import compute, tasks
from dip_lightning.building import build_prior
from dip_lightning.cli.checking import check, parse
from dip_lightning.cli.composing import to_config
from dip_lightning.cli.run import load, quiet_lightning
from dip_lightning.prior.deep_image_prior import DeepImagePrior
from dip_lightning.study.figures import STYLE

EVERY = 10  # iterations
POWER = 3  # power iterations each time, beginning with the last vector
STEP = 1e-3  # length of the finite difference, in units of |theta| / |direction|
DEFAULTS = (
    *("task=denoising", "preset=paper", "observation=clean", "image=color9/f16", "max_side=128"),
    *("noise_std=0", "lr=0.01", "iterations=700", "precision=float32", "chunk=1"),
)


class Sharpness(Callback):
    """Measure the preconditioned sharpness every few iterations."""

    def __init__(self, path: Path) -> None:
        self.file = path.open("w", encoding="utf-8", newline="")
        self.rows = csv.writer(self.file)
        self.rows.writerow(("iteration", "loss", "psnr", "sharpness", "limit"))
        self.direction: list[Tensor] = []

    def on_train_batch_end(self, _: Trainer, prior: DeepImagePrior, *__: object) -> None:
        """Write a row."""
        if prior.iteration % EVERY:
            return
        group = prior.optimizer.param_groups[0]
        theta = list(group["params"])
        beta1, beta2 = group["betas"]
        states = [prior.optimizer.state[p] for p in theta]
        done = 1 - beta2 ** float(states[0]["step"])
        scale = [((s["exp_avg_sq"] / done).sqrt() + group["eps"]).sqrt() for s in states]
        self.direction = self.direction or [torch.randn_like(p) for p in theta]
        for _ in range(POWER):
            product = self._hessian(
                prior, theta, [u / s for u, s in zip(self.direction, scale, strict=True)]
            )
            image = [h / s for h, s in zip(product, scale, strict=True)]
            sharpness = _dot(image, self.direction) / _dot(self.direction, self.direction)
            length = _dot(image, image) ** 0.5
            self.direction = [u / length for u in image]
        limit = 2 * (1 + beta1) / ((1 - beta1) * group["lr"])
        iterate = prior.iterates[-1]
        psnr = -10 * torch.tensor(iterate.error).log10().item()
        self.rows.writerow((prior.iteration, iterate.loss, psnr, sharpness, limit))
        self.file.flush()

    def _hessian(self, prior: DeepImagePrior, theta: list[Tensor], u: list[Tensor]) -> list[Tensor]:
        step = STEP * _dot(theta, theta) ** 0.5 / _dot(u, u) ** 0.5
        sides = []
        before = [p.detach().clone() for p in theta]
        for sign in (1, -1):
            for p, start, d in zip(theta, before, u, strict=True):
                p.data = start + sign * step * d
            with torch.enable_grad():
                loss = prior.problem.loss(prior.network(prior.z))
                sides.append(torch.autograd.grad(loss, theta))
        for p, start in zip(theta, before, strict=True):
            p.data = start
        return [(a - b) / (2 * step) for a, b in zip(*sides, strict=True)]


def _dot(a: list[Tensor], b: list[Tensor]) -> float:
    return float(sum((x.detach() * y.detach()).sum() for x, y in zip(a, b, strict=True)))


def draw(table: Path, picture: Path) -> None:
    """Draw PSNR and sharpness, one above the other."""
    rows = pd.read_csv(table)
    with plt.style.context(STYLE):
        figure, (above, below) = plt.subplots(2, sharex=True, figsize=(7, 4))
        above.plot(rows["iteration"], rows["psnr"], color="C0")
        above.set_ylabel("PSNR (dB)")
        below.plot(rows["iteration"], rows["sharpness"], color="C3", label="greatest eigenvalue")
        below.plot(rows["iteration"], rows["limit"], color="0.4", ls="--", label="limit, 38 / lr")
        below.set_ylabel("sharpness that Adam sees")
        below.set_xlabel("iteration")
        below.legend()
        figure.savefig(picture)


def main() -> None:
    """Fit and measure."""
    target, *overrides = sys.argv[1:]
    command = check(parse([*DEFAULTS, *overrides]))
    config = to_config(command.source.compose(command.overrides))
    compute.keep_freed_memory()
    quiet_lightning()
    seed_everything(config.seed, verbose=False)
    _, given = load(config)
    prior = build_prior(config, tasks.problem(given, vars(config)), given.z)
    trainer = Trainer(
        accelerator="cpu",
        max_epochs=1,
        logger=False,
        callbacks=[Sharpness(Path(target))],
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(prior, [1] * config.iterations)
    draw(Path(target), Path(target).with_suffix(".png"))


if __name__ == "__main__":
    main()
