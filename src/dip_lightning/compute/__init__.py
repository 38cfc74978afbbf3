"""How an iteration is computed: device, number format, memory, CUDA graph."""

from dip_lightning.compute.allocator import keep_freed_memory
from dip_lightning.compute.device import ALL_THREADS, device_name, find_device
from dip_lightning.compute.precision import (
    compute_dtype,
    has_fast_bfloat16,
    keep_float32,
    memory_format,
)

__all__ = [
    "ALL_THREADS",
    "compute_dtype",
    "device_name",
    "find_device",
    "has_fast_bfloat16",
    "keep_float32",
    "keep_freed_memory",
    "memory_format",
]
