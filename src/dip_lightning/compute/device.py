"""Where to compute, and what the hardware is called."""

import platform
from pathlib import Path

import torch

from dip_lightning.errors import UserError
from dip_lightning.limits import DEVICES

ALL_THREADS = torch.get_num_threads()  # before any job changed it


def device_name(device: torch.device) -> str:
    """Name the hardware, for the record of a measurement."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()


def find_device(name: str) -> torch.device:
    """Find the device to compute on.

    Args:
        name: "cpu", "gpu", or "auto": a GPU where there is one.

    Raises:
        UserError: it is another name, or a GPU is asked for and there is none.
    """
    if name not in DEVICES:
        raise UserError(f"device={name}: choose one of {', '.join(DEVICES)}")
    if name != "cpu" and torch.cuda.is_available():
        return torch.device("cuda")
    if name != "cpu" and torch.backends.mps.is_available():
        return torch.device("mps")
    if name == "gpu":
        raise UserError("device=gpu: PyTorch finds none here; choose cpu or auto")
    return torch.device("cpu")
