"""Reading masks: which pixels of an image are known, and whether that can be meant."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dip_lightning.errors import UserError
from dip_lightning.images.decoded import Decoded
from dip_lightning.images.picture import bounds
from dip_lightning.images.reading import open_file

PURE = 0.98  # so near to white a JPEG leaves white
COLORED = 0.1  # difference of a pixel's channels; white is 1
MANY = 0.25  # a drawing has fewer grey pixels at its edges, a photograph more
PAINTED = 0.005  # of an image have one and the same value: more than chance
MOSTLY, ALMOST_ALL = 0.5, 0.98
ALIKE = 0.5  # ratio of two areas that may be one and the same
LOOKED_AT = 1 << 20  # pixels that colours are counted in


@dataclass(frozen=True)
class MaskFile:
    """A mask as read.

    Attributes:
        m: known pixels, (1, 1, H, W), 0 or 1.
        between: fraction of pixels that are neither black nor white; they count as missing.
    """

    m: Tensor
    between: float


def read_mask(path: Path, size: tuple[int, int], means: str = "known", grow: float = 0) -> MaskFile:
    """Read a mask: white is known, everything else is missing, or the other way round.

    Args:
        path: image file; colours are averaged, and white is its brightest value.
        size: (H, W) of the image that it belongs to.
        means: what white means: "known", then every pixel that is not white is missing; or
            "missing", then every pixel that is not black is missing.
        grow: by how much to widen what is missing, pixels, as a pen of this radius would.

    Returns:
        The mask; transparent pixels are black.

    Raises:
        UserError: unreadable, or of another size than the image.
    """
    return understood(open_file(path, "mask"), f"mask={path}", size, means, grow)


def understood(
    stored: Decoded, name: str, size: tuple[int, int], means: str = "known", grow: float = 0
) -> MaskFile:
    """Take what a file or an array stores for a mask; see `read_mask`.

    Args:
        stored: its values.
        name: of the argument, for messages.
        size: (H, W) of the image that it belongs to.
        means: what white means.
        grow: by how much to widen what is missing, pixels.
    """
    height, width = stored.array.shape[:2]
    if (height, width) != size:
        raise UserError(
            f"{name}: is {width} x {height} pixels, expected the image's {size[1]} x {size[0]}"
        )
    brightness, spread = _brightness(stored)
    missing = brightness < PURE if means == "known" else brightness > 1 - PURE
    between = (np.abs(brightness - 0.5) < PURE - 0.5) | (spread > COLORED)
    if grow and missing.any():  # of nothing, scikit-image makes a corner
        from skimage.morphology import isotropic_dilation  # noqa: PLC0415 - slow to import

        missing = isotropic_dilation(missing, grow)  # type: ignore[no-untyped-call]
    m = torch.from_numpy(~missing).float().view(1, 1, height, width)
    return MaskFile(m, float(between.mean()))


def draw_black(m: Tensor, x: Tensor) -> Tensor:
    """Draw which black pixels are known, of a mask that was made from a masked image.

    Published is m * x alone, which is 0 at a black pixel, known or not. So each of them is known by
    the chance that all others have had, the same ones in every run.

    Args:
        m: known pixels, (1, 1, H, W), 0 or 1; 0 where x is black.
        x: the image without its damage, (1, C, H, W).
    """
    black = (x == 0).all(1, keepdim=True)
    if not black.any() or black.all():
        return m
    drawn = torch.rand(black.shape, generator=torch.Generator().manual_seed(0))
    return torch.where(black, (drawn < m[~black].mean()).to(m), m)


def _brightness(stored: Decoded) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return brightness and the difference of the channels, (H, W), both 1 at the brightest."""
    values = np.nan_to_num(stored.array.astype(np.float32), posinf=0, neginf=0).clip(0)
    colors = values[..., :-1] if stored.alpha else values
    brightness = colors.mean(2)
    spread = np.ptp(colors, axis=2)
    if stored.alpha:
        brightness *= values[..., -1] / bounds(stored.array.dtype.name)[1]
    # A mask of 0 and 1 is as good as one of 0 and 255.
    brightest = float(brightness.max()) or 1.0
    return brightness / brightest, spread / brightest


def doubt(
    mask: MaskFile, name: str, means: str, image: NDArray[np.generic] | None, *, is_inpainting: bool
) -> str | None:
    """Say why a mask may not be what was meant, with the cure; None where there is no reason.

    Args:
        mask: as understood.
        name: of the argument, for messages.
        means: what white was taken for.
        image: the damaged image as stored, (H, W, C); None where it is a ground truth.
        is_inpainting: holes are to be filled, so that less is missing than known.
    """
    known = mask.m[0, 0].numpy() > 0
    missing, other = 1 - float(known.mean()), "missing" if means == "known" else "known"
    turn = f"if white marks what is {other}, add mask_means={other}"
    if mask.between > MANY:
        return (
            f"{name}: {mask.between:.0%} of its pixels are grey or coloured, as in a "
            "photograph, and count as missing; expected black and white only: the damage painted "
            "on a plain sheet of the image's size"
        )
    if not is_inpainting:
        return None
    if missing > MOSTLY:
        return f"{name}: {missing:.1%} of the pixels are missing; {turn}"
    if image is None or not missing:
        return None
    wrong = _painted(known, image)
    return None if wrong is None else f"{name}: the damage, painted in one colour, {wrong}"


def _painted(known: NDArray[np.bool_], image: NDArray[np.generic]) -> str | None:
    """Look for damage painted in one colour, and whether it lies where the mask has it."""
    step = max(1, round((known.size / LOOKED_AT) ** 0.5))
    known, looked_at = known[::step, ::step], np.ascontiguousarray(image[::step, ::step])
    values = looked_at.view(np.dtype((np.void, looked_at[0, 0].nbytes)))[..., 0]
    kinds, counts = np.unique(values, return_counts=True)
    painted = values == kinds[counts.argmax()]
    if painted.mean() < PAINTED or known.all():
        return None
    inside = float((painted & ~known).sum() / painted.sum())
    if MOSTLY < inside < ALMOST_ALL:
        return f"seems to count as known for {1 - inside:.0%}; mask_grow=3 covers its edge"
    if inside < 1 - ALMOST_ALL and ALIKE < painted.sum() / (~known).sum() < 1 / ALIKE:
        return "seems to lie where the mask has known pixels; is it the mask of this image?"
    return None
