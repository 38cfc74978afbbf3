import json
import os

import numpy as np
import pytest

from dip_lightning.study.__main__ import main
from dip_lightning.study.experiments import find_experiment
from dip_lightning.study.results import OURS, all_axes, find_results, format_value, frame, latest
from dip_lightning.study.tables import wide

TABLE1 = find_experiment("restoration_table1")


def test_what_has_no_numbers_says_why(result, tmp_path):
    result("a")
    result("b", study=None)
    (result("c") / "metrics.json").write_text('{"status": "failed", "error": "no good"}')
    (result("d") / "metrics.json").write_text("{")
    (result("e") / "history.csv").unlink()
    (result("f") / "history.csv").write_text("")
    (result("i") / "history.csv").write_text("iteration,loss,psnr\n1,0.1,nothing\n")
    (result("k") / "diagnostics.csv").write_text("iteration,loss,psnr\n1,?,20\n")
    (result("j") / "history.csv").write_text("iteration,loss,psnr\n")
    (result("l") / "diagnostics.csv").write_text("iteration,loss\n1,0.1\n")
    (result("g") / ".hydra" / "rerun.yaml").write_text("lr: [\nstudy: x")
    (result("m") / "metrics.json").unlink()
    result("h", psnr=1.0)
    path = tmp_path / "outputs" / "h" / "metrics.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "psnr": None}))
    (jobs,) = find_results([tmp_path]).values()
    assert {job.run.folder.name: job.trouble for job in jobs} == {
        "a": None,
        "c": "failed: no good",
        "d": "metrics.json cannot be read",
        "e": "history.csv missing",
        "f": "history.csv cannot be read",
        "h": "no ground truth",
        "i": "history.csv cannot be read",
        "j": "history.csv cannot be read",
        "k": "diagnostics.csv cannot be read",
        "l": "diagnostics.csv cannot be read",
        "m": "running",
    }


def test_a_folder_given_twice_counts_once(result, tmp_path, monkeypatch):
    result("a")
    monkeypatch.chdir(tmp_path)
    folders = [tmp_path, tmp_path / "outputs", type(tmp_path)("outputs")]
    assert len(find_results(folders)["restoration_table1"]) == 1


def test_settings_are_read_back(result, tmp_path):
    result("a", lr=0.001, iterations=4000, seed=3)
    ((job,),) = find_results([tmp_path]).values()
    assert job.setting("network") == "skip"
    assert job.setting("iterations") == 4000
    assert job.label(("lr", "network")) == "lr=0.001, network=skip, seed=3"
    assert job.limits == "cpu (at most 600 iterations)"
    assert list(job.run.history["iteration"][:2]) == [10, 20]


def test_jobs_that_differ_in_more_than_the_seed_are_told_apart(result, tmp_path):
    result("a", lr=0.1, seed=0)
    result("b", lr=0.1, seed=1)
    result("c", lr=0.1, image="boat", preset="other")
    jobs = find_results([tmp_path])["restoration_table1"]
    assert all_axes(jobs, TABLE1) == ()
    result("d", lr=0.01)
    jobs = find_results([tmp_path])["restoration_table1"]
    assert all_axes(jobs, TABLE1) == ("lr",)


def test_what_was_typed_for_some_images_only_has_a_column(result, tmp_path):
    result("a", preset="fast", mask="one", typed=["image=bm3d11/house", "preset=fast", "mask=one"])
    result("b", image="boat", preset="paper", mask="two", typed=["mask=two", "threads=1"])
    jobs = find_results([tmp_path])["restoration_table1"]
    assert all_axes(jobs, TABLE1) == ("preset",)
    table = wide(frame(jobs, TABLE1, ("preset",)), ("preset",), "psnr")
    assert list(table["image"]) == ["house", "boat"]  # and no mean of them


def test_iterations_that_were_asked_for_are_not_those_that_were_done(result, tmp_path):
    for name, iterations in (("a", 1000), ("b", 2000)):
        result(name, iterations=iterations)
    rows = frame(find_results([tmp_path])["restoration_table1"], TABLE1, ("iterations",))
    asked, done = set(rows["iterations asked"]), set(rows["iterations"])
    assert (asked, done) == ({"1000", "2000"}, {600})


def values(result, tmp_path, **settings):
    result("a", **settings)
    rows = frame(find_results([tmp_path])["restoration_table1"], TABLE1, ())
    return {(r.metric, r.method): r.value for r in rows.itertuples()}


def test_every_method_and_metric_has_a_row(result, tmp_path):
    assert values(result, tmp_path) == {
        ("psnr", "DIP, published"): 39.16,
        ("psnr", "sparse coding, published"): 34.58,
        ("psnr", "DIP, the study (oracle)"): 38.87,
        ("psnr", "biharmonic"): 35.7,
        ("psnr", "DIP, last"): 30.0,
        ("psnr", "DIP, averaged"): 31.0,
        ("psnr", "DIP, averaged, known pixels kept"): 31.0,
        ("psnr", "DIP, best (oracle)"): 32.0,
        ("psnr_holes", "biharmonic"): 32.7,
        ("psnr_holes", "DIP, last"): 27.0,
        ("psnr_holes", "DIP, averaged"): 28.0,
    }


@pytest.mark.parametrize(
    "settings",
    [{"mask": None}, {"image": "mine"}, {"task": "inpainting"}, {"max_side": 8}],
)
def test_published_numbers_of_something_else_stay_away(result, tmp_path, settings):
    if "max_side" in settings:
        path = result("a", **settings) / "metrics.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), "cropped": True}))
        rows = frame(find_results([tmp_path])["restoration_table1"], TABLE1, ())
        assert not rows["method"].str.contains("published").any()
    else:
        assert not any("published" in method for _, method in values(result, tmp_path, **settings))


def methods(folder, **more):
    """Return what the report says of each method, of a run with these numbers, too."""
    path = folder / "metrics.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **more}))
    ((job,),) = find_results([folder]).values()
    rows = frame([job], TABLE1, ())
    return dict(rows[rows["metric"] == "psnr"][["method", "value"]].itertuples(index=False))


def test_known_pixels_are_kept_afterwards_where_the_fit_has_not(result):
    generator = np.random.default_rng(0)
    error, missing = generator.normal(size=1000) ** 2 / 100, generator.random(1000) < 0.4
    parts = {"": error, "_holes": error[missing], "_known": error[~missing]}
    psnr = {f"psnr{name}_average": -10 * np.log10(part.mean()) for name, part in parts.items()}
    found = methods(result("a"), **psnr)
    assert found["DIP, averaged"] == psnr["psnr_average"]
    kept = np.where(missing, error, 0).mean()
    assert found["DIP, averaged, known pixels kept"] == pytest.approx(-10 * np.log10(kept))


def test_what_a_fit_has_kept_and_combined_is_the_result(result):
    found = methods(result("a"), psnr_known_average=None, result="combined", psnr_result=33.0)
    assert [found[name] for name in OURS] == [30.0, 31.0, 31.0, 33.0, 32.0]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *((1e-5, "0.00001"), (1e-8, "1e-08"), (0.1, "0.1"), (100.0, "100"), (0.0, "0")),
        *((32, "32"), ("x", "x"), (None, "null")),
    ],
)
def test_format_value(value, text):
    assert format_value(value) == text


def test_an_axis_with_one_value_has_no_column(result, tmp_path):
    result("a", lr=0.1, factor=4)
    result("b", lr=0.01, factor=4)
    jobs = find_results([tmp_path])["restoration_table1"]
    assert all_axes(jobs, find_experiment("sr_learning_rate")) == ("lr",)


def test_options_of_a_network_iterations_and_collections_are_no_seeds(result, tmp_path):
    result("a", network={"name": "skip", "activation": "leaky_relu"}, iterations=600)
    result("b", network={"name": "skip", "activation": "elu"}, iterations=600)
    result("c", network={"name": "skip", "activation": "elu"}, iterations=300)
    (tmp_path / "outputs").rename(tmp_path / "first")
    jobs = find_results([tmp_path])["restoration_table1"]
    axes = all_axes(jobs, TABLE1)
    assert axes == ("iterations", "network.activation")
    assert len(latest(jobs, axes)) == 3
    folder = result("d")
    config = folder / ".hydra" / "rerun.yaml"
    config.write_text(config.read_text().replace("bm3d11/house", "color9/house"))
    names = {job.image for job in find_results([tmp_path])["restoration_table1"]}
    assert names == {"bm3d11/house", "color9/house"}


def test_of_a_seed_done_twice_the_latest_counts(result, tmp_path):
    os.utime(result("a", psnr=30.0) / "metrics.json", (2, 2))
    os.utime(result("b", psnr=32.0) / "metrics.json", (1, 1))
    jobs = find_results([tmp_path])["restoration_table1"]
    assert [job.run.folder.name for job in latest(jobs, ())] == ["a"]


def test_a_name_that_is_no_files_is_no_study(result, tmp_path):
    for number, name in enumerate(("../../elsewhere", "/elsewhere", ["a"], "my own")):
        result(tmp_path / f"{number}", study=name)
    assert list(find_results([tmp_path])) == ["my own"]


def test_a_report_that_cannot_be_written_says_why(result, tmp_path, capsys):
    result("a")
    (tmp_path / "file").write_text("mine")
    assert main(["report", str(tmp_path), "--to", str(tmp_path / "file")]) == 1
    assert capsys.readouterr().err == f"error: {tmp_path / 'file'}: File exists\n"
    assert (tmp_path / "file").read_text() == "mine"


def test_a_setting_that_the_first_job_has_not_keeps_jobs_apart(result, tmp_path):
    result("a")
    for name, kernel in (("b", 3), ("c", 5)):
        result(name, network={"name": "skip", "down": [1], "kernel_up": kernel})
    jobs = find_results([tmp_path])["restoration_table1"]
    assert "network.kernel_up" in all_axes(jobs, find_experiment("restoration_table1"))
