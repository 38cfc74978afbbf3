import matplotlib as mpl
import matplotlib.style
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from dip_lightning.study import figures
from dip_lightning.study.experiments import Experiment
from dip_lightning.study.figures import draw_against, looks, save
from dip_lightning.study.results import find_results

AXES = ("network", "lr")
SWEEP = Experiment("restoration_table1", "Title", "claim", AXES, ("psnr",))


def is_drawn(path):
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("L"))
    return pixels.min() < 100 and pixels.std() > 5


def ticks(axis):
    axis.figure.draw_without_rendering()
    return [label.get_text() for label in axis.get_ticklabels(which="both") if label.get_text()]


def test_a_swept_number_is_an_axis(result, tmp_path):
    result("a", lr=0.1)
    result("b", lr=0.01, psnr=33.0)
    jobs = find_results([tmp_path])["restoration_table1"]
    assert draw_against(tmp_path / "against", jobs, AXES, SWEEP, "note")
    assert is_drawn(tmp_path / "against.png")
    assert not draw_against(tmp_path / "none", jobs[:1], AXES, SWEEP, "note")
    assert not (tmp_path / "none.png").exists()


@pytest.mark.parametrize(
    ("key", "values", "written"),
    [
        ("factor", (2, 4, 8, 16, 32), ["2", "4", "8", "16", "32"]),
        ("lr", (0.00001, 0.001, 0.1), ["0.00001", "0.001", "0.1"]),
    ],
)
def test_ticks_are_plain_numbers(result, tmp_path, saved, key, values, written):
    for value in values:
        result(f"{key}{value}", **{key: value})
    jobs = find_results([tmp_path])["restoration_table1"]
    assert draw_against(tmp_path / "against", jobs, (key,), SWEEP, "note")
    assert ticks(saved[0].axes[0].xaxis) == written


def test_ticks_of_many_values_are_few(result, tmp_path, saved):
    for number in range(20):
        result(f"lr{number}", lr=10 ** (-number / 5))
    jobs = find_results([tmp_path])["restoration_table1"]
    assert draw_against(tmp_path / "against", jobs, ("lr",), SWEEP, "note")
    assert {"0.001", "0.01", "0.1", "1"} <= set(ticks(saved[0].axes[0].xaxis))
    assert len(ticks(saved[0].axes[0].xaxis)) < 10


def test_names_differ_in_hue_and_dash_and_numbers_in_lightness(result, tmp_path):
    result("a", lr=0.1)
    result("b", lr=0.01, network={"name": "unet"})
    jobs = find_results([tmp_path])["restoration_table1"]
    names = looks(jobs, ("network",), 28)
    assert len({(look["color"], str(look["linestyle"])) for look in names}) == 28
    assert [look["color"] for look in names[:2]] == ["#0072B2", "#D55E00"]
    assert names[0]["linestyle"] != names[1]["linestyle"]
    assert looks(jobs, ("network", "lr"), 2) == names[:2]
    numbers = [look["color"][:3] @ (0.299, 0.587, 0.114) for look in looks(jobs, ("lr",), 5)]
    assert numbers == sorted(numbers)


def test_true_and_false_are_names(result, tmp_path):
    result("a", keep_known=True)
    result("b", keep_known=False)
    jobs = find_results([tmp_path])["restoration_table1"]
    assert looks(jobs, ("keep_known",), 1) == [{"color": "#0072B2", "linestyle": "-"}]


def test_letters_are_letters_and_images_are_inside(result, tmp_path):
    result("a", lr=0.1)
    result("b", lr=0.01)
    jobs = find_results([tmp_path])["restoration_table1"]
    draw_against(tmp_path / "one", jobs, ("lr",), SWEEP, "a note below")
    draw_against(tmp_path / "two", jobs, ("lr",), SWEEP, "a note below")
    text = (tmp_path / "one.svg").read_text()
    assert "a note below</text>" in text
    assert (tmp_path / "one.pdf").read_bytes().startswith(b"%PDF")
    assert (tmp_path / "one.pdf").read_bytes() == (tmp_path / "two.pdf").read_bytes()


def test_an_svg_of_many_pixels_gets_fewer(tmp_path, monkeypatch):
    monkeypatch.setattr(figures, "MOST_BYTES", 60_000)
    figure = Figure(figsize=(2, 2))
    frame = figure.subplots()
    noise = np.random.default_rng(0).integers(0, 255, (300, 300), "uint8")
    frame.imshow(noise, interpolation="nearest")
    with mpl.style.context(figures.STYLE):
        save(figure, tmp_path / "noise")
    assert 10_000 < (tmp_path / "noise.svg").stat().st_size <= 60_000
    assert "data:image/png;base64" in (tmp_path / "noise.svg").read_text()
