import numpy as np
import pytest

from dip_lightning.runs.live import iterations, live, tile_curves

ASKED = {"iterations": 400, "max_iterations": 200}


def curve(*rows, columns=("iteration", "loss", "psnr", "seconds")):
    return dict(zip(columns, np.array(rows, float).T, strict=True))


def test_a_fit_says_where_it_is_and_how_long_it_will_take():
    found = live(ASKED, curve((1, 0.5, 20, 3), (50, 0.2, 25, 7), (150, 0.1, np.nan, 15)), [])
    assert found == {
        "iteration": 150,
        "iterations": 200,
        "loss": 0.1,
        "psnr": None,
        "seconds": 15.0,
        "left": pytest.approx(50 * 15 / 150),
    }


def test_the_pace_is_that_of_late():
    rows = [(1, 1, 20, 60), *((t, 1, 20, 60 + t / 10) for t in range(2, 101))]
    assert live(ASKED, curve(*rows), [])["left"] == pytest.approx(10)


def test_what_is_not_known_is_null():
    nothing = dict.fromkeys(("iteration", "iterations", "loss", "psnr", "seconds", "left"))
    assert live({}, {}, []) == nothing
    assert live(ASKED, {}, []) == nothing | {"iterations": 200}
    assert live({"iterations": "many"}, curve((5, 1, 20, 3)), [])["left"] is None
    assert live(ASKED, {}, [{}, {}]) == nothing | {"iterations": 400}
    assert live({"iterations": True}, {}, []) == nothing


def test_of_tiles_all_count():
    over, begun = curve((1, 0.3, 20, 1), (100, 0.2, 20, 50)), curve((50, 0.4, 20, 25))
    found = live(ASKED, {}, [over, begun, {}])
    # The first ended by itself before its last iteration.
    assert (found["iteration"], found["iterations"]) == (250, 600)
    assert found["loss"] == pytest.approx(0.3)
    assert (found["psnr"], found["seconds"]) == (None, 75)
    assert found["left"] == pytest.approx(350 * 0.5)


def test_curves_of_tiles_are_in_their_order(tmp_path):
    assert tile_curves(tmp_path) == []
    for tile, last in (("001", 3), ("000", 7), ("002", None)):
        (tmp_path / "tiles" / tile).mkdir(parents=True)
        if last:
            text = f"iteration,loss\n1,1\n{last},0.5\n"
            (tmp_path / "tiles" / tile / "history.csv").write_text(text)
    (tmp_path / "tiles" / "note.txt").touch()
    assert [iterations(found) for found in tile_curves(tmp_path)] == [7, 3, 0]
