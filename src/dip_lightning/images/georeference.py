"""Where a GeoTIFF lies: its tags, moved along when the grid of pixels changes.

The grid changes by a matrix from new to old raster coordinates (column, row, level, 1), in pixels,
whose origin is the upper left corner of the image.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

PIXEL_SCALE, TIEPOINTS, TRANSFORMATION, GEO_KEYS = 33550, 33922, 34264, 34735
PLACES = frozenset({PIXEL_SCALE, TIEPOINTS, TRANSFORMATION})
_RASTER_TYPE, _IS_POINT = 1025, 2
_TIEPOINT = 6  # numbers: column, row, level, x, y, z
_SCALE, _TRANSFORMATION = 3, 16
_KEY = 4  # numbers: code, where, count, value
Matrix = NDArray[np.float64]


def shifted(left: float, top: float) -> Matrix:
    """Return the matrix of a crop that begins `left` and `top` pixels inside."""
    matrix = np.eye(4)
    matrix[:2, 3] = left, top
    return matrix


def enlarged(x: float, y: float) -> Matrix:
    """Return the matrix of an image with `x` times the columns and `y` times the rows."""
    return np.diag([1 / x, 1 / y, 1.0, 1.0])


def turned(orientation: int, size: tuple[int, int]) -> Matrix:
    """Return the matrix of turning an image upright.

    Args:
        orientation: EXIF's, 1 to 8.
        size: (H, W) as stored, pixels.
    """
    height, width = size
    matrix = np.eye(4)
    # In the order in which pixels are turned, each from the new grid back to the one before.
    if orientation in {5, 6, 7, 8}:
        matrix = matrix[[1, 0, 2, 3]]
        height, width = width, height
    if orientation in {3, 4, 7, 8}:
        matrix = matrix @ _mirrored(1, height)
    if orientation in {2, 3, 6, 7}:
        matrix = matrix @ _mirrored(0, width)
    return matrix


def places(code: int, value: object) -> bool:
    """Return whether a tag has as many finite numbers as it takes to place an image."""
    numbers = value if isinstance(value, tuple) else ()
    fitting = {
        PIXEL_SCALE: len(numbers) == _SCALE,
        TIEPOINTS: bool(numbers) and len(numbers) % _TIEPOINT == 0,
        TRANSFORMATION: len(numbers) == _TRANSFORMATION,
    }
    return fitting.get(code, False) and bool(np.isfinite(numbers).all())


def moved(tags: Mapping[int, tuple[Any, ...]], to_old: Matrix) -> dict[int, tuple[float, ...]]:
    """Move the tags that place an image to another grid of pixels.

    Args:
        tags: values by code; those of other codes are only read.
        to_old: from new to old raster coordinates.

    Returns:
        The tags that take the place of 33550, 33922 and 34264.
    """
    if _is_point(tags.get(GEO_KEYS, ())):  # there, (0, 0) is the middle of the first pixel
        half = shifted(0.5, 0.5)
        to_old = np.linalg.inv(half) @ to_old @ half
    points = np.reshape(np.asarray(tags.get(TIEPOINTS, ()), np.float64), (-1, _TIEPOINT))
    if TRANSFORMATION in tags:
        matrix = np.reshape(np.asarray(tags[TRANSFORMATION], np.float64), (4, 4))
    elif not len(points):
        return {}
    elif PIXEL_SCALE in tags:
        matrix = _matrix(points[0], np.asarray(tags[PIXEL_SCALE], np.float64))
    else:  # control points
        raster = np.column_stack([points[:, :3], np.ones(len(points))])
        points[:, :3] = (np.linalg.inv(to_old) @ raster.T).T[:, :3]
        return {TIEPOINTS: _numbers(points)}
    return {TRANSFORMATION: _numbers(matrix @ to_old)}


def _matrix(point: Matrix, scale: Matrix) -> Matrix:
    """Return the matrix from raster to model coordinates; rows go down, y goes up."""
    steps = scale * [1, -1, 1]
    matrix = np.diag([*steps, 1.0])
    matrix[:3, 3] = point[3:] - steps * point[:3]
    return matrix


def _mirrored(axis: int, length: int) -> Matrix:
    matrix = np.eye(4)
    matrix[axis, axis], matrix[axis, 3] = -1, length
    return matrix


def _is_point(keys: tuple[Any, ...]) -> bool:
    entries = (keys[at : at + _KEY] for at in range(_KEY, len(keys), _KEY))
    return any(entry[0] == _RASTER_TYPE and entry[-1] == _IS_POINT for entry in entries)


def _numbers(values: Matrix) -> tuple[float, ...]:
    return tuple(float(value) for value in values.ravel())
