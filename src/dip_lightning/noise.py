"""How strong the noise of an image is, found from the image alone.

White noise is found in the finest detail of small patches, of which images have little. Noise of a
camera or a JPEG is weaker there than elsewhere, as demosaicing and compression blur it: such noise
is found in the smoothest blocks of each brightness.
"""

import math
from dataclasses import dataclass
from itertools import product
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dctn
from torch import Tensor

Plane = NDArray[np.float64]

PATCH = 5  # pixels a side
FINEST = 6  # of the 24 components of a patch: those with the least variance
FINE = 12  # the others show how smooth a patch is
LEVELS = 4  # groups of equal size, from dark to bright
SMOOTH = 0.15  # of the patches of a group
FEWEST = 1000  # patches, to know anything
FEWEST_SMOOTH = 1500  # patches, where there are as many
MOST = 2**18  # patches, in all channels

BLOCK = 8  # pixels a side
SMOOTHEST = 0.1  # of the blocks of a group
FEWEST_BLOCKS = 100
MOST_BLOCKS = 2**15
CLIPPED = 4 / 255  # a block this near to black or white has lost some of its noise
STEEPEST = 3.0  # level of a group, at most this many times the lowest but one
VARIED = 1 / 3  # of an image, at least, has more than one value where it is no drawing
SHARED = 0.5  # how much a further channel tells that the first does not

MOST_PHOTONS = 1e6  # at white: the rounding of 8 bits is as strong as the noise of half of them
FLATTEST = 1.16  # power of the middle components / the finest ones, of white noise
BLURRED = 3.0  # level of the blocks / that of the finest detail, of noise that is not white


@dataclass(frozen=True)
class Noise:
    """What is known about the noise of an image.

    Attributes:
        std: standard deviation, in the units of the image, all channels together; if the noise is
            not white, only of what varies within 8 pixels. None: unknown, as detail hides it.
        is_white: neighbouring pixels have independent noise.

    Example:
        >>> from dip_lightning.noise import Noise
        >>> Noise(std=25 / 255, is_white=True).is_white
        True
    """

    std: float | None
    is_white: bool


UNKNOWN = Noise(None, is_white=False)


def estimate_noise(y: Tensor, known: Tensor | None = None, period: int = 1) -> Noise:
    """Estimate the noise of an image, which may be correlated and depend on brightness.

    White noise is equally strong in all principal components of a patch: its power is that of the
    components with the least variance, over patches that are smooth in the others. These contain
    almost nothing of other noise: its power is that of the smoothest blocks, corrected for their
    selection. If that is little more than the power of the finest detail, both may be texture, and
    the noise is unknown.

    Args:
        y: noisy image, (1, C, H, W), in [0, 1].
        known: pixels to look at, (1, 1 or C, H, W), 0 or 1; None: all.
        period: pixels after which the kinds of pixels repeat along each axis, such as 2 for a
            Bayer mosaic. Patches are compared with those that begin with the same kind; noise that
            is not white is then unknown.

    Returns:
        Its level, unknown for images smaller than about 36 x 36 pixels, times the period.

    Source: after Liu, Tanaka & Okutomi, "Single-image noise level estimation for blind denoising",
        2013, and Lebrun, Colom & Morel, "The Noise Clinic", 2015.

    Example:
        >>> import torch
        >>> from dip_lightning.noise import estimate_noise
        >>> draw = torch.Generator().manual_seed(0)
        >>> found = estimate_noise(0.5 + 0.1 * torch.randn(1, 1, 64, 64, generator=draw))
        >>> 0.09 < found.std < 0.11, found.is_white
        (True, True)
    """
    planes = y.detach().cpu().numpy()[0].astype(np.float64)
    is_known = np.ones(planes.shape[1:], bool)
    if known is not None:
        is_known = known.detach().cpu().numpy()[0].min(0) > 0
    found = _finest(planes, is_known, period)
    if found is None:
        return UNKNOWN
    if found.is_flat:
        return Noise(math.sqrt(found.power[:FINEST].mean()), is_white=True)
    finest = found.least
    level = _block_power(planes, is_known) if period == 1 else None
    if level is None or level <= BLURRED**2 * finest:
        return UNKNOWN
    return Noise(math.sqrt(level), is_white=False)


def estimate_peak(y: Tensor) -> float | None:
    """Estimate how many photons stand for 1 in an image of Poisson noise, y = c / peak.

    The variance of y is its mean / peak: both are taken from smooth patches, the variance from
    their finest detail. If y was clipped at 1, patches near that are left out.

    Args:
        y: noisy image, (1, C, H, W), 0 or more.

    Returns:
        None if it is unknown: there is no noise, or what there is may be texture.

    Example:
        >>> import torch
        >>> from dip_lightning.noise import estimate_peak
        >>> draw = torch.Generator().manual_seed(0)
        >>> y = torch.poisson(torch.full((1, 1, 64, 64), 15.0), draw) / 30
        >>> 27 < estimate_peak(y) < 33
        True
    """
    planes = y.detach().cpu().numpy()[0].astype(np.float64)
    is_known = np.ones(planes.shape[1:], bool)
    peak, brightest = None, math.inf
    for _ in range(2 if planes.max() == 1 else 1):
        found = _finest(planes, is_known, brightest=brightest)
        variance = 0.0 if found is None else float(found.power[:FINEST].mean())
        if found is None or not found.is_flat or found.brightness >= MOST_PHOTONS * variance:
            return peak if brightest < 1 else None
        peak = found.brightness / variance
        # The root of the brightness that the noise, at twice its standard deviation, brings to 1.
        brightest = (math.sqrt(1 / peak + 1) - math.sqrt(1 / peak)) ** 2
    return peak


@dataclass(frozen=True)
class _Finest:
    """The power of each component of smooth patches, finest first; their number and brightness."""

    power: Plane
    count: int
    brightness: float

    @property
    def least(self) -> float:
        return float(self.power[: FINEST // 2].mean())

    @property
    def is_flat(self) -> bool:
        middle = self.power[FINEST - 2 : FINEST + 1].mean()
        return bool(middle <= self.least * (FLATTEST + self.count**-0.5))


def _finest(
    planes: Plane, is_known: NDArray[np.bool_], period: int = 1, brightest: float = math.inf
) -> _Finest | None:
    """Look at the finest detail of all channels; None: there is too little of it."""
    channels, height, width = planes.shape
    if min(height, width) < 2 * BLOCK:
        return None
    patches = channels * _whole(is_known, PATCH, 1).sum()
    step = period * _odd(math.sqrt(patches / MOST) / period)
    kinds = [np.s_[row:, column:] for row, column in product(range(period), repeat=2)]
    whole = [_whole(is_known[kind], PATCH, step) for kind in kinds]
    if min(found.sum() for found in whole) < FEWEST:
        return None
    looked_at = [
        (plane[k], found) for plane in planes for k, found in zip(kinds, whole, strict=True)
    ]
    found = [_fine_powers(*part, step, brightest) for part in looked_at]
    seen = [part for part in found if part.count]
    if not seen:
        return None
    power = np.mean([part.power for part in seen], axis=0)
    return _Finest(power, seen[0].count, float(np.mean([part.brightness for part in seen])))


def _odd(number: float) -> int:
    """Round up to an odd step, which meets each place of a Bayer pattern and of a JPEG's blocks."""
    whole = max(1, math.ceil(number))
    return whole + 1 - whole % 2


def _whole(is_known: NDArray[np.bool_], side: int, step: int) -> NDArray[np.bool_]:
    """Say which patches, every `step` pixels, are entirely known."""
    windows = np.lib.stride_tricks.sliding_window_view(is_known, (side, side))[::step, ::step]
    return np.asarray(windows.all((2, 3)), bool)


def _fine_powers(
    plane: Plane, whole: NDArray[np.bool_], step: int, brightest: float = math.inf
) -> _Finest:
    """Look at one channel, where patches are not brighter than so much."""
    windows = np.lib.stride_tricks.sliding_window_view(plane, (PATCH, PATCH))[::step, ::step]
    patches = _varied(windows[whole].reshape(-1, PATCH * PATCH))
    mean = patches.mean(1)
    if brightest < math.inf:
        patches, mean = patches[mean <= brightest], mean[mean <= brightest]
        if len(mean) < FEWEST:
            return _Finest(np.zeros(0), 0, 0.0)
    patches = patches - mean[:, None]
    _, components = np.linalg.eigh(patches.T @ patches)
    squares = np.square(patches @ components[:, 1:])  # the first one is the mean that was taken off
    # White noise is independent in the components: to choose by some leaves the others unbiased.
    coarse = squares[:, FINE:].sum(1)
    share = min(1.0, max(SMOOTH, FEWEST_SMOOTH / len(patches)))
    smooth = np.zeros(len(patches), bool)
    for group in _groups(mean):
        smooth[group] = coarse[group] <= np.quantile(coarse[group], share)
    return _Finest(squares[smooth].mean(0), int(smooth.sum()), float(mean[smooth].mean()))


def _varied(patches: Plane) -> Plane:
    """Leave out patches of a single value, such as those of a frame or a clipped sky.

    If they are most of the image, it is a drawing, and they show that it has no noise.
    """
    varied = patches[(patches != patches[:, :1]).any(1)]
    return varied if len(varied) >= max(FEWEST, VARIED * len(patches)) else patches


def _groups(brightness: Plane) -> list[NDArray[np.intp]]:
    """Return the places of each group, dark to bright, of about equal size."""
    edges = np.quantile(brightness, np.linspace(0, 1, LEVELS + 1)[1:-1])
    number = np.digitize(brightness, edges)
    places = (np.flatnonzero(number == i) for i in range(LEVELS))
    return [group for group in places if len(group)]


def _block_power(planes: Plane, is_known: NDArray[np.bool_]) -> float | None:
    """Return the power of the noise in blocks, averaged over all brightnesses; None: unknown."""
    step = _odd(max(3.0, math.sqrt(planes.size / MOST_BLOCKS)))
    windows = np.lib.stride_tricks.sliding_window_view(planes, (BLOCK, BLOCK), axis=(1, 2))
    blocks = windows[:, ::step, ::step].reshape(len(planes), -1, BLOCK, BLOCK)
    brightness = blocks.mean((0, 2, 3))
    whole = _whole(is_known, BLOCK, step).ravel()
    kept = whole & (brightness > CLIPPED) & (brightness < 1 - CLIPPED)
    kept &= (np.ptp(blocks, (2, 3)) > 0).all(0)
    squares = np.square(dctn(blocks[:, kept], axes=(2, 3), norm="ortho"))
    # Brightness and slope are the image's: their noise is taken to be that of the next waves.
    next_waves = (squares[..., 1, 1] + squares[..., 0, 2] + squares[..., 2, 0]) / 3
    for wave in ((0, 0), (0, 1), (1, 0)):
        squares[(..., *wave)] = next_waves
    power = squares.mean((0, 2, 3))
    is_enough = kept.sum() >= max(FEWEST_BLOCKS, VARIED * whole.sum())
    groups = _groups(brightness[kept]) if is_enough else []
    if len(groups) < LEVELS:
        return None
    limits = [np.quantile(power[group], SMOOTHEST) for group in groups]
    chosen = np.concatenate(
        [group[power[group] <= limit] for group, limit in zip(groups, limits, strict=True)]
    )
    spectrum = squares[:, chosen].mean((0, 1))
    if not spectrum.any():
        return 0.0
    # The power of a block of noise alone scatters as that of so many independent values.
    values = spectrum.sum() ** 2 / np.square(spectrum).sum() * (1 + SHARED * (len(planes) - 1))
    # Quantile of chi-squared / its mean, by Wilson and Hilferty's cube.
    spread = 2 / (9 * values)
    chance = (1 - spread + NormalDist().inv_cdf(SMOOTHEST) * math.sqrt(spread)) ** 3
    limits = np.minimum(limits, STEEPEST**2 * np.sort(limits)[1])  # a group of texture alone
    return float(np.mean(limits) / chance)
