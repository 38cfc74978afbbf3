"""Every experiment in conf/study/ runs, as smoke, on images of a few pixels."""

import csv
import functools
import json

import pytest

from dip_lightning.cli.checking import check, parse
from dip_lightning.cli.composing import Source, to_config
from dip_lightning.cli.overrides import parse_overrides, values_of
from dip_lightning.images.collections import sources
from dip_lightning.study import figures
from dip_lightning.study.__main__ import main
from dip_lightning.study.experiments import EXPERIMENTS, find_experiment
from tests.conftest import save_png, smooth_image

NAMES = Source().options("study")
PAPER = {  # what STUDY's experiments say, job by job where they differ
    "inpainting_iterations": {"iterations": 15000, "lr": 0.01, "noise_std": 0.05, "input_depth": 2},
    "inpainting_learning_rate": {"iterations": 5000, "noise_std": 0.05, "input_depth": 2},
    "inpainting_input_depth": {"iterations": 5000, "lr": 0.01, "noise_std": 0.05},
    "inpainting_input_type": {"iterations": 5000, "lr": 0.01, "input_depth": 2},
    "inpainting_noise_std": {"iterations": 5000, "lr": 0.01, "input_depth": 2},
    "inpainting_images": {"iterations": 5000, "mask": "study/mask2"},
    "sr_set5": {"lr": 0.01, "input_depth": 32},
    "sr_learning_rate": {"image": "set5/bird", "input_depth": 32},
    "sr_factor": {"iterations": 2000, "lr": 0.001, "noise_std": 0.05},
    "sr_network": {"iterations": 2000, "lr": 0.001, "factor": 8},
    "restoration_table1": {"iterations": 11000, "lr": 0.001, "noise_std": 0.03, "known": 0.5},
    "restoration_network": {"iterations": 11000, "lr": 0.001, "noise_std": 0.03},
    "impedance": {"noise_std": 0.0, "lr": 0.01},
}
JOBS = {
    "inpainting_iterations": 1,
    "inpainting_learning_rate": 5,
    "inpainting_input_depth": 2,
    "inpainting_input_type": 2,
    "inpainting_noise_std": 4,
    "inpainting_images": 4,
    "sr_set5": 10,
    "sr_learning_rate": 8,
    "sr_factor": 5,
    "sr_network": 2,
    "restoration_table1": 11,
    "restoration_network": 8,
    "impedance": 4,
}

FEW = {  # of the experiments with many jobs; that all compose is tested below
    "sr_set5": (2, "image=set5/woman"),
    "sr_learning_rate": (4, "lr=0.01,0.0001"),
    "sr_learning_rate_images": (2, "image=set5/baby"),
    "inpainting_learning_rate": (2, "lr=0.1,0.0001"),
    "inpainting_noise_std": (2, "noise_std=0,0.1"),
    "restoration_network": (4, "image=bm3d11/montage"),
    "restoration_table1": (2, "image=bm3d11/house,bm3d11/boat"),
    "denoising_color9": (2, "image=color9/f16,color9/house"),
}


@pytest.fixture
def data(tmp_path, monkeypatch):
    """Images of 23 x 18 pixels under the names of the published ones."""
    for source in sources().values():
        path = tmp_path / "data" / source.name
        path.parent.mkdir(parents=True, exist_ok=True)
        channels = 1 if source.name.startswith(("study", "bm3d11")) else 3
        image = smooth_image(channels, 18, 23)
        save_png(path, (image > 0.5).float() if "mask" in source.name else image)
    monkeypatch.setenv("DIP_DATA", str(tmp_path / "data"))


@pytest.fixture
def png_only(monkeypatch):
    """Two more formats of each figure are half of the time, and tested elsewhere."""
    write = figures._write

    def write_png(figure, name, dpi, **options):
        return write(figure, name, dpi, **options) if name.endswith(".png") else 0

    monkeypatch.setattr(figures, "_write", write_png)


@functools.cache
def jobs(name):
    """The composed configuration of each job."""
    command = check(parse(["-m", f"+study={name}"]))
    choices = [values_of(o) for o in parse_overrides(command.overrides)]
    lists = [[]]
    for values in choices:
        if not values[0].startswith("hydra."):
            lists = [[*job, value] for job in lists for value in values]
    return [to_config(Source().compose(job)) for job in lists]


def test_every_file_is_described_and_every_description_has_a_file():
    assert {experiment.name for experiment in EXPERIMENTS} == set(NAMES)
    assert list(PAPER) == [e.name for e in EXPERIMENTS if e.title[0].isdigit()]
    assert find_experiment("mine").title == "mine"


@pytest.mark.parametrize("name", PAPER)
def test_settings_are_those_of_the_study(name):
    configs = jobs(name)
    assert len(configs) == JOBS[name]
    for config in configs:
        assert config.study == name
        assert {key: getattr(config, key) for key in PAPER[name]} == PAPER[name]
        if name.startswith("sr_"):
            assert config.observation == "pillow"


@pytest.mark.parametrize("name", ["sr_set5", "sr_learning_rate"])
def test_the_paper_fits_twice_as_long_at_x8(name):
    settings = {(c.factor, c.iterations, c.noise_std) for c in jobs(name)}
    assert settings == {(4, 2000, 0.03), (8, 4000, 0.05)}


def test_all_nine_images_are_denoised():
    assert len(jobs("denoising_color9")) == 9


def test_settings_a_and_b():
    found = {(c.preset, c.noise_std, c.lr, c.input_depth) for c in jobs("inpainting_images")}
    assert found == {("study_a", 0.2, 0.001, 32), ("study_b", 0.05, 0.1, 2)}


@pytest.mark.parametrize("name", NAMES)
def test_an_experiment_is_the_papers_unless_it_says_otherwise(name):
    for config in jobs(name):
        assert config.preset in {"paper", "study_a", "study_b"}
        assert (config.optimizer, config.schedule, config.average) == ("adam", "constant", 0.99)
        assert config.network["name"] not in {"skip_64", "skip_fast"}
    line = f"+study={name} preset=fast"
    assert to_config(Source().compose(line.split())).optimizer == "muon"


@pytest.mark.slow
@pytest.mark.usefixtures("data", "png_only")
@pytest.mark.parametrize("name", NAMES)
def test_smoke(dip, tmp_path, name):
    command = ("-m", f"+study={name}", "budget=smoke", "logger=none", "threads=1")
    count, *few = FEW.get(name, (JOBS.get(name),))
    status, out, err = dip(*command, *few, "seed=0", tiny=False)
    assert "\nsweep: outputs/sweeps/" in out
    if name == "sr_factor":  # an image of 18 pixels cannot be enlarged 32 times
        assert (status, err.count("error:")) == (1, 1)
        assert "factor=32: expected at most the shorter side" in err
    else:
        assert (status, err.count("error:")) == (0, 0)
    (folder,) = tmp_path.glob("outputs/sweeps/*")
    with (folder / "sweep.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == (count or len(rows))
    metrics = json.loads((folder / rows[0]["job"] / "metrics.json").read_text())
    assert (metrics["study"], metrics["budget"], metrics["iterations"]) == (name, "smoke", 3)
    assert main(["report", str(folder), "--to", str(tmp_path / "report")]) == 0
    report = (tmp_path / "report" / "report.md").read_text()
    assert "at most 64 pixels a side): 3 iterations, 23 x 18 pixels" in report
    for line in report.splitlines():
        if line.startswith("!["):
            assert (tmp_path / "report" / line.partition("](")[2][:-1]).stat().st_size > 1000


def test_the_study_is_as_long_as_the_documents_say():
    fits = [config for name in PAPER for config in jobs(name)]
    assert (len(fits), sum(config.iterations for config in fits)) == (66, 389_000)
