import threading
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from dip_lightning.callbacks.panels import Panels, logarithmic
from dip_lightning.images import Format, preview, quantise
from dip_lightning.runs.ownership import LISTING
from tests.prior.test_deep_image_prior import fit, make


@pytest.mark.parametrize("total", [1, 2, 9, 2000, 11000])
def test_panels_are_few_and_log_spaced(total):
    due = logarithmic(total)
    assert due[0] == 1
    assert due[-1] == total
    assert len(due) <= 12
    assert due == sorted(set(due))


def test_ratios_are_about_equal():
    due = logarithmic(10**11)
    ratios = [b / a for a, b in pairwise(due)]
    assert ratios == pytest.approx([10] * 11, rel=0.01)


def test_previews_are_kept_with_the_ground_truth(dip, tmp_path, photo):
    arguments = ("task=denoising", f"image={photo}", "preset=smoke", "iterations=9", "chunk=2")
    assert dip(*arguments, "logger=none", "hydra.run.dir=out")[0] == 0
    kept = sorted(path.name for path in (tmp_path / "out" / "snapshots").iterdir())
    assert kept == [f"{t:06}.webp" for t in (2, 4, 6, 8, 9)] + ["classical.png", "truth.png"]
    truth = Image.open(tmp_path / "out" / "snapshots" / "truth.png")
    assert np.array_equal(np.asarray(truth), np.asarray(Image.open(photo)))


def test_a_shorter_fit_in_the_same_folder_leaves_no_preview_of_the_longer(dip, tmp_path, photo):
    arguments = ("task=denoising", f"observed={photo}", "preset=smoke", "chunk=1", "logger=none")
    for iterations in (5, 3):
        assert dip(*arguments, f"iterations={iterations}", "hydra.run.dir=out")[0] == 0
    kept = sorted(path.name for path in (tmp_path / "out" / "snapshots").iterdir())
    assert kept == [f"{t:06}.webp" for t in (1, 2, 3)]


def test_previews_show_the_averaged_output_of_their_iteration(tmp_path, monkeypatch):
    task, shown = fit(make(iterations=3, average=0.9)), []
    panels = Panels(tmp_path, 3)
    seen = threading.Event()

    def save(picture, path, **_):
        assert seen.wait(60)
        shown.append(np.asarray(picture))

    monkeypatch.setattr(Image.Image, "save", save)
    average, last = (quantise(preview(pixels), Format()) for pixels in (task.x_average, task.x_hat))
    panels.write(task.x_average, task.iteration, None, None)
    task.x_average.zero_()  # the fit goes on while the preview is written
    seen.set()
    panels.finish()
    assert np.array_equal(shown[0], average)
    assert not np.array_equal(shown[0], last)


def test_the_thread_that_writes_computes_with_no_tensors(tmp_path, monkeypatch):
    panels, given = Panels(tmp_path, 3), []
    monkeypatch.setattr(panels, "_save", lambda *arguments: given.append(arguments))
    panels.write(fit(make(iterations=1)).x_average, 1, None, None)
    panels.finish()
    assert [type(value) for value in given[0]] == [Image.Image, str, int]


def test_all_previews_are_written_when_a_fit_breaks(tmp_path):
    task = fit(make(iterations=3))
    panels = Panels(tmp_path / "snapshots", 3)
    panels.write_truth(task.problem.x)
    panels.write(task.x_average, task.iteration, None, None)
    panels.on_exception(None, task, RuntimeError())
    kept = {path.name for path in (tmp_path / "snapshots").iterdir()}
    assert kept == {"000003.webp", "truth.png", LISTING}


def test_where_no_preview_can_be_written_the_fit_goes_on(tmp_path, capsys):
    (tmp_path / "snapshots").write_text("in the way")
    panels = Panels(tmp_path / "snapshots", 3)
    task = fit(make(iterations=3))
    for _ in range(2):
        panels.write(task.x_average, task.iteration, None, None)
    panels.finish()
    said = capsys.readouterr().err
    assert said.count("the fit goes on without") == 1
