"""What of an operator is not known, and is found beside the image."""

from abc import ABC, abstractmethod
from typing import Any

from torch import Tensor, nn


class Unknown(nn.Module, ABC):
    """A part of A that a fit is to find: its parameters are fitted with the network's.

    All of its state goes into checkpoints.

    Attributes:
        lr: its learning rate, which takes the same course as the network's.
    """

    lr: float

    @property
    def group(self) -> dict[str, Any]:
        """Its parameters and their rate, as an optimiser takes them."""
        return {"params": list(self.parameters()), "lr": self.lr}

    @abstractmethod
    def average(self, weight: Tensor) -> None:
        """Take what the last iteration has used into the average, as its output is taken.

        Nothing here may wait for the device, and all stays in place.

        Args:
            weight: of the last iteration, a scalar; 0 where its loss was not finite.
        """
