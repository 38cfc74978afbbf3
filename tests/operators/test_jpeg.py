"""Coefficients of JPEG: those of an independent transform, for any place of the blocks."""

import numpy as np
import pytest
import torch
from scipy.fft import dctn

from dip_lightning.errors import UserError
from dip_lightning.images.jpeg import compress
from dip_lightning.operators import JPEG, check
from dip_lightning.operators.jpeg import Bounds, Coefficients
from tests.conftest import smooth_image

YCBCR = np.array(  # T.871
    [[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]]
)
RATIOS = {
    "4:4:4": [(1, 1)] * 3,
    "4:2:2": [(1, 1), (1, 2), (1, 2)],
    "4:2:0": [(1, 1), (2, 2), (2, 2)],
    "gray": [(1, 1)],
}


def expected(x, ratios):
    """Blocks and their DCT by SciPy, of an image that needs no padding."""
    image = x[0].double().numpy()
    ycc = image if len(ratios) == 1 else np.einsum("kc,chw->khw", YCBCR, image)
    planes = []
    for plane, (v, h) in zip(ycc, ratios, strict=True):
        height, width = plane.shape
        samples = plane.reshape(height // v, v, width // h, h).mean((1, 3))
        for top in range(0, samples.shape[0], 8):
            for left in range(0, samples.shape[1], 8):
                place = slice(top, top + 8), slice(left, left + 8)
                samples[place] = dctn(samples[place], norm="ortho")
        planes.append(samples.ravel())
    return np.concatenate(planes)


def coefficients_of(x, ratios, table=0.05):
    """What a file of that image would hold, were nothing rounded."""
    A, size = JPEG(ratios), (x.shape[2], x.shape[3])
    planes = tuple(plane[0, 0] for plane in A.planes(A(x), size))
    tables = tuple(torch.full((8, 8), table) for _ in ratios)
    known = tuple(map(torch.ones_like, planes))
    return Coefficients(planes, known, tables, A.ratios, (0, 0), size)


def apart(x, coefficients):
    """How far an image is from its coefficients, where they are known."""
    centre, _, known = coefficients.flat()
    return float(((coefficients.operator(x) - centre) * known).abs().max())


@pytest.mark.parametrize("name", RATIOS)
def test_equals_an_independent_transform(name):
    ratios = RATIOS[name]
    x = smooth_image(len(ratios), 32, 48)
    found = JPEG(ratios)(x)[0].numpy()
    np.testing.assert_allclose(found, expected(x, ratios), atol=2e-5)


@pytest.mark.parametrize("origin", [(0, 0), (3, 5)])
@pytest.mark.parametrize("name", RATIOS)
def test_keeps_the_laws(name, origin):
    check(JPEG(RATIOS[name], origin), (len(RATIOS[name]), 21, 30))


@pytest.mark.parametrize("origin", [(0, 0), (5, 3)])
@pytest.mark.parametrize("size", [(32, 48), (33, 17), (21, 30)])
@pytest.mark.parametrize("name", RATIOS)
def test_shares_of_a_step_take_back_what_the_border_is_repeated(name, size, origin):
    A = JPEG(RATIOS[name], origin)
    share = 1 / A.repeats(size)
    whole = (*size, *origin) == (32, 48, 0, 0)
    assert bool((share == 1).all()) == whole
    x = torch.rand(1, len(RATIOS[name]), *size, generator=torch.Generator().manual_seed(0))
    adjoint = torch.func.vjp(A, x)[1]
    for _ in range(30):
        x = x / x.norm()
        x = share.sqrt() * adjoint(A(share.sqrt() * x))[0]
    assert float(x.norm()) < 1 + 1e-5


@pytest.mark.parametrize("low", [0, 50])
def test_a_decoded_image_stays_when_it_is_compressed_again(low):
    """Not to the bit: a decoder rounds."""
    made = compress(smooth_image(1, 32, 48), 10, "4:4:4")
    pixels, held = made.pixels * 255, made.coefficients.ranged(0, 1 / 255)
    again = held.ranged(low, low + 100).quantised((pixels - low) / 100, (0, 0))
    changed = (again * 100 - (pixels - low).clamp(0, 100)).abs()
    assert float(changed.max()) < 1


@pytest.mark.parametrize("name", RATIOS)
def test_a_lifted_image_has_the_coefficients(name):
    A = JPEG(RATIOS[name])
    c = torch.randn(A(torch.zeros(1, len(RATIOS[name]), 32, 48)).shape)
    torch.testing.assert_close(A(A.lift(c, (32, 48))), c, rtol=0, atol=1e-5)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["4:2:2", "4:2:0"])
def test_coefficients_turn_with_the_image(name, orientation):
    from dip_lightning.images.decoded import turned

    x = smooth_image(3, 21, 38)
    upright = turned(x[0].permute(1, 2, 0).numpy(), orientation)
    found = coefficients_of(x, RATIOS[name]).turned(orientation)
    assert found.size == upright.shape[:2]
    assert apart(torch.from_numpy(upright).permute(2, 0, 1)[None], found) < 1e-5
    assert found.flat()[2].all()


@pytest.mark.parametrize("rows", [slice(0, 37), slice(16, 32), slice(5, 30)])
@pytest.mark.parametrize("columns", [slice(0, 53), slice(17, 53)])
@pytest.mark.parametrize("orientation", [1, 7])
def test_a_part_knows_its_whole_blocks(rows, columns, orientation):
    ratios = RATIOS["4:2:0"]
    whole = coefficients_of(smooth_image(3, 37, 53), ratios).turned(orientation)
    x = smooth_image(3, 37, 53) if orientation == 1 else None
    if x is None:
        x = smooth_image(3, 37, 53).transpose(2, 3).flip(2).flip(3)
        rows, columns = columns, rows
    part = whole.cut(rows, columns)
    assert apart(x[..., rows, columns], part) < 1e-5
    height, width = part.size
    luma = float(part.known[0].sum())
    assert (height - 14) * (width - 14) <= luma <= (height + 16) * (width + 16)
    if (rows, columns) == (slice(0, 37), slice(0, 53)):
        assert part.flat()[2].all()


def test_a_range_changes_the_pixels_not_the_meaning():
    x = smooth_image(3, 21, 38)
    found = coefficients_of(100 * x + 50, RATIOS["4:2:0"]).ranged(50, 150)
    assert apart(x, found) < 1e-5
    assert float(found.tables[0][0, 0]) == pytest.approx(0.05 / 100)


def test_what_was_compressed_stays_when_it_is_compressed_again():
    x = smooth_image(3, 32, 48) * 0.5 + 0.25
    coarse = coefficients_of(x, RATIOS["4:2:0"], table=0.2)
    once = coarse.quantised(x, (0, 0))
    torch.testing.assert_close(coarse.quantised(once, (0, 0)), once, rtol=0, atol=1e-5)
    assert not torch.allclose(coarse.quantised(once, (3, 5)), once, atol=1e-3)


def test_refuses_another_number_of_channels():
    with pytest.raises(UserError, match=r"x: is \(1, 1, 8, 8\), expected \(1, 3, H, W\)"):
        JPEG(RATIOS["4:2:0"])(torch.zeros(1, 1, 8, 8))


def test_what_was_rounded_off_is_known_of_a_laplacian_image():
    """Against what rounding does to coefficients that are drawn."""
    draw = np.random.default_rng(0)
    scales = 0.3 * np.exp(-np.arange(64) / 9).reshape(8, 8)
    coefficients = draw.laplace(size=(40, 8, 40, 8)) * scales[None, :, None, :]
    true = torch.from_numpy(coefficients.reshape(320, 320)).float()
    table = torch.full((8, 8), 0.2)
    held = (true / 0.2).round() * 0.2
    found = Coefficients((held,), (torch.ones_like(held),), (table,), ((1, 1),), (0, 0), (320, 320))
    apart = found.operator.lift((held - true).reshape(1, -1), (320, 320))
    assert found.noise_std() == pytest.approx(float(apart.square().mean().sqrt()), rel=0.05)


def test_the_nearest_image_within_the_bounds_is_moved_no_further_than_needed():
    x = smooth_image(3, 32, 48)
    held = compress(x, 20, "4:2:0").coefficients
    centre, steps, _ = held.flat()
    moved = torch.zeros_like(centre)
    moved[0, 9], moved[0, 70] = 0.9 * steps[0, 9], 0.2 * steps[0, 70]
    start = held.operator.lift(centre + moved, (32, 48))
    bounds = Bounds(held)
    beyond = 0.4 * float(steps[0, 9])
    assert float(bounds.power(start)) == pytest.approx(beyond**2 / centre.numel(), rel=1e-3)
    assert float(bounds.power(bounds.nearest(start))) < 1e-10
    for share in (1.0, 0.5):
        found = (held.operator(bounds.nearest(start, share)) - centre) / steps
        assert float(found[0, 9]) == pytest.approx(share / 2, rel=1e-3)
        assert float(found[0, 70]) == pytest.approx(0.2, rel=1e-3)


def test_where_no_whole_block_is_held_an_image_of_ones_own_counts():
    x = smooth_image(1, 32, 48)
    held = compress(x, 20, "4:4:4").coefficients.cut(slice(0, 32), slice(3, 48))
    y = x[..., 3:]
    start = torch.full_like(y, 0.5)
    exact, free = Bounds(held, y).nearest(start), Bounds(held).nearest(start)
    torch.testing.assert_close(exact[..., :5], y[..., :5], rtol=0, atol=1e-5)
    assert torch.equal(free[..., :5], start[..., :5])
    torch.testing.assert_close(exact[..., 5:], free[..., 5:])
