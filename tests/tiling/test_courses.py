"""The curve of a mosaic from those of its tiles."""

import math

import pytest

from dip_lightning.callbacks import History
from dip_lightning.tiling.courses import Record, Row, mean_rows, record_of, write_history


def record(*rows, **facts):
    facts = {"iteration": max(at for at, _, _ in rows), **facts}
    return Record({at: Row(loss, error, error, at / 10) for at, loss, error in rows}, **facts)


def test_rows_are_means_of_loss_and_error_and_sums_of_seconds():
    rows = mean_rows([record((1, 0.5, 0.4), (5, 0.1, 0.01)), record((1, 0.3, 0.2), (5, 0.3, 0.03))])
    assert list(rows) == [1, 5]
    assert rows[1] == Row(pytest.approx(0.4), pytest.approx(0.3), pytest.approx(0.3), 0.2)
    assert rows[5] == Row(pytest.approx(0.2), pytest.approx(0.02), pytest.approx(0.02), 1.0)


def test_a_copy_has_neither_loss_nor_error():
    rows = mean_rows([record((1, 0.6, 0.3)), Record(iteration=9, is_copy=True)])
    assert rows[1] == Row(0.3, 0.15, 0.15, 0.1)


def test_tiles_that_were_cut_short_count_as_far_as_they_came():
    rows = mean_rows([record((1, 0.5, 0.4), (5, 0.1, 0.1)), record((1, 0.3, 0.2)), Record()])
    assert rows[5] == Row(0.1, 0.1, 0.1, rows[5].seconds, is_whole=False)
    assert rows[5].seconds == pytest.approx(0.6)  # they never go back


def test_a_tile_that_was_over_before_others_stays_as_it_is():
    over = record((1, 0.5, 0.4), (5, 0.1, 0.1), is_over=True)
    rows = mean_rows([over, record((1, 0.3, 0.2), (5, 0.3, 0.2), (9, 0.2, 0.3), is_over=True)])
    assert rows[9] == Row(pytest.approx(0.15), pytest.approx(0.2), pytest.approx(0.2), 1.4)


def test_a_row_of_some_tiles_is_not_the_best(tmp_path):
    history = History(tmp_path / "history.csv", 1, 9)
    rows = {1: Row(0.5, 0.1, None, 1.0), 2: Row(0.4, 0.01, None, 2.0, is_whole=False)}
    write_history(history, rows, None)
    assert (history.iteration_best, history.psnr_best) == (1, pytest.approx(10))


def test_the_end_of_a_tile_that_diverged_is_not_the_images():
    diverged = record((1, 0.5, 0.4), (3, math.nan, 1e-4))
    rows = mean_rows([diverged, record((1, 0.3, 0.2), (5, 0.1, 0.1))])
    assert list(rows) == [1, 5]


def test_without_ground_truth_there_are_no_errors():
    rows = mean_rows([record((1, 0.5, None)), record((1, 0.3, None))])
    assert rows[1] == Row(0.4, None, None, 0.2)


def test_a_loss_that_is_not_finite_is_seen():
    assert math.isnan(mean_rows([record((3, math.nan, 0.1)), record((3, 0.3, 0.1))])[3].loss)


def test_a_checkpoint_tells_how_a_fit_went():
    text = "iteration,loss,psnr,psnr_average,seconds\r\n1,0.5,10,20,0.25\r\n4,9,,inf,1\r\n"
    saved = {
        "fit": {
            "iteration": 4,
            "is_over": True,
            "losses": (0.5, 0.01),
            "iterates": [(9.0, None, None)],
            "diverged_at": None,
        },
        "callbacks": {"History": {"rows": text}},
    }
    found = record_of(saved)
    assert found.rows == {
        1: Row(0.5, pytest.approx(0.1), pytest.approx(0.01), 0.25),
        4: Row(9.0, None, 0.0, 1.0),
    }
    assert (found.iteration, found.diagnosis, found.is_copy) == (4, "exploded", False)
    assert found.is_over
    assert (found.seconds(3), found.seconds(4), found.seconds(0)) == (0.25, 1.0, 0.0)


def test_the_logger_gets_the_curve_once(tmp_path):
    class Logger:
        def __init__(self):
            self.rows = []

        def log_metrics(self, metrics, step):
            self.rows.append((step, metrics))

    logger, history = Logger(), History(tmp_path / "out" / "history.csv", 1, 9)
    write_history(history, {1: Row(0.5, 0.1, None, 2.0), 2: Row(0.4, 0.2, None, 3.0)}, logger)
    assert (tmp_path / "out" / "history.csv").read_text().splitlines() == [
        "iteration,loss,psnr,psnr_average,seconds",
        "1,0.5,10,,2",
        "2,0.4,6.9897,,3",
    ]
    assert [step for step, _ in logger.rows] == [1, 2]
    assert logger.rows[0][1] == {"iteration": 1, "loss": 0.5, "psnr": 10.0, "seconds": 2.0}
    assert (history.psnr_best, history.iteration_best, history.seconds) == (10.0, 1, 3.0)
