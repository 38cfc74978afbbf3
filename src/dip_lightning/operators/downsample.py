"""Downsampling by an integer factor."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image as PillowImage
from torch import Tensor, nn

LANCZOS_SUPPORT = {"lanczos2": 2, "lanczos3": 3}
PHASES = (0.0, 0.5)


def lanczos_taps(factor: int, support: int, phase: float) -> tuple[Tensor, int]:
    """Sample the Lanczos kernel of `support` lobes, stretched by `factor`.

    w(t) = sinc(t) sinc(t / support) for |t| < support, t in low-resolution pixels, sum(w) = 1.

    Args:
        factor: downsampling factor, 1 or more.
        support: number of lobes on each side.
        phase: 0.5 puts each sample at the centre of its block of `factor` pixels,
            0 on its first pixel.

    Returns:
        Weights w, (K,), float64, and how many of them lie before the block's first pixel.

    Source: C. E. Duchon, "Lanczos filtering in one and two dimensions", 1979.
    """
    centre = (factor - 1) / 2 if phase else 0.0
    reach = support * factor
    first, last = math.floor(centre - reach) + 1, math.ceil(centre + reach) - 1
    t = (torch.arange(first, last + 1, dtype=torch.float64) - centre) / factor
    weights = torch.sinc(t) * torch.sinc(t / support)
    return weights / weights.sum(), -first


class Downsample(nn.Module):
    """Blur and sample an image, along each axis: y[i] = sum_k w[k] x[factor * i + k - before].

    The border is extended by its nearest pixel. At phase 0.5 low-resolution pixel i is centred on
    the pixels factor * i ... factor * (i + 1) - 1; a last, incomplete block still gives a pixel.

    Args:
        factor: downsampling factor, 1 or more.
        kernel: "lanczos2" or "lanczos3".
        phase: 0.5 or 0, see `lanczos_taps`.

    Raises:
        ValueError: an argument is outside of what is listed above.

    Source: Ulyanov et al., "Deep Image Prior", 2018 (Lanczos2, phase 0.5).

    Example:
        >>> import torch
        >>> from dip_lightning.operators import Downsample
        >>> Downsample(4)(torch.rand(1, 3, 21, 32)).shape
        torch.Size([1, 3, 6, 8])
    """

    taps: Tensor

    def __init__(self, factor: int, kernel: str = "lanczos2", phase: float = 0.5) -> None:
        super().__init__()
        if factor < 1:
            raise ValueError(f"factor={factor}: expected an integer of 1 or more")
        if kernel not in LANCZOS_SUPPORT:
            raise ValueError(f"kernel={kernel}: choose one of {', '.join(LANCZOS_SUPPORT)}")
        if phase not in PHASES:
            raise ValueError(f"phase={phase}: choose 0.5 or 0")
        self.factor = factor
        taps, self.before = lanczos_taps(factor, LANCZOS_SUPPORT[kernel], phase)
        self.register_buffer("taps", taps.float())

    def forward(self, x: Tensor) -> Tensor:
        """Downsample x.

        Args:
            x: image, (B, C, H, W), any range.

        Returns:
            y, (B, C, ceil(H / factor), ceil(W / factor)), same range up to Lanczos overshoot.

        Raises:
            ValueError: x holds integers.
        """
        if not x.is_floating_point():
            raise ValueError(f"x: holds {x.dtype}, expected floats")
        batch, channels, height, width = x.shape
        y = x.reshape(batch * channels, 1, height, width)
        y = F.pad(y, (*self._margins(width), *self._margins(height)), mode="replicate")
        taps = self.taps.to(y.dtype)
        y = F.conv2d(y, taps.view(1, 1, -1, 1), stride=(self.factor, 1))
        y = F.conv2d(y, taps.view(1, 1, 1, -1), stride=(1, self.factor))
        return y.view(batch, channels, *y.shape[-2:])

    def _margins(self, size: int) -> tuple[int, int]:
        samples = math.ceil(size / self.factor)
        span = (samples - 1) * self.factor + len(self.taps)
        return self.before, span - size - self.before


def pillow_downsample(x: Tensor, factor: int) -> Tensor:
    """Downsample as published super-resolution observations were made: Pillow's Lanczos, 8 bits.

    This is not the A of the loss (Lanczos with three lobes, rounded to 8 bits, clipped). A last,
    incomplete block is filled up with its nearest pixels, as A does.

    Args:
        x: image, (1, C, H, W), in [0, 1].
        factor: downsampling factor.

    Returns:
        y, (1, C, ceil(H / factor), ceil(W / factor)), in [0, 1], multiples of 1/255.

    Raises:
        ValueError: there are several images.

    Example:
        >>> import torch
        >>> from dip_lightning.operators import pillow_downsample
        >>> pillow_downsample(torch.rand(1, 3, 21, 32), 4).shape
        torch.Size([1, 3, 6, 8])
    """
    if len(x) != 1:
        raise ValueError(f"x: is {tuple(x.shape)}, expected one image, (1, C, H, W)")
    height, width = (math.ceil(size / factor) for size in x.shape[-2:])
    missing = (0, width * factor - x.shape[-1], 0, height * factor - x.shape[-2])
    x = F.pad(x, missing, mode="replicate")
    planes = (x[0] * 255).round().clamp(0, 255).byte().cpu().numpy()
    small = [
        np.asarray(
            PillowImage.fromarray(plane).resize((width, height), PillowImage.Resampling.LANCZOS)
        )
        for plane in planes
    ]
    return torch.from_numpy(np.stack(small)).float().div(255).unsqueeze(0).to(x.device)
