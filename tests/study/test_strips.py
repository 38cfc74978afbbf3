import pytest
import torch
from PIL import Image

from dip_lightning.study import strips
from dip_lightning.study.results import find_results
from dip_lightning.study.strips import draw_stages, draw_strip
from tests.conftest import save_png

AXES = ("network", "lr")


@pytest.fixture
def jobs(result, tmp_path):
    result("a", lr=0.1)
    result("b", lr=0.01, psnr=33.0)
    return find_results([tmp_path])["restoration_table1"]


@pytest.fixture
def titles(monkeypatch):
    """The titles of the panels of the strips that are saved, row by row."""
    found = []

    def note(figure, _):
        rows = {}
        for frame in figure.axes:
            row = rows.setdefault(frame.get_subplotspec().rowspan.start, [])
            if frame.get_title():
                row.append(frame.get_title())
        found.append(list(rows.values()))

    monkeypatch.setattr(strips, "save", note)
    return found


GIVEN = ["house\nground truth", "observed\n8.00 dB", "biharmonic\n35.70 dB"]


def test_strip_has_truth_observation_and_classical_result_before_the_results(jobs, titles):
    draw_strip("strip", jobs, ("lr",), "note")
    assert titles == [[[*GIVEN, "lr=0.1\n31.00 dB", "lr=0.01\n34.00 dB"]]]


def test_strip_is_as_wide_as_its_panels(jobs, tmp_path):
    draw_strip(tmp_path / "strip", jobs, AXES, "note")
    with Image.open(tmp_path / "strip.png") as image:
        width, height = image.size
    assert width / height == pytest.approx(5 * 1.9 / (1.9 + 2 * 0.13 + 0.25 + 0.3), rel=0.01)
    assert {path.suffix for path in tmp_path.glob("strip.*")} == {".png", ".svg", ".pdf"}


def test_each_observation_has_a_row_and_seeds_have_one_panel(result, tmp_path, titles):
    for factor in (2, 4):
        for seed in (0, 1):
            folder = result(f"{factor}-{seed}", factor=factor, seed=seed)
            save_png(folder / "observed.png", torch.full((1, 1, 12 // factor, 8), 0.5))
    jobs = find_results([tmp_path])["restoration_table1"]
    draw_strip("strip", jobs, ("factor",), "note")
    assert titles == [[[*GIVEN, "factor=2\n31.00 dB"], [*GIVEN, "factor=4\n31.00 dB"]]]


def test_a_run_without_classical_methods_has_no_such_panel(result, tmp_path, titles):
    result("a", baseline=False)
    draw_strip("strip", find_results([tmp_path])["restoration_table1"], (), "note")
    assert titles == [[[*GIVEN[:2], "deep image prior\n31.00 dB"]]]


def test_stages_show_the_iterations_beside_what_was_given(jobs, tmp_path):
    assert not draw_stages(tmp_path / "stages", jobs, AXES, "note")
    for job in jobs:
        for iteration in (1, 3, 10):
            Image.new("RGB", (8, 6), "red").save(job.run.folder / f"snapshots/{iteration:06}.webp")
        Image.new("RGB", (8, 6), "blue").save(job.run.folder / "snapshots/truth.png")
        Image.new("RGB", (8, 6), "lime").save(job.run.folder / "snapshots/classical.png")
    assert draw_stages(tmp_path / "stages", jobs, AXES, "note")
    with Image.open(tmp_path / "stages.png") as image:
        width, height = image.size
        colours = {colour for _, colour in image.convert("RGB").getcolors(1 << 24)}
    assert width / height == pytest.approx(6 * 1.9 / (2 * (1.9 + 2 * 0.13 + 0.25) + 0.3), rel=0.01)
    assert {(0, 0, 255), (0, 255, 0)} <= colours
