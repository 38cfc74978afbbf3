"""What came with an image's pixels."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Metadata:
    """What came with an image's pixels."""

    def cropped(self, top: int, left: int, size: Iterable[int]) -> "Metadata":
        """Cut."""
        return self
