"""Any other damage: an operator of the user's own, named on the command line."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Self

import torch
from torch import Tensor

from dip_lightning.baselines import adjoint_of, least_squares, polish_inverse
from dip_lightning.errors import UserError
from dip_lightning.limits import GREY_LEVELS, SIZE
from dip_lightning.operators.own import OwnOperator, build
from dip_lightning.prior.problem import Problem
from dip_lightning.prior.randomness import source
from dip_lightning.tasks.given import Given

SHOWN = (1, 3)  # channels of an image that a screen can show
SEED = 0  # of the image that tells one operator from another
# Of the polish (docs/operator.md): share of the noise that an image may be away from y; the noise
# that is taken for the least, in 8-bit grey levels of x.
AWAY, LEAST = 0.5, 0.3

Shape = tuple[int, int, int]


class Measurement(Problem):
    """y = A(x) + n, where nothing else is known about A.

    Args:
        y: observation, of the shape that A returns.
        A: the operator, checked for images of this shape.
        shape: (C, H, W) of x.
        x: ground truth, (1, C, H, W) in [0, 1].
        known: which values of y count, 0 or 1, of y's shape; None: all.
        y_noise_std: standard deviation of n, in the units of y; None: unknown, or there is none.
        is_exact: y is known to have no noise.

    Attributes:
        response: A of a random image, by which a resumed fit recognises its operator.
    """

    A: OwnOperator

    def __init__(
        self,
        y: Tensor,
        A: OwnOperator,  # noqa: N803 - as everybody writes
        shape: Shape,
        x: Tensor | None = None,
        *,
        known: Tensor | None = None,
        y_noise_std: float | None = None,
        is_exact: bool = False,
    ) -> None:
        super().__init__(y, A, shape=shape, x=x, known=known, y_noise_std=y_noise_std)
        self.is_exact = is_exact
        drawn = torch.rand(1, *shape, generator=torch.Generator().manual_seed(SEED))
        with torch.no_grad():
            self.response = A(drawn)
        self.gain = _size(self.response) / _size(drawn)  # of units of y for those of x

    @classmethod
    def simulate(cls, x: Tensor, A: OwnOperator, sigma: float = 0.0, seed: int = 0) -> Self:  # noqa: N803
        """Apply A to x, (1, C, H, W), and add white noise.

        Args:
            x: ground truth.
            A: the operator, checked for images of x's shape.
            sigma: of the noise, in units of y / 255; for a complex y, of both parts together.
            seed: of the noise.
        """
        with torch.no_grad():
            y = A(x)
        std = sigma / GREY_LEVELS
        if std:
            y = y + std * torch.randn(y.shape, dtype=y.dtype, generator=source("observation", seed))
        channels, height, width = x.shape[1:]
        shape = channels, height, width
        return cls(y, A, shape, x, y_noise_std=std or None, is_exact=not std)

    def shown(self) -> Tensor:
        """Return y if it is an image; otherwise A's adjoint of y, with its lowest value black."""
        y = self.y
        flat = y.squeeze() if y.ndim != 4 else y.squeeze(0)  # noqa: PLR2004 - (1, C, H, W)
        planes = flat[None] if flat.ndim == 2 else flat  # noqa: PLR2004 - (H, W)
        is_image = planes.ndim == 3 and planes.shape[0] in SHOWN  # noqa: PLR2004 - (C, H, W)
        if y.is_complex() or not is_image or min(planes.shape[1:]) == 1:
            with torch.no_grad():
                return _stretched(adjoint_of(self.A, self.shape)(y))
        inside = float(y.min()) >= 0 and float(y.max()) <= 1
        return planes[None] if inside else _stretched(planes[None])

    def baselines(self) -> dict[str, Callable[[], Tensor]]:
        """Least squares, where A is linear."""
        if not self.A.is_linear:
            return {}

        def inverted() -> Tensor:
            return least_squares(self.A, self.y, self.shape, self.y_noise_std, self.known)

        return {"least squares": inverted}

    @property
    def is_polished(self) -> bool:
        """Whether A is linear, and the noise known."""
        return self.A.is_linear and (self.is_exact or self.y_noise_std is not None)

    def polished(self, x: Tensor, seen: Tensor | None = None) -> Tensor:
        """Make similar patches alike while the image explains y up to its noise."""
        known = self.known if seen is None else seen
        std = max(GREY_LEVELS * (self.y_noise_std or 0), LEAST * self.gain)
        return polish_inverse(self.A, self.y, x, AWAY * std, known)


def _size(values: Tensor) -> float:
    return float(values.abs().square().mean().sqrt())


def _stretched(image: Tensor) -> Tensor:
    low, high = image.min(), image.max()
    return (image - low) / (high - low).clamp(min=torch.finfo(image.dtype).tiny)


def _written(shape: Shape | torch.Size | None) -> str:
    return " x ".join(map(str, shape or ()))


def problem(given: Given, keys: Mapping[str, Any]) -> Measurement:
    """Make the problem that the command's keys describe."""
    options = dict(keys["operator"])
    A = build(options.pop("name"), options, keys["seed"])
    if given.x is not None:
        channels, height, width = given.x.shape[1:]
        if A.shape not in {None, (channels, height, width)}:
            raise UserError(
                f"image={keys['image']}: is {_written(given.x.shape[1:])}, but operator={A.name} "
                f"is for {_written(A.shape)}"
            )
        A.check((channels, height, width))
        return Measurement.simulate(given.x, A, keys["sigma"], keys["seed"])
    assert given.y is not None  # noqa: S101 - one of the two is given
    shape = _shape(keys["size"], A)
    A.check(shape)
    where = f"observed={keys['observed']}"
    return _measured(given.y, given.m, A, shape, where, keys["sigma"])


def _measured(
    y: Tensor,
    known: Tensor | None,
    A: OwnOperator,  # noqa: N803
    shape: Shape,
    where: str,
    sigma: float | None,
) -> Measurement:
    """Take a real y, of the shape that A returns, apart from axes of length one."""
    with torch.no_grad():
        like = A(torch.zeros(1, *shape))
    if y.is_complex() and not like.is_complex():
        raise UserError(f"{where}: holds complex numbers, but operator={A.name} returns real ones")
    if _long_axes(y) != _long_axes(like):
        raise UserError(
            f"{where}: is of shape {_written(y.shape)}, but operator={A.name} returns "
            f"{_written(like.shape)} for an image of {_written(shape)}"
        )
    known = None if known is None else known.reshape(like.shape)
    std, y = (sigma or 0) / GREY_LEVELS, y.to(like.dtype).reshape(like.shape)
    return Measurement(y, A, shape, known=known, y_noise_std=std or None, is_exact=sigma == 0)


def _shape(size: str | None, A: OwnOperator) -> Shape:  # noqa: N803
    if size is None:
        if A.shape is None:
            raise UserError(
                "size=null: task=operator with observed= needs size=HxW or size=CxHxW, that of the "
                "restored image"
            )
        return A.shape
    found = re.fullmatch(SIZE, size)
    assert found is not None  # noqa: S101 - checked by the configuration
    return int(found[1] or 1), int(found[2]), int(found[3])


def _long_axes(y: Tensor) -> list[int]:
    return [side for side in y.shape if side > 1]
