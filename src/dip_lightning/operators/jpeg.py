"""JPEG: the coefficients that its quantisation rounds, and what a file says about them."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dip_lightning.errors import UserError

SIDE = 8  # of a block, samples
NARROWED = 0.5  # share of the bounds in which classical methods look: docs/jpeg.md
RGB = 3
# Y, Cb and Cr of red, green and blue, as JFIF has them; Cb and Cr of gray are 0.
KR, KB = 0.299, 0.114
YCBCR = (
    (KR, 1 - KR - KB, KB),
    (-KR / (2 - 2 * KB), (KR + KB - 1) / (2 - 2 * KB), 0.5),
    (0.5, (KR + KB - 1) / (2 - 2 * KR), -KB / (2 - 2 * KR)),
)
Ratio = tuple[int, int]
BELOW = (0, 1)  # see `JPEG`


class JPEG(nn.Module):
    """Compute the coefficients of a JPEG file before they are rounded.

    RGB becomes Y, Cb and Cr, each the mean over `ratios` pixels, and each block of 8 x 8 of these
    samples its orthonormal DCT. As in libjpeg, an image is continued by its nearest pixels beyond
    its border, and below the last group of rows by its nearest samples.

    Args:
        ratios: rows and columns of pixels per sample, for each component.
        origin: place of the first pixel in the grid of the largest blocks, rows and columns.
        end: where the last row of the file is: axis (0: rows) and side (0: before, 1: after).

    Source: ITU-T T.81 and T.871.

    Example:
        >>> import torch
        >>> from dip_lightning.operators import JPEG
        >>> A = JPEG([(1, 1), (2, 2), (2, 2)])  # 4:2:0
        >>> A(torch.rand(1, 3, 20, 30)).shape  # 32 x 32 samples of Y, 16 x 16 of Cb and of Cr
        torch.Size([1, 1536])
    """

    basis: Tensor
    matrix: Tensor
    inverse: Tensor

    def __init__(
        self, ratios: Sequence[Ratio], origin: Ratio = (0, 0), end: tuple[int, int] = BELOW
    ) -> None:
        super().__init__()
        self.ratios, self.origin, self.end = tuple(ratios), origin, end
        k, i = torch.arange(SIDE, dtype=torch.float64)[:, None], torch.arange(SIDE) + 0.5
        basis = math.sqrt(2 / SIDE) * torch.cos(math.pi / SIDE * k * i)
        basis[0] /= math.sqrt(2)
        self.register_buffer("basis", basis.float(), persistent=False)
        matrix = torch.tensor(YCBCR if len(self.ratios) == RGB else ((1.0,),))
        self.register_buffer("matrix", matrix, persistent=False)
        inverse = torch.linalg.inv(matrix.double()).float()
        self.register_buffer("inverse", inverse, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Transform x.

        Args:
            x: image, (1, C, H, W), gray or RGB as there are components, any range.

        Returns:
            (1, N), same range: the components one after the other, each as `planes` cuts it.

        Raises:
            UserError: x has another number of channels.
        """
        if x.ndim != 4 or x.shape[1] != len(self.ratios):  # noqa: PLR2004 - (1, C, H, W)
            expected = len(self.ratios)
            raise UserError(f"x: is {tuple(x.shape)}, expected (1, {expected}, H, W)")
        x = torch.einsum("kc,bchw->bkhw", self.matrix.to(x.dtype), x)
        planes = [self._transformed(samples, self.basis) for samples in self._sampled(x)]
        return torch.cat([plane.flatten(1) for plane in planes], 1)

    def repeats(self, size: Ratio) -> Tensor:
        """Return how often samples count a pixel, 1 or more: those at the border are continued.

        With T = 1 / repeats, A T A' has no eigenvalue above 1, as A has where nothing is continued.

        Args:
            size: (H, W) of the image.

        Returns:
            (1, 1, H, W), the most of all components.
        """
        components = torch.ones(1, len(self.ratios), *size, device=self.basis.device)
        samples, adjoint = torch.func.vjp(self._sampled, components)[:2]
        (counts,) = adjoint([torch.ones_like(plane) for plane in samples])
        most: Tensor = counts.amax(1, keepdim=True).clamp(min=1)
        return most

    def _sampled(self, components: Tensor) -> list[Tensor]:
        """Take the samples of Y, Cb and Cr, (1, K, H, W), continued to whole blocks."""
        of_pixels, of_samples = self._continued(components.shape[2:])
        continued = F.pad(components, of_pixels, mode="replicate")
        planes = []
        for k, (rows, columns) in enumerate(self.ratios):
            plane = continued[:, k : k + 1]
            plane = F.avg_pool2d(plane, (rows, columns)) if max(rows, columns) > 1 else plane
            ends = zip(of_samples, (columns, columns, rows, rows), strict=True)
            planes.append(F.pad(plane, [n // pixels for n, pixels in ends], mode="replicate"))
        return planes

    def lift(self, coefficients: Tensor, size: Ratio) -> Tensor:
        """Return an image with these coefficients: A(lift(c)) = c, if no block crosses a border.

        Args:
            coefficients: (1, N), as `forward` returns them.
            size: (H, W) of the image.

        Returns:
            (1, C, H, W), same range.
        """
        planes = [
            self._transformed(plane, self.basis.T)
            .repeat_interleave(ratio[0], 2)
            .repeat_interleave(ratio[1], 3)
            for plane, ratio in zip(self.planes(coefficients, size), self.ratios, strict=True)
        ]
        image = torch.einsum(
            "kc,bchw->bkhw", self.inverse.to(planes[0].dtype), torch.cat(planes, 1)
        )
        above, left = self.origin
        return image[..., above : above + size[0], left : left + size[1]]

    def planes(self, coefficients: Tensor, size: Ratio) -> list[Tensor]:
        """Cut coefficients, (1, N), into components, (1, 1, h, w), with each block in its place."""
        shapes = [(1, 1, *shape) for shape in self.shapes(size)]
        parts = torch.split(coefficients, [math.prod(shape) for shape in shapes], 1)
        return [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]

    def shapes(self, size: Ratio) -> list[Ratio]:
        """Return (h, w) of each component of an image of (H, W), in samples."""
        padded = [sum(ends) + side for ends, side in zip(self._beyond(size), size, strict=True)]
        return [(padded[0] // rows, padded[1] // columns) for rows, columns in self.ratios]

    def _beyond(self, size: Sequence[int]) -> tuple[Ratio, Ratio]:
        """Return how many rows and columns lie beyond the borders of an image, at either end."""
        rows, columns = (
            (before, -(before + side) % step)
            for before, side, step in zip(self.origin, size, steps(self.ratios), strict=True)
        )
        return rows, columns

    def _continued(self, size: Sequence[int]) -> tuple[list[int], list[int]]:
        """Return what continues an image left, right, above, below: pixels, then samples."""
        (above, below), (left, right) = self._beyond(size)
        of_pixels, of_samples = [left, right, above, below], [0, 0, 0, 0]
        axis, side = self.end
        place, group = (2, 0)[axis] + side, max(ratio[axis] for ratio in self.ratios)
        of_samples[place] = of_pixels[place] // group * group
        of_pixels[place] -= of_samples[place]
        return of_pixels, of_samples

    @staticmethod
    def _transformed(plane: Tensor, basis: Tensor) -> Tensor:
        basis = basis.to(plane.dtype)
        height, width = plane.shape[2:]
        blocks = plane.reshape(-1, height // SIDE, SIDE, width // SIDE, SIDE)
        return torch.einsum("ki,bricj,lj->brkcl", basis, blocks, basis).reshape(plane.shape)


def steps(ratios: Sequence[Ratio]) -> Ratio:
    """Return rows and columns of pixels after which the grid of all components repeats."""
    return SIDE * max(rows for rows, _ in ratios), SIDE * max(columns for _, columns in ratios)


@dataclass(frozen=True)
class Coefficients:
    """What a JPEG file says about an image: its coefficients, give or take half a step.

    Attributes:
        planes: coefficients of each component, (h, w), each block in its place; the grid begins at
            or above and left of the image, and ends at or below and right of it.
        known: which of them the file holds, (h, w), 0 or 1.
        tables: the step of each frequency, for each component, (8, 8).
        ratios: see `JPEG`.
        origin: see `JPEG`.
        size: (H, W) of the image.
        end: see `JPEG`.
    """

    planes: tuple[Tensor, ...]
    known: tuple[Tensor, ...]
    tables: tuple[Tensor, ...]
    ratios: tuple[Ratio, ...]
    origin: Ratio
    size: Ratio
    end: tuple[int, int] = BELOW

    @property
    def operator(self) -> JPEG:
        """A, which gives an image's coefficients."""
        return JPEG(self.ratios, self.origin, self.end)

    @property
    def lattice(self) -> tuple[Ratio, Ratio]:
        """Where blocks of all components begin together: see `tiles.Lattice`."""
        (rows, columns), (above, left) = steps(self.ratios), self.origin
        return (rows, above), (columns, left)

    def flat(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return coefficients, steps and which are known, (1, N) each, as `JPEG` orders them."""
        steps = (
            _tiled(table, plane) for table, plane in zip(self.tables, self.planes, strict=True)
        )
        return _joined(self.planes), _joined(steps), _joined(self.known)

    def noise_std(self) -> float:
        """Estimate how far rounding has moved a pixel, as a standard deviation.

        A coefficient that is not 0 is off by q / sqrt(12), where q is its step. One that has become
        0 was less than h = q / 2. Its frequency is taken to have a Laplacian distribution, with a
        share p beyond h, and so with the scale b = h / log(1 / p). Then its variance was

            (2 b^2 - p (h^2 + 2 h b + 2 b^2)) / (1 - p).

        A frequency that is 0 in all blocks does not count, nor does the colour detail that
        subsampling has removed.

        Returns:
            In the units of the planes, mean over the channels.

        Source: Lam & Goodman, "A Mathematical Analysis of the DCT Coefficient Distributions for
        Images", 2000.
        """
        weights = self.operator.inverse.double().square().mean(0)
        pairs = zip(self.planes, self.tables, strict=True)
        lost = torch.stack([_rounded_off(plane, table) for plane, table in pairs])
        return float((weights * lost).sum().sqrt())

    def quantised(self, x: Tensor, origin: Ratio) -> Tensor:
        """Return an image after compression with the same tables.

        Args:
            x: image, (1, C, H, W), in the units of the planes.
            origin: of its blocks.
        """
        size = (x.shape[2], x.shape[3])
        operator = JPEG(self.ratios, origin).to(x.device)
        planes = []
        found = zip(operator.planes(operator(x), size), self.planes, self.tables, strict=True)
        for plane, held, table in found:
            # All values of a frequency lie on one lattice, which only for DC has no 0.
            offset = torch.zeros_like(table)
            offset[0, 0] = held[0, 0]
            step, offset = (_tiled(block, plane[0, 0]).to(x.device) for block in (table, offset))
            planes.append((((plane - offset) / step).round() * step + offset).flatten(1))
        return operator.lift(torch.cat(planes, 1), size).clamp(0, 1)

    def ranged(self, low: float, high: float) -> "Coefficients":
        """Return the coefficients for an image in which low has become 0, and high 1."""
        planes = [plane / (high - low) for plane in self.planes]
        planes[0][::SIDE, ::SIDE] -= SIDE * low / (high - low)
        tables = tuple(table / (high - low) for table in self.tables)
        return replace(self, planes=tuple(planes), tables=tables)

    def turned(self, orientation: int) -> "Coefficients":
        """Return the coefficients of the image turned upright, by its EXIF orientation."""
        found = self
        if orientation in {5, 6, 7, 8}:
            found = found.transposed()
        if orientation in {3, 4, 7, 8}:
            found = found.flipped()
        if orientation in {2, 3, 6, 7}:
            found = found.transposed().flipped().transposed()
        return found

    def transposed(self) -> "Coefficients":
        """Return the coefficients of the image with rows and columns exchanged."""
        planes, known, tables = (
            tuple(plane.T.contiguous() for plane in planes)
            for planes in (self.planes, self.known, self.tables)
        )
        ratios = tuple((columns, rows) for rows, columns in self.ratios)
        origin, size = self.origin[::-1], self.size[::-1]
        end = 1 - self.end[0], self.end[1]
        return Coefficients(planes, known, tables, ratios, origin, size, end)

    def flipped(self) -> "Coefficients":
        """Return the coefficients of the image upside down: odd frequencies change their sign."""
        signs = (-1.0) ** torch.arange(SIDE)[:, None]
        planes = tuple(_upside_down(plane) * _tiled(signs, plane) for plane in self.planes)
        known = tuple(_upside_down(plane) for plane in self.known)
        below = -(self.origin[0] + self.size[0]) % steps(self.ratios)[0]
        axis, side = self.end
        end = (axis, side if axis else 1 - side)
        return replace(self, planes=planes, known=known, origin=(below, self.origin[1]), end=end)

    def whole(self, rows: slice, columns: slice) -> tuple[slice, slice]:
        """Move rows and columns so that they cut through no block: up and left, and none more.

        They stay as they are where they hold no whole block.
        """
        found = []
        ends = zip((rows, columns), self.size, self.lattice, strict=True)
        for part, length, (step, begin) in ends:
            moved = (part.start + begin) % step if part.start else 0
            start, stop = max(0, part.start - moved), part.stop - moved
            stop -= (stop + begin) % step if part.stop < length else 0
            stop = stop if part.stop < length else length
            found.append(slice(start, stop) if stop > start else part)
        return found[0], found[1]

    def cut(self, rows: slice, columns: slice) -> "Coefficients":
        """Return the coefficients of a part of the image; blocks that are cut through are unknown.

        Args:
            rows: from the first to after the last.
            columns: likewise.
        """
        return self.of_rows(rows).transposed().of_rows(columns).transposed()

    def of_rows(self, rows: slice) -> "Coefficients":
        """Return the coefficients of some rows; see `cut`."""
        step = steps(self.ratios)[0]
        start, stop = self.origin[0] + rows.start, self.origin[0] + rows.stop
        first, last = start // step, -(-stop // step)
        planes, known = [], []
        for plane, held, (ratio, _) in zip(self.planes, self.known, self.ratios, strict=True):
            block, samples = SIDE * ratio, step // ratio
            uncut = held.clone()
            if rows.start > 0:
                uncut[: SIDE * -(-start // block)] = 0
            if rows.stop < self.size[0]:
                uncut[SIDE * (stop // block) :] = 0
            kept = slice(samples * first, samples * last)
            planes.append(plane[kept])
            known.append(uncut[kept])
        return replace(
            self,
            planes=tuple(planes),
            known=tuple(known),
            origin=(start % step, self.origin[1]),
            size=(rows.stop - rows.start, self.size[1]),
        )


class Bounds(nn.Module):
    """The bounds that a JPEG file sets for its coefficients: |A(x) - c| <= r, r = q / 2.

    Args:
        coefficients: what the file holds.
        y: image whose own coefficients count, exactly, where the file has no whole blocks,
            (1, C, H, W); None: nothing is known there.

    Example:
        >>> import torch
        >>> from dip_lightning.images.jpeg import compress
        >>> from dip_lightning.operators.jpeg import Bounds
        >>> x = torch.rand(1, 3, 16, 32)
        >>> bounds = Bounds(compress(x, 30, "4:2:0").coefficients)
        >>> grey = torch.full_like(x, 0.5)
        >>> bool(bounds.power(bounds.nearest(grey)) < 1e-6 < bounds.power(grey))
        True
    """

    centre: Tensor
    radius: Tensor
    held: Tensor

    def __init__(self, coefficients: Coefficients, y: Tensor | None = None) -> None:
        super().__init__()
        self.A = coefficients.operator
        centre, steps, held = coefficients.flat()
        radius = steps / 2
        if y is not None:
            centre, radius = torch.where(held > 0, centre, self.A(y.cpu())), held * radius
            held = torch.ones_like(held)
        self.count = float(held.sum())
        for name, values in (("centre", centre), ("radius", radius), ("held", held)):
            self.register_buffer(name, values, persistent=False)

    def power(self, x: Tensor) -> Tensor:
        """Return the mean squared distance of A(x) from the bounds, a scalar; x: (1, C, H, W)."""
        beyond = ((self.A(x) - self.centre).abs() - self.radius).clamp(min=0)
        power: Tensor = (beyond * self.held).square().sum() / self.count
        return power

    def power_apart(self, x: Tensor) -> Tensor:
        """Return the mean squared distance of A(x) to c."""
        apart = (self.A(x) - self.centre) * self.held
        power: Tensor = apart.square().sum() / self.count
        return power

    def nearest(self, x: Tensor, share: float = 1.0) -> Tensor:
        """Return x with each coefficient moved to the nearest value within the bounds.

        Args:
            x: image, (1, C, H, W).
            share: of r that counts.
        """
        found, radius = self.A(x), share * self.radius
        nearest = found.clamp(self.centre - radius, self.centre + radius)
        return x + self.A.lift((nearest - found) * self.held, (x.shape[2], x.shape[3]))


def _rounded_off(plane: Tensor, table: Tensor) -> Tensor:
    """Return the mean square of the rounding of a component, see `noise_std`."""
    q = table.double().flatten()
    blocks = plane.double().unfold(0, SIDE, SIDE).unfold(1, SIDE, SIDE).reshape(-1, SIDE * SIDE)
    kept = (blocks.abs() > q / 2).double()
    kept[:, 0] = 1  # the mean of a block counts from the range's own zero
    p = kept.mean(0)
    share = p.clamp(1e-9, 0.99)  # where p is 0 or 1, what follows counts for nothing
    h = q / 2
    b = -h / share.log()
    became_0 = (2 * b**2 - share * (h**2 + 2 * h * b + 2 * b**2)) / (1 - share)
    is_used = (p > 0).double()
    return (p * q**2 / 12 + is_used * (1 - p) * became_0).mean()


def _tiled(block: Tensor, plane: Tensor) -> Tensor:
    height, width = plane.shape
    return block.repeat(height // block.shape[0], width // block.shape[1])


def _joined(planes: Iterable[Tensor]) -> Tensor:
    return torch.cat([plane.flatten() for plane in planes])[None]


def _upside_down(plane: Tensor) -> Tensor:
    blocks = plane.reshape(-1, SIDE, plane.shape[1])
    return blocks.flip(0).reshape(plane.shape)
