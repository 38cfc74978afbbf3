"""How an iteration is computed: memory, number format, and how many belong to one step."""

import ctypes
import logging
import os
import platform
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import torch

from dip_lightning.errors import UserError

ALL_THREADS = torch.get_num_threads()  # before any job changed it
# glibc's mallopt keys; without them each iteration maps and unmaps hundreds of megabytes.
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX = -1, -2, -4
_NEVER, _TOP_PAD_BYTES = -1, 256 << 20

_SECONDS_PER_CHUNK = 0.5
_LARGEST_CHUNK = 50


def keep_freed_memory() -> bool:
    """Tell glibc to keep freed memory for the next iteration (a quarter to half of the CPU time).

    Returns:
        Whether the C library took the setting; False on systems without glibc.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None or "glibc" not in (_libc_name() or ""):
        return False
    settings = ((_M_MMAP_MAX, 0), (_M_TRIM_THRESHOLD, _NEVER), (_M_TOP_PAD, _TOP_PAD_BYTES))
    taken = [mallopt(key, value) == 1 for key, value in settings]
    return all(taken)


def _libc_name() -> str | None:
    try:
        return os.confstr("CS_GNU_LIBC_VERSION")
    except (ValueError, OSError):
        return None


def has_fast_bfloat16(device: torch.device) -> bool:
    """Say whether convolutions in bfloat16 are faster than in float32 on this device."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type == "cpu":
        # oneDNN's own answer: it is false where bfloat16 would be emulated.
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())  # noqa: SLF001 - the only way to ask
    return False


def keep_float32() -> None:
    """Let float32 be float32: cuDNN rounds it to TF32's 10 bits in convolutions, unless told."""
    torch.backends.cudnn.allow_tf32 = False


def compute_dtype(precision: str, device: torch.device) -> torch.dtype:
    """Choose the number format of the generator's inner layers.

    Args:
        precision: "float32", "bfloat16", or "auto": bfloat16 where it is fast.
        device: where the fit runs.

    Returns:
        torch.float32 or torch.bfloat16. Weights, last layer, sigmoid and loss stay float32.
    """
    fast = precision == "bfloat16" or (precision == "auto" and has_fast_bfloat16(device))
    return torch.bfloat16 if fast else torch.float32


def memory_format(dtype: torch.dtype, device: torch.device) -> torch.memory_format:
    """Choose how the generator's activations lie in memory.

    Channels last is faster, but for float32 on a CPU without AVX-512: there oneDNN's gradients of
    weights are three times as slow as with the channels first. On Apple's GPU, PyTorch's
    gradients are thirty times as slow, and some operators on slices of channels are wrong.
    """
    if device.type == "mps":
        return torch.contiguous_format
    simple = "AVX512" not in torch.backends.cpu.get_cpu_capability()
    if device.type == "cpu" and dtype == torch.float32 and simple:
        return torch.contiguous_format
    return torch.channels_last


class Chunks:
    """Deal out the iterations of a fit in chunks of half a second of work, 1 to 50 iterations.

    Args:
        total: iterations of the whole fit.
        fixed: iterations of every chunk; None: as measured.
        pace: returns the seconds that an iteration took in the last chunk, None before it.
        done: returns how many iterations a checkpoint has brought along.
        every: a chunk ends at each multiple of it; None: where it will.
    """

    def __init__(
        self,
        total: int,
        fixed: int | None,
        pace: Callable[[], float | None],
        done: Callable[[], int] = lambda: 0,
        every: int | None = None,
    ) -> None:
        self.total, self.fixed, self.pace, self.done = total, fixed, pace, done
        self.every = every or total

    def __iter__(self) -> Iterator[int]:
        """Give the number of iterations of each chunk."""
        done = self.done()
        while done < self.total:
            left = min(self.every - done % self.every, self.total - done)
            size = min(self.fixed or self._fitting(), left)
            yield size
            done += size

    def _fitting(self) -> int:
        seconds = self.pace()
        if seconds is None:
            return 1
        return max(1, min(_LARGEST_CHUNK, round(_SECONDS_PER_CHUNK / max(seconds, 1e-9))))


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
        UserError: a GPU is asked for and there is none.
    """
    if name != "cpu" and torch.cuda.is_available():
        return torch.device("cuda")
    if name != "cpu" and torch.backends.mps.is_available():
        return torch.device("mps")
    if name == "gpu":
        raise UserError("device=gpu: PyTorch finds none here; choose cpu or auto")
    return torch.device("cpu")


def quiet_lightning() -> None:
    """Silence what Lightning says about every fit: the devices it found, advice, adverts."""
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    logging.getLogger("lightning").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", message=".*LeafSpec.*", category=FutureWarning)
    warnings.filterwarnings("ignore", message="GPU available but not used.*")
    warnings.filterwarnings("ignore", message=".*`srun` command is available.*")
