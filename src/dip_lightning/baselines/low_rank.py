"""Similar patches of an image, side by side, are a matrix of low rank, apart from its noise."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import torch
import torch.nn.functional as F
from torch import Tensor

from dip_lightning.limits import GREY_LEVELS

FAR = 1e3  # value beyond the border, so that no patch there is similar to any
GROUPS, BAND = 1024, 2**24  # at once: groups, distances
SEARCH_EVERY = 5  # passes
LEAST = 1e-4  # of what is taken for noise


@dataclass(frozen=True)
class Patches:
    """Which patches stand side by side.

    Args:
        side: of a patch, pixels.
        step: distance from one reference patch to the next, pixels.
        count: how many are in a group.
        window: side of the square searched for similar patches, pixels, odd.

    Example:
        >>> from dip_lightning.baselines import Patches
        >>> Patches(side=4, step=2, count=24).window
        25
    """

    side: int
    step: int
    count: int
    window: int = 25


OF_NOISE = Patches(side=6, step=3, count=60, window=31)


def low_rank_patches(y: Tensor, sigma: float) -> Tensor:
    """Shrink the singular values of groups of similar patches, and average what overlaps.

    With k patches of d values, less their mean, as a matrix, noise of standard deviation std has
    no singular value above t = std (sqrt(k) + sqrt(d)). A singular value s becomes

        s (1 + sqrt(1 - t^2 / s^2)) / 2 where s > t, else 0

    which minimises the squared distance with the weighted nuclear norm, the weights as 1 / s.

    Args:
        y: noisy image, (1, C, H, W), in [0, 1].
        sigma: standard deviation of the noise in 8-bit grey levels.

    Returns:
        (1, C, H, W), in [0, 1].

    Source: Gu et al., "Weighted nuclear norm minimization with application to image denoising",
        2014 (there in several rounds, here in one).

    Example:
        >>> import torch
        >>> from dip_lightning.baselines import low_rank_patches
        >>> low_rank_patches(torch.rand(1, 3, 20, 24), sigma=25).shape
        torch.Size([1, 3, 20, 24])
    """
    if sigma == 0:
        return y.cpu().clone()
    return _filtered(y, sigma / GREY_LEVELS, OF_NOISE, _similar(y, OF_NOISE)).cpu().clamp(0, 1)


def polish(
    x: Tensor,
    agree: Callable[[Tensor, float], Tensor],
    patches: Patches,
    sigmas: tuple[float, ...],
    onward: float = 0.0,
) -> Tensor:
    """Make similar patches of an image agree with each other, and the image with what is known.

        x <- L(agree(x + onward (x - x_before))), L the step of `low_rank_patches`

    An error in one patch that similar ones do not share is taken for noise.

    Args:
        x: image, (1, C, H, W), in [0, 1].
        agree: makes an image agree with its observation, as far as the noise of a pass allows.
        patches: which stand side by side.
        sigmas: the noise of each pass, 8-bit grey levels.
        onward: by what share of a pass's change the next one starts further on; for agreement that
            comes slowly.

    Returns:
        (1, C, H, W), in [0, 1].

    Source: Danielyan, Katkovnik & Egiazarian, "BM3D frames and variational image deblurring",
        2012, for the alternation; the step onward is Polyak's, 1964.

    Example:
        >>> import torch
        >>> from dip_lightning.baselines import Patches, polish
        >>> x = torch.rand(1, 3, 20, 24)
        >>> polish(x, lambda x, sigma: x, Patches(side=4, step=2, count=24), (5.0, 1.0)).shape
        torch.Size([1, 3, 20, 24])
    """
    places, before = None, x
    for number, sigma in enumerate(sigmas):
        before, ahead = x, x + onward * (x - before)
        x = agree(ahead, sigma)
        if places is None or number % SEARCH_EVERY == 0:
            places = _similar(x, patches)
        x = _filtered(x, sigma / GREY_LEVELS, patches, places)
    return x.clamp(0, 1)


def fading(first: float, last: float, passes: int) -> tuple[float, ...]:
    """Return one level for each pass, each the same share of the one before.

    Example:
        >>> from dip_lightning.baselines import fading
        >>> fading(8, 1, 4)
        (8.0, 4.0, 2.0, 1.0)
    """
    share = (last / first) ** (1 / (passes - 1))
    return tuple(first * share**number for number in range(passes))


def _similar(x: Tensor, patches: Patches) -> Tensor:
    """Find the nearest patches of each on a grid: y W + x of their corners, (groups, count)."""
    height, width = x.shape[2:]
    side = min(patches.side, height, width)
    rows, columns = (_grid(length - side + 1, patches.step) for length in (height, width))
    high, wide = (min(patches.window // 2, length - side) for length in (height, width))
    count = min(patches.count, (high + 1) * (wide + 1))  # as many as at a corner
    shifts = list(product(range(-high, high + 1), range(-wide, wide + 1)))
    around = F.pad(x, (wide, wide, high, high), value=FAR)
    at_once = max(1, BAND // (len(shifts) * len(columns)))
    found = []
    for first in range(0, len(rows), at_once):
        some = rows[first : first + at_once]
        top, tall = int(some[0]), int(some[-1] - some[0]) + side
        band = x[:, :, top : top + tall]
        distances = []
        for down, right in shifts:
            moved = around[:, :, top + high + down :, wide + right :][..., :tall, :width]
            apart = (band - moved).square_().sum(1, keepdim=True)
            of_patch = F.avg_pool2d(apart, side, 1)[0, 0]
            distances.append(of_patch[some - top][:, columns].flatten())
        distances[len(shifts) // 2].fill_(-1)  # each patch is in its own group
        nearest = torch.stack(distances, 1).topk(count, largest=False).indices
        corners = (some[:, None] * width + columns).flatten()
        moves = torch.tensor([down * width + right for down, right in shifts]).to(nearest)
        found.append(corners[:, None].to(nearest) + moves[nearest])
    return torch.cat(found)


def _grid(count: int, step: int) -> Tensor:
    """Return 0, step, 2 step, ... and the last of so many places."""
    return torch.cat([torch.arange(0, count - 1, step), torch.tensor([count - 1])])


def _filtered(x: Tensor, std: float, patches: Patches, places: Tensor) -> Tensor:
    """Shrink each group, and average the patches over each pixel."""
    channels, height, width = x.shape[1:]
    side = min(patches.side, height, width)
    planes, along = torch.arange(channels) * height * width, torch.arange(side)
    inside = (planes[:, None, None] + along[:, None] * width + along).flatten().to(places)
    values = x.flatten()
    total, times = torch.zeros_like(values), torch.zeros_like(values)
    for first in range(0, len(places), GROUPS):
        some = places[first : first + GROUPS]
        where = some[:, :, None] + inside
        total.index_add_(0, where.flatten(), _shrunk(values[where], std).flatten())
        times.index_add_(0, where.flatten(), torch.ones_like(values[:1]).expand(where.numel()))
    return torch.where(times > 0, total / times.clamp(min=1), values).view(x.shape)


def _shrunk(groups: Tensor, std: float) -> Tensor:
    """Shrink the singular values of each group, (groups, k, d); see `low_rank_patches`."""
    mean = groups.mean(1, keepdim=True)
    apart = groups - mean
    _, k, d = groups.shape
    # The smaller of the two Gram matrices has all singular values.
    gram = apart @ apart.mT if k < d else apart.mT @ apart
    noise = (std * (math.sqrt(k) + math.sqrt(d))) ** 2
    gram.diagonal(dim1=1, dim2=2).add_(LEAST * noise)  # LAPACK makes NaN of what underflows
    power, vectors = torch.linalg.eigh(gram)
    left = (1 - noise / power.clamp(min=noise)).clamp(min=0)
    share = torch.where(power > noise, (1 + left.sqrt()) / 2, 0)
    kept = (vectors * share[:, None]) @ vectors.mT
    shrunk: Tensor = mean + (kept @ apart if k < d else apart @ kept)
    return shrunk
