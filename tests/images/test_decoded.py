"""What every way to decode a file shares."""

import numpy as np
import pytest

from dip_lightning.errors import UserError
from dip_lightning.images.decoded import check_size, turned


@pytest.mark.parametrize(
    ("orientation", "upright"),
    [
        (1, [[1, 2, 3], [4, 5, 6]]),
        (2, [[3, 2, 1], [6, 5, 4]]),
        (3, [[6, 5, 4], [3, 2, 1]]),
        (4, [[4, 5, 6], [1, 2, 3]]),
        (5, [[1, 4], [2, 5], [3, 6]]),
        (6, [[4, 1], [5, 2], [6, 3]]),
        (7, [[6, 3], [5, 2], [4, 1]]),
        (8, [[3, 6], [2, 5], [1, 4]]),
    ],
)
def test_turned(orientation, upright):
    stored = np.array([[1, 2, 3], [4, 5, 6]])[..., np.newaxis]
    result = turned(stored, orientation)
    assert result[..., 0].tolist() == upright
    assert result.flags.c_contiguous


def test_sizes():
    check_size(8000, 8000)
    with pytest.raises(UserError, match="is 8001 x 8000 pixels, expected at most 64 megapixels"):
        check_size(8000, 8001)
    with pytest.raises(UserError, match="has no pixels"):
        check_size(0, 8)
