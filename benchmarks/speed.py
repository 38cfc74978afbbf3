"""Seconds per iteration of the suite beside a textbook loop, each in a process of its own.

    python benchmarks/speed.py [--iterations N] [--pairs N] [SIZE ...]

The textbook loop is what a notebook does: float32, NCHW, PyTorch's own reflection padding and
allocator settings, Adam, and a look at the PSNR after every iteration. Both fit the paper's network
for 50 % missing pixels to the same image; what is compared is speed, the fit itself is the same.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image


def test_image(side: int) -> np.ndarray:
    """A smooth RGB image, (side, side, 3), 8 bits."""
    rows, columns = np.mgrid[0:side, 0:side] / side
    planes = [np.sin(9 * rows + 5 * columns + phase) for phase in range(3)]
    return (127 + 120 * np.stack(planes, axis=2)).astype(np.uint8)


def textbook(path: str, iterations: int) -> float:
    """Fit as a textbook writes it; return seconds per iteration, the first two left out."""
    import torch
    from torch import nn

    from dip_lightning.generators.layers import Conv
    from dip_lightning.generators.skip import Options, Skip

    network = Skip(Options(), 32, 3, torch.Generator().manual_seed(0))
    for module in list(network.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, Conv):
                plain = nn.Conv2d(
                    child.in_channels, child.out_channels, child.kernel_size, child.stride
                )
                plain.load_state_dict(child.state_dict())
                padding = [nn.ReflectionPad2d(child.reach)] if child.reach else []
                setattr(module, name, nn.Sequential(*padding, plain))
    x = torch.from_numpy(np.asarray(Image.open(path)).copy()).permute(2, 0, 1).float()[None] / 255
    m = (torch.rand(1, 1, *x.shape[2:]) < 0.5).float()
    z = 0.1 * torch.rand(1, 32, *x.shape[2:])
    adam = torch.optim.Adam(network.parameters(), lr=0.001)
    for iteration in range(iterations):
        if iteration == 2:
            start = time.perf_counter()
        adam.zero_grad()
        x_hat = network(z + 0.03 * torch.randn_like(z))
        loss = ((x_hat - x) * m).square().mean()
        loss.backward()
        adam.step()
        -10 * np.log10(np.mean((x_hat.detach().numpy() - x.numpy()) ** 2))
    return (time.perf_counter() - start) / (iterations - 2)


def suite(path: str, iterations: int) -> float:
    """Fit as a user does; return seconds per iteration between the first and the last row."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "dip_lightning", "task=restoration", f"image={path}"]
        command += [
            f"iterations={iterations}",
            "log_every=1",
            "logger=csv",
            f"hydra.run.dir={folder}",
        ]
        subprocess.run(command, check=True, capture_output=True)
        rows = (Path(folder) / "history.csv").read_text().splitlines()[1:]
    seconds = [float(row.split(",")[-1]) for row in rows]
    return (seconds[-1] - seconds[1]) / (iterations - 2)


def in_own_process(loop: str, path: str, iterations: int) -> float:
    """Run one of the loops in a fresh process: the allocator's settings last as long as it."""
    command = [sys.executable, __file__, "--loop", loop, "--iterations", str(iterations), path]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return float(json.loads(printed.splitlines()[-1]))


def compare(side: int, iterations: int, pairs: int) -> None:
    """Run both loops in turn and print the medians."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "image.png")
        Image.fromarray(test_image(side)).save(path)
        runs = [
            (in_own_process("textbook", path, iterations), suite(path, iterations))
            for _ in range(pairs)
        ]
    slow, fast = (statistics.median(column) for column in zip(*runs, strict=True))
    ratio = statistics.median(a / b for a, b in runs)
    print(f"{side:5} x {side:<5} {slow:12.3f} {fast:12.3f} {ratio:9.2f}", flush=True)


def main() -> None:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("sizes", nargs="*", default=["128", "256"], metavar="SIZE")
    parser.add_argument("--iterations", type=int, default=12)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--loop", choices=("textbook",), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.loop:
        print(json.dumps(textbook(given.sizes[0], given.iterations)))
        return
    print(f"{'pixels':13} {'textbook s/it':>12} {'suite s/it':>12} {'ratio':>9}")
    for side in given.sizes:
        compare(int(side), given.iterations, given.pairs)


if __name__ == "__main__":
    main()
