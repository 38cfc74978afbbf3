import base64

import numpy as np
import pytest

from dip_lightning.dashboard.curves import MISSING, MOST_DROPS, drops, pack, thin_out


def test_a_short_curve_is_kept_whole():
    assert thin_out([np.zeros(50)], 50).tolist() == list(range(50))


def test_extremes_survive_thinning():
    rng = np.random.default_rng(0)
    loss, psnr = rng.normal(size=10_000), rng.normal(size=10_000)
    psnr[[17, 7123]] = -99, 99
    psnr[2000:2500] = np.nan
    rows = thin_out([loss, psnr], 800)
    assert len(rows) <= 802
    assert rows[0] == 0
    assert rows[-1] == 9999
    assert {17, 7123, int(loss.argmax()), int(loss.argmin())} <= set(rows.tolist())
    assert (np.diff(rows) > 0).all()


def unpack(column):
    low, step, text = column
    numbers = np.frombuffer(base64.b64decode(text), "<u2")
    return np.where(numbers == MISSING, np.nan, low + step * numbers)


def test_packed_columns_are_what_they_were():
    t = np.arange(1.0, 200_000, 7)
    psnr = np.sin(t) * 20
    psnr[3] = np.nan
    packed = pack({"iteration": t, "loss": 1 / t, "psnr": psnr}, 10**6)
    assert set(packed) == {"iteration", "loss", "psnr"}
    np.testing.assert_array_equal(unpack(packed["iteration"]), t)
    np.testing.assert_allclose(10 ** unpack(packed["loss"]), 1 / t, rtol=2e-4)
    np.testing.assert_allclose(unpack(packed["psnr"]), psnr, atol=40 / 65534)


@pytest.mark.parametrize("value", [0.0, 12.5, np.inf])
def test_a_column_of_one_value_is_packed(value):
    packed = pack({"iteration": np.ones(3), "psnr": np.full(3, value)}, 10)
    expected = np.full(3, value if np.isfinite(value) else np.nan)
    np.testing.assert_array_equal(unpack(packed["psnr"]), expected)


def test_nothing_to_draw_is_nothing():
    assert pack({}, 100) == {}
    assert pack({"iteration": np.arange(3.0)}, 100) == {}
    assert drops({"iteration": np.arange(3.0)}) == []


def test_the_deepest_drops_are_told_in_their_order():
    t = np.arange(1.0, 8001)
    psnr = np.full(8000, 30.0)
    depths = np.random.default_rng(0).permutation(np.linspace(2, 9, 60))
    psnr[100::130][:60] -= depths
    found = drops({"iteration": t, "psnr": psnr})
    assert sorted(drop["depth"] for drop in found) == pytest.approx(
        sorted(depths)[-MOST_DROPS:], abs=0.01
    )
    assert [drop["start"] for drop in found] == sorted(drop["start"] for drop in found)


def test_a_drop_is_described_where_rows_without_psnr_lie_between():
    t = np.arange(1.0, 401)
    psnr = np.full(400, 30.0)
    psnr[::3] = np.nan
    psnr[199] = 24.0
    (drop,) = drops({"iteration": t, "psnr": psnr})
    assert drop["iteration"] == 200
    assert drop["psnr"] == 24.0
    assert drop["depth"] == pytest.approx(6)
