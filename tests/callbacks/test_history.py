import csv
import math
from types import SimpleNamespace

import pytest

from dip_lightning.callbacks.history import COLUMNS, History
from dip_lightning.metrics import decibels
from dip_lightning.prior.deep_image_prior import Iterate
from tests.prior.test_deep_image_prior import make


def test_decibels():
    assert decibels(0.01) == pytest.approx(20)
    assert decibels(None) is None
    assert decibels(math.nan) is None
    assert decibels(0) == math.inf


def feed(history, iterates, chunk):
    task, trainer = make(), SimpleNamespace(logger=None)
    history.on_train_start(trainer, task)
    for start in range(0, len(iterates), chunk):
        task.iterates = iterates[start : start + chunk]
        task.iteration = min(start + chunk, len(iterates))
        history.on_train_batch_end(trainer, task, None, None, 0)
    with history.table.path.open() as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("chunk", [1, 3, 11])
def test_rows_do_not_depend_on_the_chunks(tmp_path, chunk):
    errors = [0.1, 0.01, 0.05, 0.02, 0.03, 0.02, 0.02, 0.02, 0.02, 0.02, 0.04]
    history = History(4, 11, tmp_path / "history.csv")
    rows = feed(history, [Iterate(2 * e, e, e / 2) for e in errors], chunk)
    assert tuple(rows[0]) == COLUMNS
    assert [row["iteration"] for row in rows] == ["1", "4", "8", "11"]
    assert float(rows[1]["loss"]) == pytest.approx(0.04)
    assert float(rows[1]["psnr"]) == pytest.approx(decibels(0.02))
    seconds = [float(row["seconds"]) for row in rows]
    assert seconds == sorted(seconds)
    assert history.iteration_best == 2
    assert history.psnr_best == pytest.approx(20)


def test_without_ground_truth_the_columns_stay_empty(tmp_path):
    history = History(1, 2, tmp_path / "history.csv")
    rows = feed(history, [Iterate(0.1, None, None)] * 2, 2)
    assert [row["psnr"] for row in rows] == ["", ""]
    assert history.psnr_best is None


def test_an_iterate_that_is_not_finite_is_never_the_best(tmp_path):
    history = History(10, 9, tmp_path / "history.csv")
    rows = feed(history, [Iterate(0.1, 0.1, 0.1), Iterate(math.nan, 0.01, 0.1)], 2)
    assert history.iteration_best == 1
    assert rows[-1]["iteration"] == "2"
    assert rows[-1]["loss"] == "nan"


def test_it_goes_on_where_the_checkpoint_ends(tmp_path):
    iterates = [Iterate(e, e, e) for e in (0.1, 0.01, 0.05, 0.02)]
    first = History(1, 6, tmp_path / "history.csv")
    feed(first, iterates[:2], 1)
    state = first.state_dict()
    feed(first, iterates, 1)  # written after the checkpoint, then killed
    again = History(1, 6, tmp_path / "history.csv")
    again.load_state_dict(state)
    sent = []
    logger = SimpleNamespace(log_metrics=lambda row, step: sent.append((step, row["loss"])))
    task, trainer = make(), SimpleNamespace(logger=logger)
    again.on_train_start(trainer, task)
    assert sent == [(1, 0.1), (2, 0.01)]
    task.iteration, task.iterates = 4, iterates[2:]
    again.on_train_batch_end(trainer, task, None, None, 0)
    with again.table.path.open() as file:
        rows = list(csv.DictReader(file))
    assert [row["iteration"] for row in rows] == ["1", "2", "3", "4"]
    seconds = [float(row["seconds"]) for row in rows]
    assert seconds == sorted(seconds)
    assert seconds[2] >= float(f"{state['seconds']:.8g}")
    assert [step for step, _ in sent] == [1, 2, 3, 4]
    assert again.iteration_best == 2


def test_a_fit_with_rare_rows_shows_that_it_goes_on(tmp_path, monkeypatch):
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr("time.perf_counter", lambda: clock.now)
    history, task = History(100, 9, tmp_path / "history.csv"), make()
    trainer = SimpleNamespace(logger=None)
    history.on_train_start(trainer, task)

    def read():
        with history.table.path.open() as file:
            return [row["iteration"] for row in csv.DictReader(file)]

    shown = []
    for iteration in range(1, 10):
        clock.now += 0.9
        task.iteration, task.iterates = iteration, [Iterate(0.1, 0.1, 0.1)]
        history.on_train_batch_end(trainer, task, None, None, 0)
        shown.append(len(read()))
    assert shown == [1, 1, 1, 2, 2, 2, 3, 3, 4]
    assert read() == ["1", "4", "7", "9"]
    history.finish()
    assert read() == ["1", "9"] == [f"{row['iteration']}" for row in history.rows]
    again = History(100, 20, tmp_path / "history.csv")
    again.load_state_dict(history.state_dict())
    again.on_train_start(trainer, task)
    clock.now += 9
    task.iteration = 10
    again.on_train_batch_end(trainer, task, None, None, 0)
    assert read() == ["1", "9", "10"]
    again.finish()
    assert read() == ["1", "9"]
