"""Whether a fit will fit into memory, asked before it begins."""

import math
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from dip_lightning.compute import cgroups
from dip_lightning.errors import CodeError, UserError

PROBE = 256  # side of the image that is tried out, pixels
PLENTY = 50_000  # bytes per pixel; the fits of all networks in conf/ need less than half of it
# Peak of a fit, less its z / memory saved for backward: docs/benchmarks.md. A GPU's allocator
# wastes less than the heap does.
GRADIENTS = {"cpu": 2.2, "cuda": 1.7}
GIGABYTE = 1e9
TILE_STEP = 32  # sides of tiles that are recommended are multiples of it


def saved_bytes_per_pixel(generator: nn.Module, depth: int, dtype: torch.dtype) -> float:
    """Measure what a generator keeps of its activations for the backward pass.

    Args:
        generator: from z, (1, depth, H, W), to an image, on the CPU.
        depth: channels of z.
        dtype: number format of z.

    Returns:
        Bytes per pixel of z.
    """
    seen: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        seen[storage.data_ptr()] = storage.nbytes()
        kept.append(tensor)  # else the next tensor could get the same address
        return tensor

    kept: list[Tensor] = []
    parameters = {p.untyped_storage().data_ptr() for p in generator.parameters()}
    side = max(PROBE, getattr(generator, "least", PROBE))  # a deep one mirrors a smaller z
    z = torch.zeros(1, depth, side, side, dtype=dtype)
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        generator(z.contiguous(memory_format=torch.channels_last))
    return sum(size for address, size in seen.items() if address not in parameters) / side**2


def fit_bytes_per_pixel(saved: float, depth: int, device: torch.device) -> float:
    """Estimate the peak of a fit.

    Args:
        saved: bytes per pixel kept for the backward pass.
        depth: channels of z.
        device: where the fit runs.

    Returns:
        Bytes per pixel: z, its perturbation and their sum in float32, and in proportion to `saved`.
    """
    return 3 * 4 * depth + GRADIENTS.get(device.type, GRADIENTS["cpu"]) * saved


def free_bytes(device: torch.device) -> float | None:
    """Return how much memory can still be had on a device; None where nobody says."""
    if device.type == "cuda":
        torch.cuda.empty_cache()  # what an earlier job of a sweep has left can be had, too
        # PyTorch 2.4 takes no device without a number.
        return float(torch.cuda.mem_get_info(torch.cuda.current_device())[0])
    if device.type != "cpu":
        return None
    try:
        lines = Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    free = [1024 * float(line.split()[1]) for line in lines if line.startswith("MemAvailable:")]
    granted = cgroups.free_bytes()
    if granted is not None:
        free.append(granted)
    return min(free) if free else None


def peak_bytes(device: torch.device) -> int | None:
    """Return the most memory that this process has had so far; None where nobody says.

    On a GPU: the most that PyTorch has reserved there.
    """
    if device.type == "cuda":
        return torch.cuda.max_memory_reserved(device)
    try:
        import resource  # noqa: PLC0415 - not on Windows
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def check_memory(
    per_pixel: Callable[[], float],
    size: tuple[int, int],
    device: torch.device,
    *,
    tiles: bool = True,
) -> None:
    """Refuse a fit that would be killed for want of memory.

    Args:
        per_pixel: returns the bytes that each pixel of x_hat needs; not asked where memory is
            plentiful, as the answer takes a while.
        size: (H, W) of what is fitted at once, x_hat or a tile of it.
        device: where the fit runs; nothing is refused where it does not say what is free.
        tiles: whether tiles can be asked for.

    Raises:
        UserError: more is needed than there is.
    """
    pixels, free = size[0] * size[1], free_bytes(device)
    if free is None or free > PLENTY * pixels:
        return
    each = per_pixel()
    needed = each * pixels
    if needed > free:
        remedy = _remedy(free / each if tiles else 0, size)
        raise UserError(
            f"image: restoring {size[1]} x {size[0]} pixels needs about "
            f"{needed / GIGABYTE:.1f} GB of memory and {free / GIGABYTE:.1f} GB are free; use "
            f"{remedy}, or fewer channels (network.down=, network.up=)"
        )


def _remedy(pixels: float, size: tuple[int, int]) -> str:
    side = TILE_STEP * (math.isqrt(int(pixels)) // TILE_STEP)
    if side < 2 * TILE_STEP or side >= max(size):
        return "a smaller image (or factor)"
    return f"tile={side} (overlapping parts, one after the other), a smaller image (or factor)"


def is_exhausted(error: BaseException) -> bool:
    """Say whether an exception means that memory ran out; PyTorch has its own for it."""
    if isinstance(error, CodeError) and error.__cause__ is not None:
        error = error.__cause__
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
