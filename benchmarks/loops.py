"""The loops that benchmarks/speed.py compares, each run in a process of its own.

    python -m benchmarks.loops textbook|convolutions NETWORK IMAGE ITERATIONS

prints the seconds of each iteration as JSON, the first two left out.
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
from dip_lightning import engine
from dip_lightning.config import config_folder
from dip_lightning.generators import build

DEPTH, NOISE_STD, LR, KNOWN = 32, 0.03, 0.001, 0.5


def options(name: str) -> dict:
    """Read conf/network/NAME.yaml and what it builds on."""
    settings = yaml.safe_load((config_folder() / "network" / f"{name}.yaml").read_text())
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
    return float(-10 * np.log10(np.mean((x_hat.numpy() - x.numpy()) ** 2)))


def textbook(network: str, path: str, iterations: int) -> list[float]:
    """Fit half of an image's pixels, and look at the PSNR after every iteration."""
    x = torch.from_numpy(np.asarray(Image.open(path)).copy()).permute(2, 0, 1).float()[None] / 255
    generator = written_out(build(options(network), DEPTH, 3, torch.Generator().manual_seed(0)))
    m = (torch.rand(1, 1, *x.shape[2:]) < KNOWN).float()
    z = 0.1 * torch.rand(1, DEPTH, *x.shape[2:])
    fit = plain(generator, z, lambda x_hat: ((x_hat - x) * m).square().mean(), LR, NOISE_STD)
    return timed(lambda: psnr(next(fit), x), iterations)


def convolutions(network: str, path: str, iterations: int) -> list[float]:
    """Compute nothing but the textbook network's convolutions, with the suite's engine settings."""
    engine.keep_freed_memory()
    device = torch.device("cpu")
    dtype = engine.compute_dtype("auto", device)
    layout = engine.memory_format(dtype, device)
    generator = written_out(build(options(network), DEPTH, 3, torch.Generator().manual_seed(0)))
    width, height = Image.open(path).size
    seen: list[tuple[nn.Conv2d, tuple[int, ...]]] = []

    def note(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        seen.append((module, tuple(inputs[0].shape)))

    for module in generator.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_pre_hook(note)
    with torch.no_grad():
        generator(torch.zeros(1, DEPTH, height, width))
    work = [_convolution(conv, shape, dtype, layout) for conv, shape in seen]
    return timed(lambda: [compute() for compute in work], iterations)


def _convolution(
    conv: nn.Conv2d, shape: tuple[int, ...], dtype: torch.dtype, layout: torch.memory_format
) -> Callable[[], object]:
    x = torch.rand(shape, dtype=dtype).contiguous(memory_format=layout).requires_grad_()
    weight = conv.weight.detach().to(dtype, memory_format=layout).requires_grad_()
    stride, padding = conv.stride, conv.padding
    y = nn.functional.conv2d(x, weight, None, stride, padding)
    gradient = torch.rand_like(y)

    def compute() -> object:
        result = nn.functional.conv2d(x, weight, None, stride, padding)
        return torch.autograd.grad(result, (x, weight), gradient)

    return compute


def timed(compute: Callable[[], object], times: int) -> list[float]:
    """Return the seconds of each call, the first two left out."""
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        compute()
        seconds.append(time.perf_counter() - start)
    return seconds[2:]


if __name__ == "__main__":
    loop, network, path, iterations = sys.argv[1:]
    chosen = {"textbook": textbook, "convolutions": convolutions}[loop]
    print(json.dumps(chosen(network, path, int(iterations))))
