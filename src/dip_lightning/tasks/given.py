"""What a task has to work from."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Given:
    """What there is to work from: exactly one of x and y.

    Attributes:
        x: ground truth, (1, C, H, W), float32 in [0, 1]; it is degraded by the task.
        y: a real observation, (1, C, h, w), float32 in [0, 1].
        m: known pixels, (1, 1, H, W), 0 or 1; None where no mask was given.
        z: image to use as input of the generator, (1, C, H, W); None: drawn.
        m_is_alpha: m is the image's own transparency.
        is_cropped: only the centre of a larger image is given.
    """

    x: Tensor | None = None
    y: Tensor | None = None
    m: Tensor | None = None
    z: Tensor | None = None
    m_is_alpha: bool = False
    is_cropped: bool = False

    def shape(self, enlargement: int) -> tuple[int, int, int]:
        """Return (C, H, W) of x_hat: that of x, or of y times the enlargement."""
        if self.x is not None:
            return self.x.shape[1], self.x.shape[2], self.x.shape[3]
        assert self.y is not None  # noqa: S101 - one of the two is given
        channels, height, width = self.y.shape[1:]
        return channels, height * enlargement, width * enlargement
