"""Reading blur kernels."""

import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from dip_lightning.errors import UserError, first_line
from dip_lightning.images.decoded import Decoded
from dip_lightning.images.reading import first_bytes, open_file
from dip_lightning.operators import blur_kernel
from dip_lightning.operators.kernels import finite_numbers

TEXT = frozenset({".txt", ".csv", ".dat"})
COLORS = 3
CHANNELS = (1, COLORS, 4)  # of a gray image that is stored as an array
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
        return kernel_of_image(open_file(path, "kernel"), name)
    first_bytes(path, name)
    try:
        values = _numbers(path)
    except (ValueError, OSError, EOFError) as error:
        raise UserError(f"{name}: holds no numbers in rows ({first_line(error)})") from None
    return understood_kernel(values, name)


def _numbers(path: Path) -> NDArray[np.generic]:
    if path.suffix.lower() == ".npy":
        return np.lib.format.open_memmap(path, mode="r")  # allocates nothing that is not there
    text = path.read_text(encoding="utf-8-sig")
    rows = [row.partition("#")[0].strip() for row in text.splitlines()]
    between = next((mark for mark in ";," if any(mark in row for row in rows)), None)
    if between == ";":  # where the comma is a decimal point
        rows = [row.replace(",", ".") for row in rows]
    return np.loadtxt(io.StringIO("\n".join(rows)), delimiter=between, ndmin=2)


def kernel_of_image(stored: Decoded, name: str = "kernel") -> Tensor:
    """Take a decoded image for a kernel; its opacity does not count.

    Args:
        stored: the image.
        name: of the argument, for messages.

    Returns:
        As `read_kernel`.

    Raises:
        UserError: it is no kernel.
    """
    array = stored.array[..., :-1] if stored.alpha else stored.array
    return blur_kernel(_gray(finite_numbers(array, name), name), name)


def understood_kernel(values: Any, name: str = "kernel") -> Tensor:
    """Take an array for a kernel.

    Args:
        values: (kh, kw) tensor, array or rows of numbers; (1, kh, kw) and (1, 1, kh, kw), as other
            libraries have them; or a gray image, (kh, kw, C) of 1, 3 or 4 channels.
        name: of the argument, for messages.

    Returns:
        As `read_kernel`.

    Raises:
        UserError: it is no kernel.
    """
    array = finite_numbers(values, name)
    if array.ndim == 3 and array.shape[0] > 1 and array.shape[2] in CHANNELS:  # noqa: PLR2004
        array = _gray(array[..., :COLORS], name)  # opacity does not count
    return blur_kernel(array, name)


def _gray(values: NDArray[np.float64], name: str) -> NDArray[np.float64]:
    if values.size and np.ptp(values, axis=2).max() > ALIKE * np.abs(values).max():
        raise UserError(f"{name}: is coloured, expected one gray kernel for all channels")
    gray: NDArray[np.float64] = values.mean(2)
    return gray
