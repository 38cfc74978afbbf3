"""What all tests share: tiny odd-sized images, and the command run in an empty folder."""

import gc
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hydra.core.global_hydra import GlobalHydra
from PIL import Image

from dip_lightning.cli import main as command_line

# Two threads on an image of a few hundred pixels mostly wait for each other.
torch.set_num_threads(1)
os.environ.setdefault("OMP_NUM_THREADS", "1")  # of what a test starts
os.environ.setdefault("WANDB_X_SAVE_REQUIREMENTS", "false")  # a list of packages for each run
# A shell that starts tests in the background has them ignore Ctrl-C, and they what they start.
signal.signal(signal.SIGINT, signal.default_int_handler)
ROOT = Path(__file__).parents[1]
TINY = (
    "network.down=[4,4]",
    "network.up=[4,4]",
    "network.skip=[2,2]",
    "input_depth=3",
    "threads=1",
)


def pytest_xdist_auto_num_workers() -> int:
    """One more than cores: a test that waits for the disk, or a process, leaves its core idle."""
    return (os.cpu_count() or 1) + 1


def pytest_collection_finish() -> None:
    """Have the collector of garbage look no more at what was imported: each fit asks for it."""
    import hypothesis  # noqa: F401 - it asks the collector who has its sources of chance

    gc.collect()
    gc.freeze()


def smooth_image(channels: int, height: int, width: int, seed: int = 0) -> torch.Tensor:
    """A band-limited image in [0, 1] with an edge, (1, C, H, W)."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[0:height, 0:width] / max(height, width)
    planes = [
        0.5
        + 0.3 * np.sin(6 * (rows * rng.uniform(0.5, 2) + columns * rng.uniform(0.5, 2)) + phase)
        + 0.15 * (columns > 0.5)
        for phase in range(channels)
    ]
    return torch.from_numpy(np.clip(np.stack(planes), 0, 1)).float().unsqueeze(0)


def stripes(height: int, width: int) -> torch.Tensor:
    """An edge every few pixels: all patches of a column are one."""
    return (torch.arange(width) % 7 < 3).float().expand(1, 3, height, width) * 0.8 + 0.1


def stored_array(channels: int, dtype: str) -> np.ndarray:
    """Random values as a file stores them, 9 x 14 pixels."""
    rng = np.random.default_rng(0)
    shape = (9, 14, channels) if channels > 1 else (9, 14)
    if dtype.startswith("float"):
        return rng.random(shape).astype(dtype)
    return rng.integers(0, np.iinfo(dtype).max, shape, dtype=dtype, endpoint=True)


def save_png(path: Path, pixels: torch.Tensor) -> Path:
    array = (pixels[0].permute(1, 2, 0) * 255).round().byte().numpy()
    Image.fromarray(array[..., 0] if array.shape[2] == 1 else array).save(path)
    return path


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """An RGB image file of 17 x 13 pixels."""
    return save_png(tmp_path / "photo.png", smooth_image(3, 13, 17))


@pytest.fixture
def dip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Run the command in an empty folder: exit status, standard output, standard error."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, tiny: bool = True) -> tuple[int, str, str]:
        capfd.readouterr()
        try:
            status = command_line.main([*arguments, *(TINY if tiny else ())])
        except SystemExit as stop:
            status = int(stop.code or 0)
        finally:
            GlobalHydra.instance().clear()
        captured = capfd.readouterr()
        return status, captured.out, captured.err

    return run


def read_metrics(folder: Path) -> dict:
    return json.loads((folder / "metrics.json").read_text())
