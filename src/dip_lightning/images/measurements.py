"""Reading what was measured: numbers of any shape, taken as they are."""

import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dip_lightning.errors import UserError, first_line
from dip_lightning.images.decoded import Decoded
from dip_lightning.images.metadata import Metadata
from dip_lightning.images.picture import Format, bounds
from dip_lightning.images.reading import first_bytes, opaque, open_file

ARRAYS = frozenset({".npy", ".npz", ".pt"})


def read_measured(path: Path, key: str) -> tuple[Tensor, Tensor | None, Format, Metadata]:
    """Read an observation of any shape.

    Numbers are taken as they are; the integers of a picture are divided by the largest that its
    type can hold, so that they lie in [0, 1].

    Args:
        path: an array of NumPy (.npy, .npz), a tensor of PyTorch (.pt), or a picture, which
            becomes (1, C, h, w).
        key: configuration key that named it, for messages.

    Returns:
        y, float32 or complex64, 0 where it is not finite; which values are, 0 or 1, None: all;
        how an image is best stored beside it; what came with the pixels.

    Raises:
        UserError: no such file, or it holds no numbers.
    """
    name = f"{key}={path}"
    if path.suffix.lower() in ARRAYS:
        first_bytes(path, name)
        try:
            values = _array(path)
        except UserError as error:
            raise UserError(f"{name}: {error}") from None
        except Exception as error:  # noqa: BLE001 - of a damaged file, anything
            raise UserError(f"{name}: holds no array ({first_line(error)})") from None
        form, metadata = Format("float32", tiff=True, high=(1.0,)), Metadata()
    else:
        stored = open_file(path, key)
        (values, form), metadata = _of_picture(stored, name), stored.metadata
        metadata = replace(metadata, tiff=None)  # a layout of y's channels, not of x's
    if values.dtype.kind not in "biufc" or not values.size:
        what = values.dtype.name if values.size else f"nothing, shape {values.shape}"
        raise UserError(f"{name}: holds {what}, expected numbers")
    dtype = np.complex64 if values.dtype.kind == "c" else np.float32
    y = torch.from_numpy(np.ascontiguousarray(values.astype(dtype)))
    known = y.isfinite()
    if not known.any():
        raise UserError(f"{name}: holds no finite number")
    if known.all():
        return y, None, form, metadata
    return torch.where(known, y, torch.zeros_like(y)), known.float(), form, metadata


def _array(path: Path) -> NDArray[Any]:
    if path.suffix.lower() == ".pt":
        found = torch.load(path, map_location="cpu", weights_only=True)
        if not isinstance(found, Tensor):
            raise UserError(f"holds {type(found).__name__}, expected a tensor")
        found = found.detach().resolve_conj().resolve_neg()
        return found.float().numpy() if found.dtype == torch.bfloat16 else found.numpy()
    if not zipfile.is_zipfile(path):
        # A header may promise more than there is: nothing is allocated for it.
        return np.lib.format.open_memmap(path, mode="r")
    with np.load(path, allow_pickle=False) as arrays:
        if len(arrays.files) != 1:
            raise UserError(f"holds {len(arrays.files)} arrays, expected one")
        only: NDArray[Any] = arrays[arrays.files[0]]
        return only


def _of_picture(stored: Decoded, name: str) -> tuple[NDArray[Any], Format]:
    array = stored.array
    if stored.alpha:
        if not opaque(stored).all():
            raise UserError(f"{name}: is transparent in part, expected a value at each pixel")
        array = array[..., :-1]
    kind = array.dtype
    planes = np.moveaxis(array, -1, 0)[None]
    if kind.kind in "iu":
        planes = np.divide(planes, bounds(kind.name)[1])
    if kind.name not in {"uint8", "uint16"}:
        return planes, Format("float32", tiff=True, high=(1.0,))
    return planes, Format(kind.name, tiff=stored.tiff, high=(bounds(kind.name)[1],))
