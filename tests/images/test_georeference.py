"""A GeoTIFF stays where it is on the map."""

from dataclasses import replace

import numpy as np
import pytest
import tifffile

from dip_lightning.images import Picture, read, write_tiff
from dip_lightning.images.georeference import (
    GEO_KEYS,
    PIXEL_SCALE,
    TIEPOINTS,
    TRANSFORMATION,
    places,
    turned,
)
from tests.conftest import stored_array

SCALE = (2.0, 3.0, 0.0)
TIEPOINT = (4.0, 5.0, 0.0, 1000.0, 2000.0, 0.0)
ROTATED = (1.5, 0.5, 0, 100, 0.25, -2, 0, 200, 0, 0, 0, 0, 0, 0, 0, 1)
OTHERS = {34736: (6378137.0,), 34737: "WGS 84|", 42112: "<GDALMetadata/>", 42113: "-9999"}


def _keys(raster_type: int) -> tuple[int, ...]:
    return (1, 1, 0, 2, 1024, 0, 1, 1, 1025, 0, 1, raster_type)


def _save(path, places: dict, raster_type: int, orientation: int = 1) -> Picture:
    tags = [(code, 12, len(value), value, True) for code, value in places.items()]
    tags.append((GEO_KEYS, 3, 12, _keys(raster_type), True))
    for code, value in OTHERS.items():
        text = isinstance(value, str)
        tags.append((code, 2 if text else 12, 0 if text else len(value), value, True))
    if orientation != 1:
        tags.append((274, 3, 1, orientation, True))
    array = stored_array(1, "float32")
    tifffile.imwrite(path, array, extratags=tags, metadata=None, photometric="minisblack")
    return read(path, "observed")


def _map(path, raster_type: int, column: float, row: float) -> np.ndarray:
    """Where on the map a point of the raster is, from the upper left corner on."""
    with tifffile.TiffFile(path) as tiff:
        tags = {tag.code: tag.value for tag in tiff.pages[0].tags}
    assert tags[GEO_KEYS] == _keys(raster_type)
    half = 0.5 if raster_type == 2 else 0
    column, row = column - half, row - half
    if TRANSFORMATION in tags:
        assert PIXEL_SCALE not in tags
        matrix = np.reshape(tags[TRANSFORMATION], (4, 4))
        return (matrix @ [column, row, 0, 1])[:2]
    scale, point = tags[PIXEL_SCALE], tags[TIEPOINTS]
    return np.array(
        [point[3] + (column - point[0]) * scale[0], point[4] - (row - point[1]) * scale[1]]
    )


@pytest.mark.parametrize("raster_type", [1, 2], ids=["area", "point"])
@pytest.mark.parametrize(
    "given",
    [{PIXEL_SCALE: SCALE, TIEPOINTS: TIEPOINT}, {TRANSFORMATION: ROTATED}],
    ids=["scale", "matrix"],
)
def test_every_place_stays_on_the_map(tmp_path, given, raster_type):
    picture = _save(tmp_path / "a.tif", given, raster_type)
    write_tiff(tmp_path / "same.tif", picture)
    pixels = picture.pixels.repeat_interleave(2, 2).repeat_interleave(2, 3)
    write_tiff(tmp_path / "large.tif", replace(picture, pixels=pixels))
    write_tiff(tmp_path / "centre.tif", picture.part(*picture.middle(8)))
    for column, row in ((0, 0), (14, 9), (3.5, 2)):
        expected = _map(tmp_path / "a.tif", raster_type, column, row)
        same = _map(tmp_path / "same.tif", raster_type, column, row)
        large = _map(tmp_path / "large.tif", raster_type, 2 * column, 2 * row)
        centre = _map(tmp_path / "centre.tif", raster_type, column - 3, row - 0)
        assert np.array_equal(same, expected)
        np.testing.assert_allclose(large, expected, rtol=1e-12)
        np.testing.assert_allclose(centre, expected, rtol=1e-12)
    with tifffile.TiffFile(tmp_path / "large.tif") as large:
        tags = {tag.code: tag.value for tag in large.pages[0].tags}
    for code, value in OTHERS.items():
        assert tags[code] == value


@pytest.mark.parametrize("orientation", range(2, 9))
@pytest.mark.parametrize("given", [{PIXEL_SCALE: SCALE, TIEPOINTS: TIEPOINT}])
def test_every_pixel_stays_on_the_map_when_it_is_turned(tmp_path, given, orientation):
    picture = _save(tmp_path / "a.tif", given, 1, orientation)
    write_tiff(tmp_path / "b.tif", picture)
    stored, upright = (tifffile.imread(tmp_path / f"{name}.tif") for name in "ab")
    for row, column in ((0, 0), (3, 11), (8, 13)):
        (there,) = np.argwhere(upright == stored[row, column])
        expected = _map(tmp_path / "a.tif", 1, column + 0.5, row + 0.5)
        found = _map(tmp_path / "b.tif", 1, there[1] + 0.5, there[0] + 0.5)
        np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_control_points_move_with_the_pixels(tmp_path):
    points = (0, 0, 0, 10, 20, 0, 14, 9, 0, 30, 40, 0, 14, 0, 0, 31, 22, 0)
    picture = _save(tmp_path / "a.tif", {TIEPOINTS: tuple(map(float, points))}, 1)
    pixels = picture.pixels.repeat_interleave(2, 2).repeat_interleave(2, 3)
    write_tiff(tmp_path / "b.tif", replace(picture, pixels=pixels))
    with tifffile.TiffFile(tmp_path / "b.tif") as written:
        found = np.reshape(written.pages[0].tags[TIEPOINTS].value, (-1, 6))
    expected = np.reshape(points, (-1, 6)) * [2, 2, 1, 1, 1, 1]
    np.testing.assert_allclose(found, expected)


def test_upright_needs_no_turning():
    assert np.array_equal(turned(1, (9, 14)), np.eye(4))


@pytest.mark.parametrize(
    ("code", "value"),
    [
        (PIXEL_SCALE, (1.0, 2.0)),
        (PIXEL_SCALE, (1.0, np.nan, 0.0)),
        (TIEPOINTS, ()),
        (TIEPOINTS, (1.0,) * 7),
        (TRANSFORMATION, (1.0,) * 12),
        (TRANSFORMATION, b"16 numbers?     "),
        (42113, (1.0, 2.0, 3.0)),
    ],
)
def test_tags_that_place_nothing(code, value):
    assert not places(code, value)


def test_what_gdal_calls_no_data(tmp_path):
    from dip_lightning.images.decoding import decode

    _save(tmp_path / "a.tif", {}, 1)
    assert decode(tmp_path / "a.tif", b"II*\0" + bytes(28)).nodata == -9999
