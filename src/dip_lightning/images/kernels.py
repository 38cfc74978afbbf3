"""Reading blur kernels."""

import io
import zipfile
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dip_lightning.errors import UserError, first_line
from dip_lightning.images.decoding import Decoded
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
        return understood_kernel(open_file(path, "kernel"), name)
    first_bytes(path, name)
    try:
        values = _numbers(path)
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(f"{name}: holds no numbers in rows ({first_line(error)})") from None
    return understood_kernel(Decoded(values[..., None] if values.ndim == 2 else values), name)  # noqa: PLR2004


def _numbers(path: Path) -> NDArray[np.generic]:
    if path.suffix.lower() == ".npy":
        found: NDArray[np.generic] = np.load(path, allow_pickle=False)
        return found
    text = path.read_text(encoding="utf-8").replace(",", " ").replace(";", " ")
    return np.loadtxt(io.StringIO(text), ndmin=2)


def understood_kernel(stored: Decoded, name: str = "kernel") -> Tensor:
    """Take what a file or an array stores for a kernel.

    Args:
        stored: its values, (kh, kw, C).
        name: of the argument, for messages.

    Raises:
        UserError: it is no kernel.
    """
    array = stored.array[..., :-1] if stored.alpha else stored.array
    if array.ndim != 3 or array.dtype.kind not in "buif":  # noqa: PLR2004 - (kh, kw, C)
        raise UserError(
            f"{name}: holds {array.dtype.name} of shape {array.shape}, expected rows of numbers"
        )
    values = array.astype(np.float64)
    if np.ptp(values, axis=2).max(initial=0) > ALIKE * np.abs(values).max(initial=0):
        raise UserError(f"{name}: is coloured, expected one gray kernel for all channels")
    return blur_kernel(torch.from_numpy(values.mean(2)), name)
