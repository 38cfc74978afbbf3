"""Images as Python holds them: arrays, tensors and PIL images in, the same kind out."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image as PillowImage
from torch import Tensor

from dip_lightning.errors import UserError
from dip_lightning.images import Decoded, Picture, open_file, quantise, to_pillow, with_beyond

# PIL converts none of them but to 8 bits.
DEEP_MODES = ("I", "I;16", "I;16B", "I;16L", "F")
ABOUT = ("dpi", "exif", "icc_profile")  # what PIL keeps beside pixels: resolution, turn, colours
OPAQUE_MODES = {mode: mode for mode in ("L", "RGB", *DEEP_MODES)}
OPAQUE_MODES |= {"1": "L", "P": "RGB", "RGBX": "RGB"}
ALPHA_MODES = ("LA", "PA", "RGBA", "La", "RGBa")
MOST_CHANNELS = 4  # of a photograph


def as_decoded(image: Any, name: str = "image") -> Decoded:
    """Take an image as an array of what it stores.

    Args:
        image: NumPy array, (H, W) or (H, W, C); tensor, (1, C, H, W); PIL image; or path.
        name: of the argument, for messages.

    Raises:
        UserError: it is nothing of these, or has another shape.
    """
    if isinstance(image, str | Path):
        return open_file(Path(image).expanduser(), name)
    if isinstance(image, PillowImage.Image):
        return of_pillow(image, name)
    if isinstance(image, Tensor):
        if image.ndim != 4 or image.shape[0] != 1:  # noqa: PLR2004 - (1, C, H, W)
            raise UserError(
                f"{name}: is a tensor of shape {tuple(image.shape)}, expected (1, C, H, W); a fit "
                "restores one image, several take a fit each"
            )
        on_host = image.detach().cpu()
        # NumPy has no bfloat16.
        on_host = on_host.float() if on_host.dtype == torch.bfloat16 else on_host
        array = on_host[0].permute(1, 2, 0).numpy()
    elif isinstance(image, np.ndarray):
        array = _plain(image, name)
    else:
        kinds = "a NumPy array, a tensor, a PIL image or a path"
        raise UserError(f"{name}: is of type {type(image).__name__}, expected {kinds}")
    if array.ndim == 2:  # noqa: PLR2004 - (H, W)
        array = array[..., None]
    if array.ndim != 3 or not array.size:  # noqa: PLR2004 - (H, W, C)
        raise UserError(f"{name}: is of shape {image.shape}, expected (H, W) or (H, W, C)")
    if not isinstance(image, Tensor) and array.shape[0] <= MOST_CHANNELS < array.shape[2]:
        raise UserError(
            f"{name}: is of shape {image.shape}, which seems to be (C, H, W), expected (H, W, C): "
            "image.transpose(1, 2, 0)"
        )
    alpha = _has_opaque(image)
    return Decoded(array, is_color=array.shape[2] - alpha in {1, 3}, alpha=alpha)


def _plain(image: NDArray[Any], name: str) -> NDArray[Any]:
    """Take a subclass of NumPy's array as an array; NumPy would leave out what is masked."""
    if np.ma.is_masked(image):
        raise UserError(
            f"{name}: is a masked array, and what is masked would be taken for the image; give its "
            'values alone, task="inpainting" and the mask: numpy.asarray(image), mask=~image.mask'
        )
    return np.asarray(image)


def _has_opaque(image: Any) -> bool:
    """Say whether an array is LA or RGBA without a transparent pixel, as of a photograph's file."""
    if not isinstance(image, np.ndarray) or not np.issubdtype(image.dtype, np.integer):
        return False
    has_alpha = image.ndim == 3 and image.shape[2] in {2, 4}  # noqa: PLR2004 - (H, W, C)
    return has_alpha and bool((image[..., -1] == np.iinfo(image.dtype).max).all())


def of_pillow(image: PillowImage.Image, name: str = "image") -> Decoded:
    """Take a PIL image as an array of what it stores.

    Raises:
        UserError: PIL cannot say which of its pixels are transparent, or the mode is another
            than gray, RGB or a palette.
    """
    if image.mode not in {*OPAQUE_MODES, *ALPHA_MODES}:
        raise UserError(
            f"{name}: is a PIL image of mode {image.mode}, expected gray or RGB: "
            'image.convert("RGB")'
        )
    if image.mode in DEEP_MODES and "transparency" in image.info:
        raise UserError(
            f"{name}: is a PIL image of mode {image.mode} with a transparent value, which PIL "
            "turns into 8 bits; give its path"
        )
    has_alpha = image.mode in ALPHA_MODES or "transparency" in image.info
    mode = OPAQUE_MODES.get(image.mode, "RGB")
    if has_alpha:
        mode = "LA" if image.mode in {"L", "LA", "La"} else "RGBA"
    array = np.asarray(image if image.mode == mode else image.convert(mode))
    return Decoded(array[..., None] if array.ndim == 2 else array, alpha=has_alpha)  # noqa: PLR2004


def _opacity(alpha: Tensor, size: tuple[int, int]) -> PillowImage.Image:
    stored = to_pillow(alpha)
    return stored if stored.size == size else stored.resize(size)


def _opacity_like(array: NDArray[Any], alpha: Tensor) -> NDArray[Any]:
    """Return an alpha, (1, 1, H, W) in [0, 1], as an array of this type and size stores it."""
    size, dtype = array.shape[:2], array.dtype
    if alpha.shape[2:] != size:
        alpha = F.interpolate(alpha, size, mode="bicubic", align_corners=False).clamp(0, 1)
    if not np.issubdtype(dtype, np.integer):
        return alpha[0, 0, ..., None].numpy().astype(dtype)
    most = np.iinfo(dtype).max
    return (alpha[0, 0, ..., None].double() * most).round().numpy().astype(dtype)


def way_back(image: Any, picture: Picture, channels: int) -> Callable[[Tensor], Any]:
    """Return what makes pixels, (1, C, H, W) in [0, 1], what was given.

    Args:
        image: what was given.
        picture: how it is stored.
        channels: of the pixels.

    Raises:
        UserError: that kind cannot hold the result.
    """
    _check_depth(image, picture, channels)

    def stored(pixels: Tensor) -> NDArray[Any]:
        return quantise(with_beyond(pixels, picture.beyond), picture.format)

    def array(pixels: Tensor) -> NDArray[Any]:
        found = stored(pixels)
        if picture.alpha is not None:
            return np.concatenate([found, _opacity_like(found, picture.alpha)], 2)
        is_flat = getattr(image, "ndim", 3) == 2 and found.shape[2] == 1  # noqa: PLR2004
        return found[..., 0] if is_flat else found

    def tensor(pixels: Tensor) -> Tensor:
        values = torch.from_numpy(stored(pixels))
        dtype = values.dtype if image.dtype == torch.bool else image.dtype
        return values.permute(2, 0, 1)[None].to(image.device, dtype)

    def pillow(pixels: Tensor) -> PillowImage.Image:
        shown = to_pillow(with_beyond(pixels, picture.beyond), picture.format)
        if picture.alpha is not None:
            shown.putalpha(_opacity(picture.alpha, shown.size))
        shown.info |= {name: image.info[name] for name in ABOUT if name in image.info}
        if shown.info.get("icc_profile", b"")[16:20] == b"CMYK":  # PIL keeps it when it converts
            del shown.info["icc_profile"]
        return shown

    if isinstance(image, Tensor):
        return tensor
    return pillow if isinstance(image, PillowImage.Image) else array


def _check_depth(image: Any, picture: Picture, channels: int) -> None:
    if not isinstance(image, PillowImage.Image) or channels == 1:
        return
    if picture.format.dtype != "uint8":
        raise UserError(
            f"image: is a PIL image of mode {image.mode}, and the result has colours, which PIL "
            "holds in 8 bits only; give a NumPy array"
        )
