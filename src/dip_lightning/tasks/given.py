"""What a task has to work from."""

import hashlib
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Given:
    """What there is to work from: exactly one of x and y, for a tile y and perhaps x.

    Attributes:
        x: ground truth, (1, C, H, W), float32 in [0, 1]; without y, it is degraded by the task.
        y: a real observation, or a tile's part of one, (1, C, h, w), float32 in [0, 1].
        m: known pixels, (1, 1 or C, H, W), 0 or 1; None where no mask was given.
        used: a tile's pixels of y that the loss may see, (1, 1 or C, h, w), 0 or 1; None: all of
            them, or all but those that the task holds out.
        z: image to use as input of the generator, (1, C, H, W); None: drawn.
        y_noise_std: a tile's, of the whole image's noise, in the units of y; None: not known yet.
        m_is_alpha: m is the image's own transparency.
        is_cropped: only the centre of a larger image is given.
        is_tiled: the tiles of the image are fitted, each as a task of its own, not the whole.
        tile: the tile's name, part of the seed of all its random draws; empty for a whole image.
    """

    x: Tensor | None = None
    y: Tensor | None = None
    m: Tensor | None = None
    used: Tensor | None = None
    z: Tensor | None = None
    y_noise_std: float | None = None
    m_is_alpha: bool = False
    is_cropped: bool = False
    is_tiled: bool = False
    tile: str = ""

    def shape(self, enlargement: int) -> tuple[int, int, int]:
        """Return (C, H, W) of x_hat: that of x, or of y times the enlargement."""
        if self.x is not None:
            return self.x.shape[1], self.x.shape[2], self.x.shape[3]
        assert self.y is not None  # noqa: S101 - one of the two is given
        channels, height, width = self.y.shape[1:]
        return channels, height * enlargement, width * enlargement


def fingerprints(
    y: Tensor | None, m: Tensor | None, used: Tensor | None, z: Tensor | None
) -> dict[str, str]:
    """Return checksums of what a fit works from, by what a user calls it.

    Args:
        y: observation, (1, C, h, w).
        m: known pixels, (1, 1 or C, H, W); None where the task has none.
        used: pixels of y that the loss may see, (1, 1 or C, h, w); None: all that are known.
        z: image used as input of the generator, (1, C, H, W); None: drawn.
    """
    named = {"image": y, "mask": m, "choice of held-out pixels": used, "input image": z}
    return {name: _checksum(tensor) for name, tensor in named.items()}


def _checksum(tensor: Tensor | None) -> str:
    if tensor is None:
        return ""
    digest = hashlib.sha256(str(tuple(tensor.shape)).encode())
    digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
