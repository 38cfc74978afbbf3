"""What a fit has computed: its last output, the average, how sure they are, and the result."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from torch import Tensor

from dip_lightning.prior.problem import Problem

KEPT = ("x_hat", "x_average", "x_square", "combination.x", "combination.is_done")


def kept(state: Mapping[str, Any]) -> dict[str, Any]:
    """Leave of a module's state what the outputs are made of."""
    return {name: state[name] for name in KEPT}


@dataclass(frozen=True)
class Outputs:
    """Images of a fit, or of all tiles of an image, (1, C, H, W) each.

    Attributes:
        last: the last iterate.
        average: the averaged output.
        combined: the average combined with a classical method; the average where it was not.
        std: how much the iterates vary about the average, a standard deviation.
    """

    last: Tensor
    average: Tensor
    combined: Tensor
    std: Tensor

    @classmethod
    def of(cls, state: Mapping[str, Any], problem: Problem, seen: Tensor | None = None) -> Self:
        """Take them from the `state_dict()` of a `DeepImagePrior`, or what `kept` left of it.

        Args:
            state: that, as it is while the fit goes on.
            problem: what was asked; its margins are cut off.
            seen: which values of y the loss may see; None: all that are known.
        """
        average = state["x_average"]
        std = (state["x_square"] - average.square()).clamp(min=0).sqrt()
        last, average = (problem.complete(x, seen) for x in (state["x_hat"], average))
        combined = state["combination.x"] if state["combination.is_done"] else average
        found = map(problem.framed, (last, average, combined, std))
        return cls(*(image.clone() for image in found))  # the fit goes on in its own

    def cpu(self) -> Self:
        """Return copies on the CPU."""
        return type(self)(*(image.cpu() for image in self.images))

    @classmethod
    def same(cls, image: Tensor) -> Self:
        """Return one image, which is sure, in place of a fit's."""
        return cls(image, image, image, image.new_zeros(image.shape))

    def chosen(self, output: str) -> Tensor:
        """Return the result: "combined", "average" or "last"."""
        return {"combined": self.combined, "average": self.average, "last": self.last}[output]

    @property
    def images(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """All of them, in the order of the fields."""
        return self.last, self.average, self.combined, self.std
