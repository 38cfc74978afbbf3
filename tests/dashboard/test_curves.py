import base64

import numpy as np
import pytest

from dip_lightning.dashboard.curves import drops, pack, thin_out


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


def test_packed_columns_are_what_they_were():
    curve = {"iteration": np.arange(1.0, 6), "loss": 1 / np.arange(1.0, 6)}
    packed = pack(curve, 100)
    assert set(packed) == {"iteration", "loss"}
    read = np.frombuffer(base64.b64decode(packed["loss"]), "<f4")
    np.testing.assert_allclose(read, curve["loss"], rtol=1e-6)


def test_nothing_to_draw_is_nothing():
    assert pack({}, 100) == {}
    assert pack({"iteration": np.arange(3.0)}, 100) == {}
    assert drops({"iteration": np.arange(3.0)}) == []


def test_a_drop_is_described_where_rows_without_psnr_lie_between():
    t = np.arange(1.0, 401)
    psnr = np.full(400, 30.0)
    psnr[::3] = np.nan
    psnr[199] = 24.0
    (drop,) = drops({"iteration": t, "psnr": psnr})
    assert drop["iteration"] == 200
    assert drop["psnr"] == 24.0
    assert drop["depth"] == pytest.approx(6)
