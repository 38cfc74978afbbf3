import math

import numpy as np
import pytest
import torch

from dip_lightning.errors import UserError
from dip_lightning.operators import blur_kernel, disk_kernel, gaussian_kernel, motion_kernel

DRAWN = [
    gaussian_kernel(0.3),
    gaussian_kernel(1.6),
    disk_kernel(0.2),
    disk_kernel(3),
    disk_kernel(4.7),
    motion_kernel(9, 0),
    motion_kernel(15, 30),
]


def spread(kernel):
    """The second moments about the middle: vertical, horizontal, both, pixels^2."""
    rows, columns = (torch.arange(side) - side // 2 for side in kernel.shape)
    across = (kernel * rows[:, None] * columns).sum()
    return (kernel.sum(1) * rows**2).sum(), (kernel.sum(0) * columns**2).sum(), across


@pytest.mark.parametrize("kernel", DRAWN)
def test_is_positive_sums_to_one_and_has_a_middle(kernel):
    assert kernel.shape[0] % 2 == kernel.shape[1] % 2 == 1
    assert bool((kernel >= 0).all())
    assert float(kernel.sum()) == pytest.approx(1, abs=1e-6)
    torch.testing.assert_close(kernel, kernel.flip(0, 1))


def test_is_as_wide_as_it_says():
    vertical, horizontal, _ = spread(gaussian_kernel(2.0))
    assert float(vertical) == pytest.approx(4, rel=0.05)
    assert float(horizontal) == pytest.approx(4, rel=0.05)
    vertical, _, _ = spread(disk_kernel(5))
    assert float(vertical) == pytest.approx(25 / 4, rel=0.03)  # of a disk


def test_a_line_has_its_angle():
    _, _, across = spread(motion_kernel(15, 30))
    assert float(across) < 0  # upwards to the right, and rows count downwards
    vertical, horizontal, _ = spread(motion_kernel(15, 30))
    assert math.degrees(math.atan((vertical / horizontal).sqrt())) == pytest.approx(30, abs=3)


def test_a_given_one_is_normalised_and_gets_a_middle():
    kernel = blur_kernel(torch.tensor([[1, 3], [0, 4], [2, 2]], dtype=torch.uint8))
    expected = torch.tensor([[1.0, 3, 0], [0, 4, 0], [2, 2, 0]]) / 12
    torch.testing.assert_close(kernel, expected)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (torch.tensor([[1.0, -0.5]]), "k.png: holds a value of -0.5, expected weights of 0 or"),
        (torch.zeros(3, 3), "k.png: holds only zeros"),
        (torch.tensor([[math.nan]]), "k.png: holds values that are not numbers"),
        (torch.ones(3, 3, 3), r"k.png: is of shape \(3, 3, 3\), expected \(height, width\)"),
        (torch.ones(0, 3), "k.png: is of shape"),
        (torch.ones(3, 3, dtype=torch.complex64), "k.png: holds complex64 of shape"),
        ([[1, 2], [3]], "k.png: is no array of numbers"),
    ],
)
def test_refuses_what_is_no_kernel(values, said):
    with pytest.raises(UserError, match=said):
        blur_kernel(values, "k.png")


def test_large_numbers_are_normalised_too():
    kernel = blur_kernel(torch.full((3, 3), 1e308, dtype=torch.float64))
    torch.testing.assert_close(kernel, torch.full((3, 3), 1 / 9))


@pytest.mark.parametrize(
    "values",
    [
        np.ones((3, 3), np.uint16)[::-1],
        np.ones((1, 1, 3, 3), ">f4"),
        torch.ones(1, 3, 3),
        torch.ones(3, 3, dtype=torch.bfloat16),
        [[1, 1, 1]] * 3,
        [torch.ones(3, requires_grad=True)] * 3,
    ],
)
def test_weights_are_of_any_kind(values):
    torch.testing.assert_close(blur_kernel(values), torch.full((3, 3), 1 / 9))


@pytest.mark.parametrize("length", [10, 3.5])
def test_a_line_has_a_pixel_in_its_middle(length):
    with pytest.raises(UserError, match=f"length={length}: expected an odd number"):
        motion_kernel(length, 0)


def test_a_line_is_level_if_nothing_is_said():
    assert torch.equal(motion_kernel(5.0), motion_kernel(5, 0))


@pytest.mark.parametrize("draw", [gaussian_kernel, disk_kernel, motion_kernel])
@pytest.mark.parametrize("value", [-1, 0, 1e9, math.nan, math.inf])
def test_what_cannot_be_drawn_is_a_sentence(draw, value):
    with pytest.raises(UserError, match=rf"={value}: expected at least [\d.]+, at most \d+$"):
        draw(value)


@pytest.mark.parametrize("angle", [400, math.nan])
def test_an_angle_is_one(angle):
    with pytest.raises(UserError, match=f"angle={angle}: expected at least -360, at most 360"):
        motion_kernel(5, angle)
