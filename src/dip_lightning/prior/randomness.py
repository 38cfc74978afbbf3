"""Random draws: the same seed gives the same fit, whatever else is drawn."""

import zlib

import torch


def source(
    purpose: str, seed: int, device: torch.device | str = "cpu", *, part: str = ""
) -> torch.Generator:
    """Return a source of randomness of its own for each purpose.

    Args:
        purpose: such as "weights"; another purpose, other draws.
        seed: of the fit.
        device: where it draws.
        part: name of a part of the image that is fitted by itself; empty for the whole.
    """
    value = zlib.crc32(f"{purpose} {seed}{part}".encode())
    return torch.Generator(device).manual_seed(value)
