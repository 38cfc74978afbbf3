"""Reading blur kernels."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dip_lightning.errors import UserError, first_line
from dip_lightning.images.reading import first_bytes, open_file
from dip_lightning.operators import blur_kernel

TEXT = frozenset({".txt", ".csv", ".dat"})
ALIKE = 0.02  # of the brightest value: so far apart a JPEG leaves the channels of a gray image


def read_kernel(path: Path) -> Tensor:
    """Read a blur kernel, and normalise it.

    Args:
        path: a gray image, an array of NumPy (.npy), or numbers in rows (.txt, .csv, .dat).

    Returns:
        k, (kh, kw), float32, of odd sides; sums to 1.

    Raises:
        UserError: no such file, or it holds no kernel.
    """
    name = f"kernel={path}"
    suffix = path.suffix.lower()
    if suffix not in {".npy", *TEXT}:
        stored = open_file(path, "kernel")
        return understood_kernel(stored.array[..., :-1] if stored.alpha else stored.array, name)
    first_bytes(path, name)
    try:
        values = _numbers(path)
    except (ValueError, OSError, EOFError) as error:
        raise UserError(f"{name}: holds no numbers in rows ({first_line(error)})") from None
    return understood_kernel(values, name)


def _numbers(path: Path) -> NDArray[np.generic]:
    if path.suffix.lower() == ".npy":
        return np.lib.format.open_memmap(path, mode="r")  # allocates nothing that is not there
    text = path.read_text(encoding="utf-8").replace(",", " ").replace(";", " ")
    return np.loadtxt(io.StringIO(text), ndmin=2)


def understood_kernel(array: NDArray[Any], name: str = "kernel") -> Tensor:
    """Take an array for a kernel.

    Args:
        array: its values, (kh, kw) or (kh, kw, C).
        name: of the argument, for messages.

    Returns:
        As `read_kernel`.

    Raises:
        UserError: it is no kernel.
    """
    array = array[..., None] if array.ndim == 2 else array  # noqa: PLR2004 - (kh, kw)
    if array.ndim != 3 or not array.size or array.dtype.kind not in "buif":  # noqa: PLR2004
        raise UserError(
            f"{name}: holds {array.dtype.name} of shape {array.shape}, expected rows of numbers"
        )
    values = array.astype(np.float64)
    if np.ptp(values, axis=2).max() > ALIKE * np.abs(values).max():
        raise UserError(f"{name}: is coloured, expected one gray kernel for all channels")
    return blur_kernel(torch.from_numpy(values.mean(2)), name)
