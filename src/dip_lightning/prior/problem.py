"""The problem: an observation y, and the operator A that made it from the image x."""

from collections.abc import Callable
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from dip_lightning.errors import UserError
from dip_lightning.limits import GREY_LEVELS
from dip_lightning.losses import masked_mse, mse
from dip_lightning.noise import Noise, estimate_noise
from dip_lightning.operators import clipped_noise_power
from dip_lightning.operators.physics import Operator, noise_free
from dip_lightning.prior.arguments import (
    check_amount,
    check_default,
    check_tensor,
    checked,
    is_a_pair,
    is_a_shape,
)
from dip_lightning.prior.tiles import Lattice, Tile
from dip_lightning.prior.unknown import Unknown

CLEAN = 1 / 255  # noise up to here is as good as none
VISIBLE = 3 / 255  # noise below is left as it is, where the task is another
Loss = Callable[[Tensor, Tensor], Tensor]


class Problem(nn.Module):
    """An observation y = A(x) + n, from which x is to be found.

    Args:
        y: observation, of the shape that A returns.
        A: differentiable function or module from x, (1, C, H, W) in [0, 1], to y's shape; for a
            `deepinv` Physics, its noise-free part is used. None: y is the noisy image itself.
        shape: (C, H, W) of x; None: that of the ground truth, or of y.
        x: ground truth, (1, C, H, W) in [0, 1]. Results are compared with it; the loss never
            sees it.
        known: which values of y count, 0 or 1, of y's shape or one that broadcasts to it; None:
            all.
        loss: (A(x_hat), y) -> scalar; None: mean(known |A(x_hat) - y|^2).
        y_noise_std: standard deviation of n, in the units of y; None: unknown.
        margins: rows and columns at either end of the fitted x that A needs but results do not
            show; `shape` includes them, all results and the ground truth do not.

    Raises:
        UserError: the shapes do not match, or there are several images.

    Example:
        >>> import torch
        >>> from dip_lightning import Problem
        >>> def mean_of_rows(x):
        ...     return x.mean(3)
        >>> y = torch.rand(1, 3, 20)
        >>> Problem(y, A=mean_of_rows, shape=(3, 20, 30)).loss(torch.zeros(1, 3, 20, 30)).shape
        torch.Size([])
    """

    reach: ClassVar[int] = 0  # outermost pixels of y that A computes from beyond the border of x
    scale = 1  # pixels of x for each of y, along each axis
    has_guide = False  # whether a classical method can lead the fit, see `guide`
    is_noisy = False  # whether its noise is what is to be removed
    keep_known = False  # whether the result takes the known pixels from y
    is_clipped = False  # whether y was clipped to [0, 1] after its noise was added
    noise_is_white = True  # whether n is independent in neighbouring values
    peak: float | None = None  # photons at y = 1, where n is that of counting them
    noise_is_told = True  # whether its level was given, not estimated
    is_held_out = False  # whether `known` lacks what a loss is not to see: of a tile
    y: Tensor
    x: Tensor | None
    known: Tensor | None

    def __init__(
        self,
        y: Tensor,
        A: Operator | None = None,  # noqa: N803 - as everybody writes
        *,
        shape: tuple[int, int, int] | None = None,
        x: Tensor | None = None,
        known: Tensor | None = None,
        loss: Loss | None = None,
        y_noise_std: float | None = None,
        margins: tuple[int, int] = (0, 0),
    ) -> None:
        super().__init__()
        y, known = _measured(y, known, is_weighed=loss is None)
        x = None if x is None else checked(x, "x")
        if not is_a_pair(margins):
            raise UserError(f"margins={margins}: expected rows and columns, 0 or more, as (2, 2)")
        check_amount(y_noise_std, "y_noise_std")
        if shape is None:
            like = y if x is None or A is None else x
            if like.ndim != 4:  # noqa: PLR2004 - (1, C, H, W)
                raise UserError(f"shape=None: y is {tuple(like.shape)}; give shape=(C, H, W) of x")
            height, width = (n + 2 * m for n, m in zip(like.shape[2:], margins, strict=True))
            shape = (like.shape[1], height, width)
        if not is_a_shape(shape):
            raise UserError(f"shape={shape}: expected (C, H, W) of x")
        channels, height, width = shape
        self.shape, self.margins = (channels, height, width), margins
        if min(self.frame) < 1:
            raise UserError(f"margins={margins}: nothing is left of an image of {shape}")
        for name, image in (("x", x), ("y", y if A is None else None)):
            if image is not None and tuple(image.shape) != (1, *self.frame):
                raise UserError(
                    f"{name}: is {tuple(image.shape)}, expected {(1, *self.frame)}; a fit restores "
                    "one image, several take a fit each"
                )
        self.physics = A if isinstance(A, nn.Module) else None  # moved along with y
        self.A: Operator = nn.Identity() if A is None else noise_free(A)
        self.own_loss, self.y_noise_std = loss, y_noise_std
        # What of A is to be found beside x: its parameters are fitted, its state is the fit's.
        self.unknown: Unknown | None = None
        for name, held in (("y", y), ("x", x), ("known", known)):
            # A copy: the given tensor may be a buffer that is filled anew.
            self.register_buffer(name, None if held is None else held.detach().clone())

    @property
    def frame(self) -> tuple[int, int, int]:
        """(C, H, W) of the results: x without its margins."""
        (channels, *sides), margins = self.shape, self.margins
        height, width = (side - 2 * margin for side, margin in zip(sides, margins, strict=True))
        return channels, height, width

    def framed(self, image: Tensor) -> Tensor:
        """Cut the margins off an image, (1, C, H, W)."""
        if not any(self.margins):
            return image
        rows, columns = (
            slice(margin, side - margin)
            for side, margin in zip(image.shape[-2:], self.margins, strict=True)
        )
        return image[..., rows, columns]

    def widened(self, image: Tensor) -> Tensor:
        """Continue an image, (1, C, H, W), into the margins by its nearest pixels."""
        rows, columns = self.margins
        return pad(image, (columns, columns, rows, rows), mode="replicate")

    @property
    def lattice(self) -> Lattice:
        """Where tiles may end: at whole pixels of y."""
        return (self.scale, 0), (self.scale, 0)

    @property
    def mask(self) -> Tensor | None:
        """Known pixels of x, (1, 1 or C, H, W), 0 or 1; None where none is missing."""
        return None

    def loss(self, x_hat: Tensor, seen: Tensor | None = None) -> Tensor:
        """Return how far A(x_hat) is from y.

        Args:
            x_hat: (1, C, H, W) in [0, 1].
            seen: which values of y the loss may see, as `known`; None: all that are known.

        Returns:
            A scalar.

        Raises:
            UserError: A returns another shape than y's.
        """
        estimate, seen = self.A(x_hat), self.known if seen is None else seen
        if estimate.shape != self.y.shape:
            raise UserError(
                f"A: returns {tuple(estimate.shape)} for an image of shape {tuple(x_hat.shape)}, "
                f"but y is {tuple(self.y.shape)}"
            )
        if self.own_loss is not None:
            return self.own_loss(estimate, self.y)
        return mse(estimate, self.y) if seen is None else masked_mse(estimate, self.y, seen)

    def distance(self, x: Tensor, seen: Tensor | None = None) -> Tensor:
        """Return what `noise_power` is compared with: the loss, or the MSE if the loss is your own.

        Args:
            x: (1, C, H, W) in [0, 1].
            seen: which values of y count, as `known`; None: all that are known.
        """
        return self.loss(x, seen) if self.own_loss is None else mse(self.A(x), self.y)

    def penalty(self, x_hat: Tensor, seen: Tensor | None = None) -> Tensor | None:
        """Return what the fit is to keep small besides the loss, a scalar; None: nothing.

        Args:
            x_hat: (1, C, H, W) in [0, 1].
            seen: which values of y it may see, as `known`; None: all that are known.
        """
        del x_hat, seen
        return None

    def objective(self, x_hat: Tensor, seen: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return the loss, and what the fit minimises: the loss plus its penalty.

        Args:
            x_hat: (1, C, H, W) in [0, 1].
            seen: which values of y it may see, as `known`; None: all that are known.
        """
        loss, penalty = self.loss(x_hat, seen), self.penalty(x_hat, seen)
        return loss, loss if penalty is None else loss + penalty

    def error(self, image: Tensor) -> Tensor:
        """Return the mean squared error of an image with x's margins, a scalar."""
        assert self.x is not None  # noqa: S101 - who asks has a ground truth
        return mse(self.framed(image), self.x)

    def compared(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Return an image in the results' frame, and the ground truth to compare it with."""
        assert self.x is not None  # noqa: S101 - who asks has a ground truth
        return image, self.x

    @property
    def found_kernel(self) -> Tensor | None:
        """The kernel found with the image, (kh, kw); None: none was looked for."""
        return None

    def findings(self) -> dict[str, Any]:
        """Return what the fit has found besides the image, for metrics.json."""
        return {}

    def diagnosis(self) -> str | None:
        """Return a word for what is wrong with anything found besides the image; see `health`."""
        return None

    @property
    def guide_noise_std(self) -> float:
        """Standard deviation of the noise of y, if the guide has all of it."""
        return 0.0

    @property
    def guide_is_faulty(self) -> bool:
        """Whether the guide shows what must not be copied: noise, or faults of an unknown in A."""
        return (self.y_noise_std or 0) > CLEAN or self.unknown is not None

    @property
    def fit_weight(self) -> float | None:
        """Fixed weight of the fit against the classical method; None: none is fixed."""
        return None

    def weight_for(self, x_average: Tensor, classical: Tensor) -> float | None:
        """Return that weight for these two images, (1, C, H, W); it may depend on them."""
        del x_average, classical
        return self.fit_weight

    @property
    def takes_long(self) -> bool:
        """Whether the classical methods take more than a minute, or more than two gigabytes."""
        return False

    def as_stored(self, values: Tensor) -> Tensor:
        """Return values of y, such as y itself, as the file of an observation holds them."""
        return values

    def shown(self) -> Tensor:
        """Return y as an image to look at, (1, C, h, w) in [0, 1]."""
        return self.y

    def complete(self, x_hat: Tensor, seen: Tensor | None) -> Tensor:
        """Return the image to show: the network's output, with known pixels pasted if wanted."""
        del seen
        return x_hat

    def classical(self, seen: Tensor | None = None) -> Tensor | None:
        """Return what a classical method makes of y, to be weighed against the fit.

        Args:
            seen: which values of y it may see, as `known`; None: all that are known.

        Returns:
            (1, C, H, W) in [0, 1]; None: there is none for which a weight could be found.
        """
        del seen
        return None

    def guide(self, seen: Tensor | None = None) -> Tensor:
        """Return what a classical method makes of y, for the network to see, (1, C, H, W).

        It has the margins of x.

        Args:
            seen: which values of y it may see, as `known`; None: all that are known.

        Raises:
            UserError: there is none; see `has_guide`.
        """
        del seen
        raise UserError("guide: only for tasks with a classical method; leave it out")

    def agree(self, x: Tensor, seen: Tensor | None = None) -> Tensor:
        """Return x, (1, C, H, W), corrected to agree with y, if the task calls for it.

        Args:
            x: image, in [0, 1].
            seen: which values of y to agree with, as `known`; None: all that are known.
        """
        del seen
        return x

    @property
    def is_polished(self) -> bool:
        """Whether the result is to be `polished`."""
        return False

    def polished(self, x: Tensor, seen: Tensor | None = None) -> Tensor:
        """Return x with its similar patches made alike; arguments as for `agree`."""
        del seen
        return x

    def find_noise(self, sigma: float | None = None) -> Self:
        """Set the noise of y, at which the fit ends, to white noise of sigma. Returns itself.

        Args:
            sigma: 8-bit grey levels; 0: there is none; None: estimate it from y.
        """
        if sigma is not None:
            if sigma:
                self.y_noise_std, self.is_clipped = sigma / GREY_LEVELS, True
            return self
        # Other noise is not told from texture for certain.
        noise = self.estimate_noise()
        if noise.is_white and noise.std is not None and noise.std >= VISIBLE:
            self.y_noise_std, self.noise_is_told = noise.std, False
        return self

    def estimate_noise(self) -> Noise:
        """Estimate the noise of y from y alone."""
        return estimate_noise(self.y, self.known)

    def noise_power(self, x: Tensor, seen: Tensor | None = None) -> float | None:
        """Return the loss that n alone leaves: its mean square, if x is the image.

        Args:
            x: (1, C, H, W) in [0, 1].
            seen: which values of y the loss sees; None: all that are known.

        Returns:
            None where the noise is unknown.
        """
        if self.y_noise_std is None:
            return None
        # The loss is divided by all values of y, not by those that it sees.
        seen = self.known if seen is None else seen
        if self.is_clipped:
            return float(clipped_noise_power(self.A(x), self.y_noise_std, seen))
        return self.y_noise_std**2 * (1.0 if seen is None else float(seen.mean()))

    def baselines(self) -> dict[str, Callable[[], Tensor]]:
        """Name the classical methods for this problem, the usual one first.

        Each computes its result, (1, C, H, W) in [0, 1].
        """
        return {}

    def stand_in(self) -> Tensor:
        """Return what to show where nothing was fitted, (1, C, H, W)."""
        return self.y if self.y.shape[1:] == self.frame else self.y.new_zeros(1, *self.frame)

    @property
    def has_goal(self) -> bool:
        """Whether the loss of x itself is known: then the fit ends there."""
        return self.y_noise_std is not None

    @property
    def sees_all(self) -> bool:
        """Whether no value of y can be hidden from the loss."""
        return self.own_loss is not None

    def known_values(self) -> Tensor:
        """Return which values of y are known, 0 or 1: of y's last two axes, and broadcasting."""
        known = self.y.real.new_ones((1,) * self.y.ndim) if self.known is None else self.known
        known = known if known.ndim == self.y.ndim else known.expand_as(self.y)
        return known.expand(*known.shape[:-2], *self.y.shape[-2:])

    def hold_out(self, share: float, draw: torch.Generator) -> Tensor:
        """Return which known values of y a loss may see, as `known`.

        Args:
            share: of the known values, to hide from the loss.
            draw: source of randomness, on the CPU.

        Raises:
            UserError: none is left, or none is held out.
        """
        if self.is_held_out:
            return self.known_values()
        seen = self.draw_seen(self.known_values(), share, draw)
        if seen is None:
            raise UserError(
                f"holdout={share}: of this image's known pixels, expected some to be left and some "
                "to be held out; choose another fraction"
            )
        return seen

    @staticmethod
    def draw_seen(known: Tensor, share: float, draw: torch.Generator) -> Tensor | None:
        """Leave out a share of the known values; None: none would be left, or none left out."""
        kept = torch.rand(known.shape[-2:], generator=draw) < 1 - share
        seen = known * kept.to(known)
        return seen if seen.any() and not torch.equal(seen, known) else None

    def keep_back(self, seen: Tensor, share: float, draw: torch.Generator) -> Tensor | None:
        """Leave out values that are as hard to predict as the unknown ones; see `draw_seen`.

        Raises:
            UserError: there is no classical method to weigh with them.
        """
        del seen, draw
        raise UserError(
            f"validation={share}: only for tasks that fill missing pixels; leave it out"
        )

    def cut(self, tile: Tile, seen: Tensor | None = None) -> Self:
        """Return the problem for a tile; a subclass says in `_of_part` what A and y are there.

        Args:
            tile: the part.
            seen: which values of y the loss may see; None: all that are known.
        """
        part = self._of_part(tile)
        part.x = None if self.x is None else tile.cut(self.x)
        part.is_held_out = seen is not None
        seen = self.known if seen is None else seen
        if self.reach:
            # There the operator would see the tile's own padding in place of the neighbour.
            seen = self.y.new_ones(1, 1, *self.y.shape[2:]) if seen is None else seen
            part.known = tile.inner(tile.cut(seen, self.scale), self.reach)
        elif seen is not None:
            part.known = tile.cut(seen, self.scale)
        part.y_noise_std, part.is_clipped = self.y_noise_std, self.is_clipped
        part.noise_is_white = self.noise_is_white
        return part

    @property
    def has_tiles(self) -> bool:
        """Whether a large image can be fitted in tiles."""
        return type(self)._of_part is not Problem._of_part  # noqa: SLF001 - its own

    def _of_part(self, tile: Tile) -> Self:
        del tile
        raise UserError("tile: this task cannot be fitted in tiles; leave tile out")


def _measured(y: Tensor, known: Tensor | None, *, is_weighed: bool) -> tuple[Tensor, Tensor | None]:
    """Check y and `known`; return y with 0 for what is not a number, as 0 times NaN is NaN."""
    check_default()
    check_tensor(y, "y")
    if known is not None:
        check_tensor(known, "known")
    if not (y.is_floating_point() or y.is_complex()):
        raise UserError(f"y: holds {y.dtype}, expected floats, such as y.float() / 255")
    is_finite = y.isfinite()
    if not is_weighed and not (known is None and is_finite.all()):
        given = "y: has values that are not finite" if known is None else "known"
        raise UserError(f"{given}: a loss of your own has to leave out what is unknown by itself")
    if not is_finite.all():
        known = is_finite if known is None else known * is_finite
        y = torch.where(is_finite, y, torch.zeros_like(y))
    if known is None:
        return y, None
    known = known.to(y.real.dtype)
    try:
        known.expand_as(y)
    except RuntimeError:
        raise UserError(
            f"known: is {tuple(known.shape)}, expected y's shape, {tuple(y.shape)}, or one that "
            "broadcasts to it"
        ) from None
    if not ((known == 0) | (known == 1)).all() or not known.any():
        least, most = known.aminmax()
        raise UserError(f"known: has values from {least:g} to {most:g}, expected 0 and 1")
    return y, known
