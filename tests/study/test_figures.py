import numpy as np
import pytest
from PIL import Image

from dip_lightning.study.experiments import Experiment
from dip_lightning.study.figures import draw_against, draw_curves, draw_stages, draw_strip
from dip_lightning.study.results import find_results

AXES = ("network", "lr")
SWEEP = Experiment("restoration_table1", "Title", "claim", AXES, ("psnr",))


@pytest.fixture
def jobs(result, tmp_path):
    result("a", lr=0.1)
    result("b", lr=0.01, psnr=33.0)
    return find_results([tmp_path])["restoration_table1"]


def is_drawn(path):
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("L"))
    return pixels.min() < 100 and pixels.std() > 5


@pytest.mark.parametrize("suffix", ["png", "pdf", "svg"])
def test_curves_are_drawn_in_any_format(jobs, tmp_path, suffix):
    path = tmp_path / f"curves.{suffix}"
    draw_curves(path, jobs, AXES, SWEEP, "note")
    assert path.stat().st_size > 1000
    assert suffix != "png" or is_drawn(path)


def test_a_swept_number_is_an_axis(jobs, tmp_path):
    assert draw_against(tmp_path / "against.png", jobs, AXES, SWEEP, "note")
    assert is_drawn(tmp_path / "against.png")


def test_without_a_swept_number_there_is_no_such_figure(jobs, tmp_path):
    assert not draw_against(tmp_path / "against.png", jobs[:1], AXES, SWEEP, "note")
    assert not (tmp_path / "against.png").exists()


def test_strip_has_a_panel_for_each_job(jobs, tmp_path):
    draw_strip(tmp_path / "strip.png", jobs, AXES, "note")
    with Image.open(tmp_path / "strip.png") as image:
        width, height = image.size
    assert width / height == pytest.approx(3 * 1.9 / 2.7, rel=0.01)


def test_stages_show_the_iterations_and_the_truth(jobs, tmp_path):
    assert not draw_stages(tmp_path / "stages.png", jobs, AXES, "note")
    for job in jobs:
        (job.run.folder / "snapshots").mkdir()
        for iteration in (1, 3, 10):
            Image.new("RGB", (8, 6), "red").save(job.run.folder / f"snapshots/{iteration:06}.webp")
        Image.new("RGB", (8, 6), "blue").save(job.run.folder / "snapshots/truth.png")
    assert draw_stages(tmp_path / "stages.png", jobs, AXES, "note")
    with Image.open(tmp_path / "stages.png") as image:
        width, height = image.size
        colours = {colour for _, colour in image.convert("RGB").getcolors(1 << 24)}
    assert width / height == pytest.approx(4 * 1.9 / (2 * 2.4 + 0.3), rel=0.01)
    assert (0, 0, 255) in colours


def test_many_images_and_seeds(result, tmp_path):
    for image in ("a", "b", "c", "d"):
        for seed in range(3):
            result(f"{image}{seed}", image=image, seed=seed, lr=0.1 / (seed + 1))
    jobs = find_results([tmp_path])["restoration_table1"]
    draw_curves(tmp_path / "curves.png", jobs, AXES, SWEEP, "note")
    draw_strip(tmp_path / "strip.png", jobs, AXES, "note")
    assert draw_against(tmp_path / "against.png", jobs, AXES, SWEEP, "note")
    assert all(is_drawn(tmp_path / f"{name}.png") for name in ("curves", "strip", "against"))
