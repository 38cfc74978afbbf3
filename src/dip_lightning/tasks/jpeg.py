"""JPEG: an image without the artefacts of its compression."""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

from torch import Tensor

from dip_lightning.baselines import Patches, fading, least_variation_between, polish, reapply
from dip_lightning.errors import UserError
from dip_lightning.images.jpeg import Compressed, compress, read_jpeg
from dip_lightning.limits import GREY_LEVELS
from dip_lightning.operators import JPEG
from dip_lightning.operators.jpeg import NARROWED, Bounds, Coefficients
from dip_lightning.prior.arguments import check_amount, checked
from dip_lightning.prior.deep_image_prior import DeepImagePrior
from dip_lightning.prior.problem import Problem
from dip_lightning.prior.tiles import Lattice, Tile
from dip_lightning.tasks.given import Given

FIT_WEIGHT, OUTSIDE = 0.8, 0.35 / 255  # beside the classical methods: docs/jpeg.md
CENTERING = 0.003  # docs/jpeg.md
# Of the polish: docs/jpeg.md. Its first level follows from what the classical methods change.
PATCHES, PASSES, FADING = Patches(side=4, step=2, count=24), 8, 3
CHANGED, LEAST = 0.9, 0.1  # share of that, and the least level in 8-bit grey levels
AGREED = 0.6  # share of the bounds that the polish keeps to: docs/jpeg.md
QUALITY, SUBSAMPLING = 10, "4:2:0"
CHANNELS = (1, 3)


class FromFile(Problem):
    """A problem made from a JPEG file: y is the image decoded from these coefficients."""

    has_guide = True
    guide_is_faulty = True  # it has lost what the file has lost
    coefficients: Coefficients
    _variation: Tensor | None = None

    def guide(self, seen: Tensor | None = None) -> Tensor:
        """The image of least total variation, within half of the file's bounds."""
        del seen
        if self._variation is None:
            centre, steps, held = (values.to(self.y) for values in self.coefficients.flat())
            low, high = (centre + sign * NARROWED * steps / 2 for sign in (-1, 1))
            A = self.coefficients.operator.to(self.y.device)
            share = 1 / A.repeats(self.coefficients.size)
            self._variation = least_variation_between(low, high, A, self.y, held, share)
        return self._variation.to(self.y)

    def baselines(self) -> dict[str, Callable[[], Tensor]]:
        """Total variation, compression again with the blocks in other places, and their mean."""
        return {
            "TV + re-application": self._mean,
            "total variation": self.guide,
            "re-application": self._again,
        }

    def _again(self) -> Tensor:
        return reapply(self.y, self.coefficients.quantised)

    def _mean(self) -> Tensor:
        return (self.guide() + self._again()) / 2


class DecodedImage(FromFile):
    """y = x + n: n, the error of the compression, is treated like any noise.

    Args:
        y: the decoded image, (1, C, H, W) in [0, 1].
        coefficients: what it was decoded from.
        x: ground truth, (1, C, H, W) in [0, 1].
    """

    def __init__(self, y: Tensor, coefficients: Coefficients, x: Tensor | None = None) -> None:
        super().__init__(y, x=x)
        self.coefficients = coefficients

    def _of_part(self, tile: Tile) -> "DecodedImage":
        return DecodedImage(tile.cut(self.y), self.coefficients.cut(*tile.slices()))


class CompressedImage(FromFile):
    """|A(x) - c| <= q / 2: a JPEG file has rounded the coefficients A(x) to multiples of q.

    The loss is 0 where x may be the image that was compressed, and grows with the square of the
    distance from there: mean(max(0, |A(x_hat) - c| - q / 2)^2). A is orthonormal, so a mean over
    coefficients reads like a mean over pixels.

    Args:
        y: the decoded image, (1, C, H, W) in [0, 1].
        coefficients: c and q, of y.
        x: ground truth, (1, C, H, W) in [0, 1].
        centering: weight of mean((A(x_hat) - c)^2), added to the loss.

    Raises:
        UserError: no block lies entirely in y.
    """

    fit_weight = FIT_WEIGHT
    A: JPEG

    def __init__(
        self,
        y: Tensor,
        coefficients: Coefficients,
        x: Tensor | None = None,
        *,
        centering: float = CENTERING,
    ) -> None:
        shape = (y.shape[1], y.shape[2], y.shape[3])
        super().__init__(y, coefficients.operator, shape=shape, x=x)
        self.coefficients, self.centering = coefficients, centering
        self.bounds = Bounds(coefficients)
        if not self.bounds.count:
            raise UserError(
                f"max_side: leaves {shape[2]} x {shape[1]} pixels without a whole block of the "
                "JPEG file, expected 16 or more"
            )

    @property
    def lattice(self) -> Lattice:
        """Between blocks: of one that is cut through, nothing is known."""
        return self.coefficients.lattice

    @property
    def sees_all(self) -> bool:
        """Yes: a coefficient depends on 64 pixels."""
        return True

    def loss(self, x_hat: Tensor, seen: Tensor | None = None) -> Tensor:
        """Return the mean squared distance of A(x_hat) from the values rounded to c, a scalar."""
        del seen
        return self.bounds.power(x_hat)

    def weight_for(self, x_average: Tensor, classical: Tensor) -> float:
        """Return less, the further x is outside the bounds: 0.8 / (1 + r / r0), r the RMS distance.

        A fit that has not reached the bounds is wrong within them, too.
        """
        del classical
        return FIT_WEIGHT / (1 + math.sqrt(float(self.loss(x_average))) / OUTSIDE)

    def penalty(self, x_hat: Tensor, seen: Tensor | None = None) -> Tensor | None:
        """Return the weighted mean squared distance of A(x_hat) to c."""
        del seen
        return self.centering * self.bounds.power_apart(x_hat) if self.centering else None

    def agree(self, x: Tensor, seen: Tensor | None = None) -> Tensor:
        """Move each coefficient of x to the nearest value that is rounded to c."""
        del seen
        return self.bounds.nearest(x).clamp(0, 1)

    def classical(self, seen: Tensor | None = None) -> Tensor | None:
        """The mean of the classical methods, which is better than both."""
        del seen
        return self._mean()

    @property
    def is_polished(self) -> bool:
        """Always."""
        return True

    def polished(self, x: Tensor, seen: Tensor | None = None) -> Tensor:
        """Make similar patches alike while the image stays well within the bounds."""
        del seen
        changed = self._mean() - self.y
        first = max(CHANGED * GREY_LEVELS * float(changed.square().mean().sqrt()), LEAST)
        sigmas = fading(first, first / FADING, PASSES)
        return self._well_within(polish(x, self._well_within, PATCHES, sigmas))

    def _well_within(self, x: Tensor, sigma: float = 0.0) -> Tensor:
        del sigma
        return self.bounds.nearest(x, AGREED).clamp(0, 1)

    def _of_part(self, tile: Tile) -> "CompressedImage":
        part = self.coefficients.cut(*tile.slices())
        return CompressedImage(tile.cut(self.y), part, centering=self.centering)


def asked(
    y: Tensor,
    coefficients: Coefficients,
    x: Tensor | None,
    *,
    bounds: bool,
    centering: float,
) -> Problem:
    """Make the problem: from the coefficients if their bounds count, otherwise from the pixels."""
    if bounds:
        return CompressedImage(y, coefficients, x, centering=centering)
    return DecodedImage(y, coefficients, x)


def problem(given: Given, keys: Mapping[str, Any]) -> Problem:
    """Make the problem that the command's keys describe."""
    x, wanted = given.x, {name: keys[name] for name in ("bounds", "centering")}
    if x is not None:
        if x.shape[1] not in CHANNELS:
            raise UserError(
                f"image={keys['image']}: has {x.shape[1]} channels, expected gray or RGB, which "
                "JPEG holds"
            )
        made = compress(x, keys["quality"], keys["subsampling"])
        return asked(made.pixels, made.coefficients, x, **wanted)
    assert given.y is not None  # noqa: S101 - one of the two is given
    assert given.coefficients is not None  # noqa: S101 - read beside y
    return asked(given.y, given.coefficients, None, **wanted)


def _read(file: object) -> Compressed:
    if not isinstance(file, str | Path):
        raise UserError(f"file: is of type {type(file).__name__}, expected the path of a JPEG file")
    return read_jpeg(Path(file).expanduser(), "file")


class JPEGDecompression(DeepImagePrior):
    """Decode a JPEG file without the artefacts of its compression.

    The file sets bounds for each coefficient of the image; the network finds an image within all of
    them.

    Args:
        file: path of a JPEG file, gray or YCbCr; or what `images.jpeg.read_jpeg` read from one.
        x: ground truth, (1, C, H, W) in [0, 1], for metrics only.
        bounds: fit within the bounds of the file; False: fit the decoded image, as the paper does.
        centering: with bounds, weight of the mean squared distance to their middle, the file's own
            coefficients, added to the loss.
        fit: see `DeepImagePrior` and `FitSettings`.

    Raises:
        UserError: an argument is not allowed, or the file is not such a JPEG.

    Source: after Bredies & Holler, "Artifact-free JPEG decompression with total generalized
        variation", 2012, who minimise total variation within the same bounds.

    Example:
        >>> import torch
        >>> from dip_lightning import JPEGDecompression
        >>> prior = JPEGDecompression.simulate(torch.rand(1, 3, 20, 24), quality=30)
        >>> prior.problem.shape
        (3, 20, 24)
    """

    def __init__(
        self,
        file: str | Path | Compressed,
        *,
        x: Tensor | None = None,
        bounds: bool = True,
        centering: float = CENTERING,
        **fit: Any,
    ) -> None:
        check_amount(centering, "centering")
        x = None if x is None else checked(x, "x")
        found = file if isinstance(file, Compressed) else _read(file)
        own: dict[str, Any] = {"bounds": bounds, "centering": centering}
        super().__init__(asked(found.pixels, found.coefficients, x, **own), **fit)
        self.save_hyperparameters(own)

    @classmethod
    def simulate(
        cls, x: Tensor, quality: int = QUALITY, subsampling: str = SUBSAMPLING, **fit: Any
    ) -> Self:
        """Compress x, (1, C, H, W) in [0, 1], as Pillow does, and keep it for metrics.

        Args:
            x: ground truth, gray or RGB.
            quality: 1 to 100.
            subsampling: of the colours: "4:4:4", "4:2:2" or "4:2:0".
            fit: see `DeepImagePrior` and `FitSettings`.
        """
        x = checked(x, "x")
        return cls(compress(x, quality, subsampling), x=x, **fit)
