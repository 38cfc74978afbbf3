"""What a constructor is given: whether it can be used."""

import math
from numbers import Integral, Real

import torch
from torch import Tensor

from dip_lightning.errors import UserError

LOWEST, HIGHEST = -1.0, 2.0  # noise that was not clipped leaves [0, 1]


def is_a_pair(margins: object) -> bool:
    """Say whether something is rows and columns, 0 or more."""
    two = 2
    return (
        isinstance(margins, tuple)
        and len(margins) == two
        and all(isinstance(margin, int) and margin >= 0 for margin in margins)
    )


def is_a_shape(shape: object) -> bool:
    """Say whether something is (C, H, W), each 1 or more."""
    three = 3
    return (
        isinstance(shape, tuple | list)
        and len(shape) == three
        and all(isinstance(side, Integral) and int(side) >= 1 for side in shape)
    )


def checked(image: Tensor, name: str, low: float = LOWEST, high: float = HIGHEST) -> Tensor:
    """Copy a tensor that is one image with values in [0, 1], as far as noise lets it.

    Args:
        image: what was given.
        name: of the argument.
        low: least value.
        high: greatest value.

    Raises:
        UserError: it is none.
    """
    check_default()
    check_tensor(image, name)
    if image.ndim != 4 or image.shape[0] != 1:  # noqa: PLR2004 - (1, C, H, W)
        raise UserError(
            f"{name}: is {tuple(image.shape)}, expected (1, C, H, W); a fit restores one image, "
            "several take a fit each"
        )
    if not image.is_floating_point():
        raise UserError(f"{name}: holds {image.dtype}, expected floats in [0, 1]; or dip.restore()")
    least, greatest = (float(value) for value in image.aminmax())
    if not (least >= low and greatest <= high):
        expected = "0 to 1" if math.isfinite(high) else "0 or more"
        expected = expected if math.isfinite(low) else "finite ones"
        raise UserError(f"{name}: has values from {least:g} to {greatest:g}, expected {expected}")
    return image.detach().to(torch.float32, copy=True)


def check_tensor(image: object, name: str) -> None:
    """Check that what was given is a tensor.

    Args:
        image: what was given.
        name: of the argument.

    Raises:
        UserError: it is not.
    """
    if not isinstance(image, Tensor):
        raise UserError(f"{name}: is a {type(image).__name__}, expected a tensor; or dip.restore()")


def check_default() -> None:
    """Check that PyTorch makes tensors of float32, on the CPU, that can have gradients.

    Raises:
        UserError: it makes others.
    """
    if torch.is_inference_mode_enabled():
        raise UserError("torch.inference_mode(): is on, expected off, as a fit needs gradients")
    if torch.get_default_device().type != "cpu":
        raise UserError(
            f"torch.get_default_device(): is {torch.get_default_device()}, expected cpu, from "
            "where the Trainer moves a fit: torch.set_default_device(None); or dip.restore()"
        )
    if torch.get_default_dtype() != torch.float32:
        raise UserError(
            f"torch.get_default_dtype(): is {torch.get_default_dtype()}, expected torch.float32, "
            "in which a fit computes: torch.set_default_dtype(torch.float32); or dip.restore()"
        )


def check_amount(value: float | None, name: str) -> None:
    """Check that a number is 0 or more, and finite.

    Args:
        value: what was given; None: nothing was.
        name: of the argument.

    Raises:
        UserError: it is not.
    """
    if value is None:
        return
    if not isinstance(value, Real) or not 0 <= value < math.inf:
        raise UserError(f"{name}={value!r}: expected a number of 0 or more")


def check_count(value: int | None, name: str) -> None:
    """Check that a number is an integer of 1 or more.

    Args:
        value: what was given; None: nothing was.
        name: of the argument.

    Raises:
        UserError: it is not.
    """
    if value is not None and (not isinstance(value, Integral) or value < 1):
        raise UserError(f"{name}={value!r}: expected an integer of 1 or more")


def check_factor(value: int) -> None:
    """Check that an enlargement is an integer of 2 or more.

    Args:
        value: what was given.

    Raises:
        UserError: it is not.
    """
    if not isinstance(value, Integral) or value < 2:  # noqa: PLR2004
        raise UserError(f"factor={value!r}: expected an integer of 2 or more")
