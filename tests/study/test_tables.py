import pandas as pd
import pytest

from dip_lightning.study.experiments import find_experiment
from dip_lightning.study.results import find_results, frame
from dip_lightning.study.tables import label, markdown, wide

TABLE1 = find_experiment("restoration_table1")


def read(tmp_path, axes=()):
    jobs = find_results([tmp_path])["restoration_table1"]
    return jobs, frame(jobs, TABLE1, axes)


def test_mean_and_spread_over_seeds_beside_published_numbers(result, tmp_path):
    result("a", psnr=30.0, seed=0)
    result("b", psnr=32.0, seed=1)
    table = wide(read(tmp_path)[1], (), "psnr").set_index("image")
    assert dict(table.loc["house"]) == {
        "DIP, published": "39.16",
        "sparse coding, published": "34.58",
        "DIP, the study (oracle)": "38.87",
        "biharmonic": "35.70",
        "DIP, last": "31.00 ± 1.41 (2 seeds)",
        "DIP, averaged": "32.00 ± 1.41 (2 seeds)",
        "DIP, averaged, known pixels kept": "32.00 ± 1.41 (2 seeds)",
        "DIP, best (oracle)": "33.00 ± 1.41 (2 seeds)",
    }


def test_the_same_seed_twice_is_no_spread(result, tmp_path):
    result("a", psnr=30.0)
    result("b", psnr=32.0)
    assert wide(read(tmp_path)[1], (), "psnr")["DIP, last"][0] == "31.00"


def test_what_nobody_knows_stays_empty(result, tmp_path):
    result("a", image="boat", baseline=False)
    result("b", image="house")
    result("c", image="mine", psnr=20.0)
    table = wide(read(tmp_path)[1], (), "psnr").set_index("image")
    assert table.loc["boat", "biharmonic"] == ""
    assert table.loc["boat", "DIP, last"] == "30.00"
    assert table.loc["house", "biharmonic"] == "35.70"
    assert table.loc["mine", "DIP, published"] == ""
    assert dict(table.loc["mean of 3"]) == {
        **dict.fromkeys(table.columns, ""),
        "DIP, last": "26.67",
        "DIP, averaged": "27.67",
        "DIP, averaged, known pixels kept": "27.67",
        "DIP, best (oracle)": "28.67",
    }
    assert wide(read(tmp_path)[1], (), "ssim").empty


def test_means_are_over_the_images_of_one_setting(result, tmp_path):
    for i, (image, lr, psnr) in enumerate(
        [("house", 0.1, 20.0), ("boat", 0.1, 22.0), ("house", 0.01, 30.0), ("boat", 0.01, 33.0)]
    ):
        result(str(i), image=image, lr=lr, psnr=psnr)
    table = wide(read(tmp_path, ("lr",))[1], ("lr",), "psnr")
    means = table[table["image"] == "mean of 2"].set_index("lr")["DIP, last"]
    assert dict(means) == {"0.1": "21.00", "0.01": "31.50"}


def test_markdown():
    table = pd.DataFrame({"a": ["x"], "b": ["1.00"]})
    assert markdown(table) == "| a | b |\n| --- | --- |\n| x | 1.00 |"


@pytest.mark.parametrize(
    ("typed", "changed"),
    [((), "."), (("+study=x", "lr=1", "seed=1", "checkpoint_seconds=15"), "; changed: lr=1.")],
)
def test_label_says_how_it_was_measured(result, tmp_path, typed, changed):
    result("a", typed=typed)
    result("b", seed=1)
    jobs, _ = read(tmp_path)
    assert label(jobs, ()) == (
        "budget cpu (at most 600 iterations): 600 iterations, 8 x 6 pixels; seed 0, 1; "
        f"a computer, float32; 2 jobs, 4 minutes{changed}"
    )


def test_label_names_what_is_fixed(result, tmp_path):
    result("a", factor=4)
    assert label(read(tmp_path)[0], (), ["factor"]).startswith("factor=4; budget cpu")
