"""Estimate what blurred an image, from the image alone, coarse to fine."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from scipy.fft import next_fast_len
from scipy.ndimage import label, sum_labels
from torch import Tensor
from torch.fft import irfft2, rfft2

MOST = 512  # pixels a side that are looked at, in the middle
COARSEST = 5  # pixels of a kernel's longer side, about
ROUNDS = 12  # at each scale: an image from the kernel, a kernel from the image
# Of the image: weight of an edge, in the beginning, its decay a round, and at least.
EDGES, EDGES_DECAY, FEWEST_EDGES = 4e-3, 1.1, 1e-4
FIRST_PULL, PULL_GROWTH, LAST_PULL = 2.0, 2.0, 1e5  # towards an image of few edges
# Of the kernel: its squared weights, and what is cut off, as a share of the greatest.
SQUARES, LEAST = 20.0, 0.01
SPECK = 0.03  # of the kernel: isolated pieces that weigh less are noise
STEPS, LOOKS = 60, 8  # of the gradient; of the power iteration


@torch.no_grad()
def estimate_kernel(y: Tensor, size: tuple[int, int]) -> Tensor:
    """Estimate the kernel of a blurred image: the one that explains it by an image of few edges.

    Alternately, from a kernel of a few pixels upwards, with images shrunk to match,

        x = argmin |k * x - y|^2 + a |grad x|_0
        k = argmin |k * grad x - grad y|^2 + b |k|^2, k >= 0, sum k = 1

    Only the middle of a large image is used.

    Args:
        y: blurred image, (1, C, H, W), in [0, 1], no smaller than the kernel.
        size: (kh, kw), odd.

    Returns:
        k, (kh, kw), float32, its centre of mass in the middle; sums to 1.

    Source: Xu, Zheng & Jia, "Unnatural L0 sparse representation for natural image deblurring",
        2013.

    Example:
        >>> import torch
        >>> from dip_lightning.baselines import estimate_kernel
        >>> estimate_kernel(torch.rand(1, 3, 40, 48), (5, 7)).shape
        torch.Size([5, 7])
    """
    gray = _middle(y.detach().float().cpu().mean(1, keepdim=True))
    halvings = max(0.0, math.log2(max(size) / COARSEST))
    scales = [2 ** (-scale / 2) for scale in range(math.floor(2 * halvings), -1, -1)]
    kernel = torch.tensor([[0.5, 0.5, 0.0]]) if size[1] > 1 else torch.tensor([[0.5], [0.5], [0.0]])
    edges = EDGES
    for scale in scales:
        small = gray
        if scale < 1:
            small = F.interpolate(gray, scale_factor=scale, mode="bicubic", antialias=True)
        kernel = _resized(kernel, (_odd(size[0] * scale), _odd(size[1] * scale)))
        for _ in range(ROUNDS):
            x = _of_few_edges(small, kernel, edges)
            kernel = _cleaned(_fitted(kernel, x, small))
            edges = max(edges / EDGES_DECAY, FEWEST_EDGES)
    return kernel


def _middle(image: Tensor) -> Tensor:
    (top, height), (left, width) = (
        ((side - min(side, MOST)) // 2, min(side, MOST)) for side in image.shape[2:]
    )
    return image[..., top : top + height, left : left + width]


def _odd(side: float) -> int:
    return 1 if side <= 1 else max(3, 2 * math.ceil((side - 1) / 2) + 1)


def _resized(kernel: Tensor, size: tuple[int, int]) -> Tensor:
    if tuple(kernel.shape) == size:
        return kernel
    if min(kernel.shape) == 1 < min(size):  # the first one is put into the middle
        rows, columns = (side - before for side, before in zip(size, kernel.shape, strict=True))
        return F.pad(kernel, (columns // 2, columns - columns // 2, rows // 2, rows - rows // 2))
    larger = F.interpolate(kernel[None, None], size, mode="bicubic", align_corners=False)[0, 0]
    return larger.clamp(min=0) / larger.clamp(min=0).sum()


def _of_few_edges(y: Tensor, kernel: Tensor, edges: float) -> Tensor:
    """Sharpen y to an image of few edges, with the margins that the kernel needs.

    By half-quadratic splitting: an image of few edges that is pulled more and more towards x.
    """
    (high, wide), (height, width) = kernel.shape, y.shape[2:]
    whole = _closed(y, high, wide)
    size = list(whole.shape[2:])
    centre = (high // 2, wide // 2)
    blur = rfft2(_placed(kernel, size, centre))
    across = rfft2(_placed(torch.tensor([[1.0, -1.0]]), size, (0, 1)))
    down = rfft2(_placed(torch.tensor([[1.0], [-1.0]]), size, (1, 0)))
    told, power = blur.conj() * rfft2(whole), blur.abs().square()
    steepness = across.abs().square() + down.abs().square()
    x, pull = whole, FIRST_PULL * edges
    while pull < LAST_PULL:
        right, below = x.roll(-1, 3) - x, x.roll(-1, 2) - x
        kept = right.square() + below.square() > edges / pull
        pulled = across.conj() * rfft2(right * kept) + down.conj() * rfft2(below * kept)
        x = irfft2((told + pull * pulled) / (power + pull * steepness), size)
        pull *= PULL_GROWTH
    top, left = high - centre[0], wide - centre[1]
    return x[..., top : top + height + high - 1, left : left + width + wide - 1]


def _closed(y: Tensor, high: int, wide: int) -> Tensor:
    """Continue an image on all sides by its nearest pixels, and blend its ends into each other."""
    y = F.pad(y, (wide, wide, high, high), mode="replicate")
    for axis, side in ((2, high), (3, wide)):
        ends = y.narrow(axis, y.shape[axis] - 1, 1), y.narrow(axis, 0, 1)
        shape = [-1 if dimension == axis else 1 for dimension in range(y.ndim)]
        share = ((torch.arange(2 * side) + 1) / (2 * side + 1)).view(shape)
        y = torch.cat([y, torch.lerp(*ends, share)], axis)
    return y


def _placed(filter_: Tensor, size: list[int], origin: tuple[int, int]) -> Tensor:
    """Lay a filter out for an FFT, its origin at the first pixel."""
    rows, columns = (n - taps for n, taps in zip(size, filter_.shape, strict=True))
    return F.pad(filter_, (0, columns, 0, rows)).roll((-origin[0], -origin[1]), (0, 1))


def _fitted(kernel: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Fit the kernel to a sharp and a blurred image, by Nesterov's gradient method.

    Args:
        kernel: initial, (kh, kw).
        x: sharp image, (1, 1, H + kh - 1, W + kw - 1).
        y: blurred image, (1, 1, H, W).
    """
    x, y = _gradients(x), _gradients(y)
    size = [next_fast_len(side, real=True) for side in x.shape[2:]]
    spectrum = rfft2(x, size)
    margins = [taps - 1 for taps in kernel.shape]
    rows, columns = (slice(m, side) for m, side in zip(margins, x.shape[2:], strict=True))

    def blurred(weights: Tensor) -> Tensor:
        y: Tensor = irfft2(spectrum * rfft2(weights, size), size)[..., rows, columns]
        return y

    def correlated(residual: Tensor) -> Tensor:
        shifted = F.pad(residual, (margins[1], 0, margins[0], 0))
        products = (spectrum.conj() * rfft2(shifted, size)).sum(1)
        found: Tensor = irfft2(products, size)[0, : kernel.shape[0], : kernel.shape[1]]
        return found

    told, direction = correlated(y), torch.ones_like(kernel) / math.sqrt(kernel.numel())
    length = torch.ones(())
    for _ in range(LOOKS):
        direction = correlated(blurred(direction))
        length = direction.norm().clamp(min=1e-12)
        direction = direction / length
    rate, ahead, momentum = 1 / (1.1 * length + SQUARES), kernel, 1.0
    for _ in range(STEPS):
        slope = correlated(blurred(ahead)) - told + SQUARES * ahead
        before, kernel = kernel, _to_simplex(ahead - rate * slope)
        faster = (1 + math.sqrt(1 + 4 * momentum**2)) / 2
        ahead, momentum = kernel + (momentum - 1) / faster * (kernel - before), faster
    return kernel


def _gradients(image: Tensor) -> Tensor:
    inner = image[..., 1:, 1:]
    return torch.cat([inner - image[..., 1:, :-1], inner - image[..., :-1, 1:]], 1)


def _to_simplex(weights: Tensor) -> Tensor:
    """Return the nearest weights that are positive and sum to 1.

    Source: Duchi et al., "Efficient projections onto the l1-ball", 2008.
    """
    ordered = weights.flatten().sort(descending=True).values
    above = (ordered.cumsum(0) - 1) / torch.arange(1, len(ordered) + 1)
    count = int((ordered > above).sum())
    return (weights - above[count - 1]).clamp(min=0)


def _cleaned(kernel: Tensor) -> Tensor:
    """Cut off what is hardly there, and move the centre of mass to the middle, if there is room."""
    kernel = torch.where(kernel < LEAST * kernel.max(), 0, kernel)
    pieces, count = label(kernel.numpy() > 0, structure=np.ones((3, 3)))
    shares = sum_labels(kernel.numpy(), pieces, np.arange(count + 1))
    kept = shares >= min(SPECK, shares.max())  # the heaviest at least
    kernel = torch.where(torch.from_numpy(kept[pieces]), kernel, 0)
    for axis, taps in enumerate(kernel.shape):
        weights = kernel.sum(1 - axis)
        first, last = (int(weights.nonzero()[end]) for end in (0, -1))
        place = float((weights * torch.arange(taps)).sum() / weights.sum())
        shift = min(max(taps // 2 - round(place), -first), taps - 1 - last)
        kernel = kernel.roll(shift, axis)  # what leaves at one end is empty
    return kernel / kernel.sum()
