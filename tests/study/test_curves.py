import numpy as np
import pytest

from dip_lightning.study.curves import draw_curves
from dip_lightning.study.experiments import Experiment, find_experiment
from dip_lightning.study.figures import MOST_BYTES
from dip_lightning.study.results import find_results
from tests.study.test_figures import is_drawn

AXES = ("network", "lr")
SWEEP = Experiment("restoration_table1", "Title", "claim", AXES, ("psnr",))
RATES = find_experiment("sr_learning_rate")


def jobs_of(tmp_path):
    (jobs,) = find_results([tmp_path]).values()
    return jobs


def lines(frame):
    return {line.get_label(): line for line in frame.lines}


def words(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


@pytest.mark.parametrize("suffix", ["png", "pdf", "svg"])
def test_curves_are_drawn_in_each_format(result, tmp_path, suffix):
    result("a", lr=0.1)
    result("b", lr=0.01, psnr=33.0)
    draw_curves(tmp_path / "curves", jobs_of(tmp_path), ("lr",), SWEEP, "note")
    path = tmp_path / f"curves.{suffix}"
    assert path.stat().st_size > 1000
    assert suffix != "png" or is_drawn(path)


@pytest.mark.parametrize("seeds", [1, 2, 3])
def test_seeds_are_a_mean_in_a_band_and_factors_are_frames(result, tmp_path, saved, seeds):
    for factor in (4, 8):
        for lr in (0.01, 0.001):
            for seed in range(seeds):
                psnr = 30 + factor + 3 * seed**2
                study = {"study": RATES.name, "task": "sr", "factor": factor}
                result(f"{factor}-{lr}-{seed}", psnr=psnr, lr=lr, seed=seed, **study)
    draw_curves(tmp_path / "curves", jobs_of(tmp_path), ("factor", "lr"), RATES, "note")
    (figure,) = saved
    frames = figure.axes
    assert [frame.get_title() for frame in frames] == ["house, factor=4", "house, factor=8"]
    for frame, factor in zip(frames, (4, 8), strict=True):
        drawn = lines(frame)
        assert {"lr=0.01", "lr=0.001"} <= set(drawn)
        at_600 = 30 + factor - 100 / 600 + np.array([0, 3, 12])[:seeds]
        assert drawn["lr=0.01"].get_ydata()[-1] == pytest.approx(at_600.mean())
        bands = [c for c in frame.collections if len(c.get_paths()) and c.get_alpha() == 0.2]
        assert len(bands) == (2 if seeds > 1 else 0)
        if bands:
            y = bands[0].get_paths()[0].vertices
            low, high = (f(y[y[:, 0] == y[:, 0].max(), 1]) for f in (min, max))
            spread = np.array([at_600.min(), at_600.max()])
            if seeds == 3:
                spread = at_600.mean() + np.array([-1, 1]) * at_600.std(ddof=1)
            assert (low, high) == pytest.approx(tuple(spread))
    assert words(figure).count("lr=0.01") == 1
    note = figure.get_supxlabel()
    assert ("one standard deviation" in note) == (seeds == 3)
    assert ("lowest to highest" in note) == (seeds == 2)


def test_table_1_has_published_lines_and_marked_drops_on_one_scale(result, tmp_path, saved):
    published = {"house": 39.16, "boat": 33.06, "lena": 36.16, "man": 32.20}
    for image in published:
        result(image, image=image)
    draw_curves(tmp_path / "curves", jobs_of(tmp_path), (), SWEEP, "note")
    (figure,) = saved
    frames = [frame for frame in figure.axes if frame.get_title()]
    assert len({frame.get_ylim() for frame in frames}) == 1
    assert len({frame.get_xlim() for frame in frames}) == 1
    for frame in frames:
        level = lines(frame)["DIP, published"]
        assert set(level.get_ydata()) == {published[frame.get_title()]}
        assert level.get_linestyle() == ":"
        (marks,) = [c for c in frame.collections if len(c.get_offsets())]
        assert marks.get_offsets().tolist() == [[400, 30 - 100 / 400 - 5]]
    free = figure.axes[len(frames)]
    shown = [text.get_text() for text in free.get_legend().get_texts()]
    assert shown == ["DIP", "DIP, published", "sudden drop"]


def test_what_was_cut_has_no_published_line(result, tmp_path, saved):
    folder = result("a")
    metrics = (folder / "metrics.json").read_text()
    (folder / "metrics.json").write_text(metrics.replace('"cropped": false', '"cropped": true'))
    draw_curves(tmp_path / "curves", jobs_of(tmp_path), (), SWEEP, "note")
    assert "DIP, published" not in lines(saved[0].axes[0])


def test_a_loss_is_on_a_logarithmic_axis_with_plain_numbers(result, tmp_path, saved):
    result("a")
    draw_curves(tmp_path / "curves", jobs_of(tmp_path), (), find_experiment("impedance"), "note")
    frame = saved[0].axes[0]
    assert frame.get_yscale() == "log"
    saved[0].draw_without_rendering()
    assert "0.01" in [label.get_text() for label in frame.get_yticklabels()]


def test_a_long_study_is_a_small_file(result, tmp_path):
    rng = np.random.default_rng(0)
    for image in ("house", "boat", "lena", "man"):
        for seed in range(3):
            folder = result(f"{image}{seed}", image=image, seed=seed)
            psnr = 30 + rng.normal(0, 0.3, 11_000)
            rows = [f"{t},0.01,{value:.4f}" for t, value in enumerate(psnr, 1)]
            text = "\n".join(["iteration,loss,psnr", *rows]) + "\n"
            (folder / "diagnostics.csv").write_text(text)
    draw_curves(tmp_path / "curves", jobs_of(tmp_path), (), SWEEP, "note")
    assert 20_000 < (tmp_path / "curves.svg").stat().st_size < MOST_BYTES
