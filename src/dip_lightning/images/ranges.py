"""Between which stored values an image is fitted: those of its own known data."""

import numpy as np
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from dip_lightning.errors import UserError
from dip_lightning.images.picture import bounds

RARE = 1000  # one of so many values, at either end, does not set the range
MARGIN = 0.25  # of the range of the others: so far may noise go, and no hot pixel
FEW = 10  # values that are alike by chance
FAINT = 0.01  # of the range: what lies within, no fit restores
USUAL = (-9999.0, -99999.0, -32768.0, -32767.0)  # for no data, where nothing says so
DIGITS = {"float64": 17, "int32": 10, "uint32": 10, "int64": 19, "uint64": 20}  # else 9
SAMPLED = 1 << 22  # values that are looked at


def value_range(values: NDArray[np.generic]) -> tuple[float, float]:
    """Find the stored values of 0 and 1 for an image whose known values these are.

    A type's own range is used where the data take up more than half of it, so that the black and
    white of a photograph stay what they are. Elsewhere the fit would have to be too exact: noise
    of 40 is 0.0006 of the range of 16 bits.

    Args:
        values: of any shape, at least one, all finite.

    Raises:
        UserError: they are too far apart for a difference.
    """
    low, high = float(values.min()), float(values.max())
    if not high - low < np.inf:
        raise UserError(f"holds values from {low:g} to {high:g}, which are too far apart")
    floor, top = bounds(values.dtype.name)
    if low == high:
        if floor <= low <= top:
            return floor, top
        return (0.0, high) if high > 0 else (low, low + 1)  # a constant: 1 where it is positive
    usual = _usual(values.reshape(-1))
    margin = MARGIN * (usual[1] - usual[0])
    if margin:
        low, high = max(low, usual[0] - margin), min(high, usual[1] + margin)
    if values.dtype != np.uint8:  # in which a white frame is what it looks like
        _check_filled(values, low, high)
    if floor <= low and high <= top and 2 * (high - low) > top - floor:
        return floor, top
    return low, high


def _check_filled(values: NDArray[np.generic], low: float, high: float) -> None:
    """Refuse a range that one value takes up, beside which the others are all alike.

    Of values that often mean "no data", it is enough that they are farther away than the others
    are from each other.
    """
    for end in (low, high):
        alike = int(np.count_nonzero(values == end))
        if alike < max(FEW, values.size / RARE):
            continue
        others = values[values != end]
        least, greatest = float(others.min()), float(others.max())
        is_usual = end in USUAL or end == bounds(values.dtype.name)[0] < 0
        share = 0.5 if is_usual else FAINT
        if 0 < greatest - least < share * (high - low):
            stored = f"{end:.{DIGITS.get(values.dtype.name, 9)}g}"
            raise UserError(
                f"holds {alike} values of {stored}, far from the others, {least:g} to "
                f"{greatest:g}: if they mean that there is no data, take task=inpainting "
                f"nodata={stored}; else crop them off"
            )


def _usual(values: NDArray[np.generic]) -> tuple[float, float]:
    """Return the least and the greatest of the values that are not rare; 0 and 0 if all may be."""
    sample = values[:: max(1, values.size // SAMPLED)]
    rare = -(-sample.size // RARE)
    if sample.size <= 2 * rare:
        return 0.0, 0.0
    ordered = np.partition(sample, (rare, sample.size - 1 - rare))
    return float(ordered[rare]), float(ordered[-1 - rare])


def without_single(beyond: Tensor | None) -> Tensor | None:
    """Drop what lies outside the range at a pixel by itself: it is a defect, and to be restored.

    Several side by side are a star or a reflection, and are given back as they were.

    Args:
        beyond: see `Picture`, (1, C, H, W).
    """
    if beyond is None:
        return None
    outside = (beyond != 0).float()
    around = F.avg_pool2d(outside, 3, stride=1, padding=1, divisor_override=1)
    kept = beyond * (around > 1)
    return kept if kept.any() else None
