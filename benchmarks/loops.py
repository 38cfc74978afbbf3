"""The loops that benchmarks/speed.py compares.

    python -m benchmarks.loops textbook|convolutions NETWORK IMAGE ITERATIONS DEVICE

prints JSON: the mean seconds of an iteration, the first ones left out (a GPU is waited for at the
ends only).
"""

import json
import sys
import time
from collections.abc import Callable, Iterator

import numpy as np
import torch
import yaml
from PIL import Image
from torch import Tensor, nn

from benchmarks.textbook import written_out
from dip_lightning import compute
from dip_lightning.config import config_folder
from dip_lightning.generators import build

DEPTH, NOISE_STD, LR, KNOWN = 32, 0.03, 0.001, 0.5
LEFT_OUT = {"cpu": 2, "cuda": 100}  # iterations; a GPU's include those before the graph


def options(name: str) -> dict:
    """Read conf/network/NAME.yaml and what it builds on."""
    settings = yaml.safe_load(
        (config_folder() / "network" / f"{name}.yaml").read_text(encoding="utf-8")
    )
    base: dict = {}
    for parent in settings.pop("defaults", ()):
        base |= options(parent)
    return base | settings


def plain(
    network: nn.Module, z: Tensor, loss_of: Callable[[Tensor], Tensor], lr: float, noise_std: float
) -> Iterator[Tensor]:
    """Fit as a notebook does, float32 and NCHW; give the output of each iteration."""
    adam = torch.optim.Adam(network.parameters(), lr=lr)
    while True:
        adam.zero_grad()
        x_hat = network(z + noise_std * torch.randn_like(z))
        loss = loss_of(x_hat)
        loss.backward()
        adam.step()
        yield x_hat.detach()


def psnr(x_hat: Tensor, x: Tensor) -> float:
    """Compute the PSNR (dB) on the host, as a notebook does."""
    return float(-10 * np.log10(np.mean((x_hat.cpu().numpy() - x.numpy()) ** 2)))


def textbook(network: str, path: str, iterations: int, device: torch.device) -> float:
    """Fit half of an image's pixels, and look at the PSNR after every iteration."""
    x = torch.from_numpy(np.asarray(Image.open(path)).copy()).permute(2, 0, 1).float()[None] / 255
    generator = written_out(build(options(network), DEPTH, 3, torch.Generator().manual_seed(0)))
    m = (torch.rand(1, 1, *x.shape[2:], device=device) < KNOWN).float()
    z = 0.1 * torch.rand(1, DEPTH, *x.shape[2:], device=device)
    y, f = x.to(device), generator.to(device)
    fit = plain(f, z, lambda x_hat: ((x_hat - y) * m).square().mean(), LR, NOISE_STD)
    return timed(lambda: psnr(next(fit), x), iterations, device)


def convolutions(network: str, path: str, iterations: int, device: torch.device) -> float:
    """Compute nothing but the textbook network's convolutions, with the suite's engine settings.

    Where one reads z, no gradient of its input is computed, as in a fit.
    """
    compute.keep_freed_memory()
    dtype = compute.compute_dtype("auto", device)
    layout = compute.memory_format(dtype, device)
    generator = written_out(build(options(network), DEPTH, 3, torch.Generator().manual_seed(0)))
    width, height = Image.open(path).size
    seen: list[tuple[nn.Conv2d, Tensor]] = []

    def note(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        seen.append((module, inputs[0]))

    for module in generator.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_pre_hook(note)
    generator(torch.zeros(1, DEPTH, height, width))
    work = [_convolution(conv.to(device), x, dtype, layout) for conv, x in seen]
    seen.clear()
    return timed(lambda: [compute() for compute in work], iterations, device)


def _convolution(
    conv: nn.Conv2d, like: Tensor, dtype: torch.dtype, layout: torch.memory_format
) -> Callable[[], object]:
    x = torch.rand(like.shape, dtype=dtype, device=conv.weight.device)
    x = x.contiguous(memory_format=layout).requires_grad_(like.requires_grad)
    weight = conv.weight.detach().to(dtype, memory_format=layout).requires_grad_()
    stride, padding = conv.stride, conv.padding
    y = nn.functional.conv2d(x, weight, None, stride, padding)
    gradient, asked = torch.rand_like(y), (x, weight) if like.requires_grad else (weight,)

    def compute() -> object:
        result = nn.functional.conv2d(x, weight, None, stride, padding)
        return torch.autograd.grad(result, asked, gradient)

    return compute


def timed(compute: Callable[[], object], times: int, device: torch.device) -> float:
    """Return the mean seconds of a call, see above."""

    def take(calls: int) -> float:
        start = time.perf_counter()
        for _ in range(calls):
            compute()
        if device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter() - start

    left_out = LEFT_OUT[device.type]
    take(left_out)
    return take(times - left_out) / (times - left_out)


def measured(arguments: list[str]) -> dict:
    """Run a loop, see above."""
    loop, network, path, iterations, device = arguments
    chosen = {"textbook": textbook, "convolutions": convolutions}[loop]
    return {"seconds": chosen(network, path, int(iterations), torch.device(device))}


if __name__ == "__main__":
    print(json.dumps(measured(sys.argv[1:])))
