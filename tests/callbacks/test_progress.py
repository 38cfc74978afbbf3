import os
import sys
import time

import pytest

from dip_lightning.callbacks import Progress
from tests.prior.test_deep_image_prior import fit, make


def test_a_log_file_gets_ten_lines(capsys):
    fit(make(iterations=40), 3, [Progress(40)])
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 10
    assert lines[-1].startswith("iteration 40/40, ")
    for part in ("it/s", "ETA", "loss", "PSNR", "averaged"):
        assert part in lines[0]


def test_a_terminal_gets_a_bar(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    fit(make(iterations=20), 3, [Progress(20)])
    drawn = capsys.readouterr().err
    assert "20/20" in drawn
    assert "100%" in drawn
    for part in ("it/s", "ETA", "loss", "PSNR"):
        assert part in drawn


def test_without_ground_truth_there_is_no_psnr(capsys):
    task = make("denoising", iterations=20)
    task.problem.x = None
    fit(task, 20, [Progress(20)])
    assert "PSNR" not in capsys.readouterr().err


def test_tiles_share_ten_lines_and_one_count(capsys, monkeypatch):
    for number in (1, 2):
        fit(make(iterations=20), 4, [Progress(40, 20 * (number - 1), f"tile {number}/2")])
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 10
    assert lines[0].startswith("tile 1/2, iteration 4/40, ")
    assert lines[-1].startswith("tile 2/2, iteration 40/40, ")
    assert "ETA 00:00" in lines[-1]
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    fit(make(iterations=20), 4, [Progress(40, 20, "tile 2/2")])
    drawn = capsys.readouterr().err
    assert "tile 2/2  50%" in drawn
    assert "tile 2/2 100%" in drawn


@pytest.mark.parametrize(("age", "form"), [(0, "%H:%M"), (200_000, "%Y-%m-%d %H:%M")])
def test_a_fit_that_goes_on_says_where(age, form, capsys, tmp_path):
    found, task = tmp_path / "last.ckpt", make(iterations=40)
    found.touch()
    written = time.time() - age
    os.utime(found, (written, written))
    task.iteration = 30
    fit(task, 3, [Progress(40, found=found)])
    moment = time.strftime(form, time.localtime(written))
    first = capsys.readouterr().err.splitlines()[0]
    assert first == f"going on at iteration 30 of 40 (checkpoint of {moment})"
