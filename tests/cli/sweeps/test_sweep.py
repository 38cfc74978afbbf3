"""A sweep that is started again goes on where it ended."""

import csv
import json
import os
import signal
import time

from dip_lightning.cli.sweeps.sweep import Sweep, best, format_summary, select, write_summary
from tests.conftest import TINY, read_metrics
from tests.dashboard.conftest import data_of
from tests.faults.killing import start, wait

QUICK = ("task=denoising", "preset=smoke", "iterations=2", "logger=none")


def test_summary_has_a_row_for_each_job(tmp_path):
    results = {
        "lr=0.1": {
            "status": "finished",
            "psnr": 30.0,
            "psnr_average": 31.0,
            "psnr_result": 32.5,
            "seconds": 2.0,
            "swept": {"lr": "0.1"},
        },
        "lr=9": {"status": "failed", "error": "lr=9: no good, sorry", "swept": {"lr": "9"}},
        "old": {"status": "finished"},
    }
    for name, metrics in results.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "metrics.json").write_text(json.dumps(metrics))
    lines = format_summary(write_summary(tmp_path, Sweep(("lr",)))).splitlines()
    assert lines[1].split() == ["lr=0.1", "30.00", "31.00", "32.50", "2.0", "finished"]
    assert lines[2].endswith("failed: lr=9: no good, sorry")
    with (tmp_path / "sweep.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["job"] for row in rows] == ["lr=0.1", "lr=9", "old"]
    assert [row["lr"] for row in rows] == ["0.1", "9", ""]
    assert rows[0]["psnr_result"] == "32.5"
    assert rows[1]["error"] == "lr=9: no good, sorry"


def test_without_ground_truth_the_summary_has_no_dashes():
    rows = [{"job": "a", "status": "finished", "psnr": None, "seconds": 2.0}]
    assert [line.split() for line in format_summary(rows).splitlines()] == [
        ["job", "seconds", "status"],
        ["a", "2.0", "finished"],
    ]


def make_jobs(folder, swept, **measured):
    for number, values in enumerate(swept):
        job = folder / "-".join(f"{key}={value}" for key, value in sorted(values.items()))
        job.mkdir()
        metrics = {name: column[number] for name, column in measured.items()}
        text = json.dumps({"status": "finished", "swept": values, **metrics})
        (job / "metrics.json").write_text(text)


def test_rows_are_in_the_order_of_their_values(tmp_path):
    values = [(lr, seed) for lr in ("0.1", "1e-05", "0.001", "0.01") for seed in ("10", "2")]
    make_jobs(tmp_path, [{"lr": lr, "seed": seed} for lr, seed in values])
    ordered = [(lr, seed) for lr in ("1e-05", "0.001", "0.01", "0.1") for seed in ("2", "10")]
    for keys in (("lr", "seed"), ("seed", "lr")):
        rows = write_summary(tmp_path, Sweep(keys))
        expected = ordered if keys[0] == "lr" else sorted(ordered, key=lambda pair: int(pair[1]))
        assert [(row["swept"]["lr"], row["swept"]["seed"]) for row in rows] == expected
        with (tmp_path / "sweep.csv").open() as file:
            assert tuple(next(csv.reader(file))[:3]) == ("job", *keys)


def test_text_is_sorted_as_one_reads_it(tmp_path):
    names = ["b2", "b10", "null", "a", "nan", "3"]
    make_jobs(tmp_path, [{"image": name} for name in names])
    rows = write_summary(tmp_path, Sweep(("image",)))
    assert [row["swept"]["image"] for row in rows] == ["3", "a", "b2", "b10", "nan", "null"]


def test_of_a_folder_the_rows_that_a_command_means(tmp_path):
    make_jobs(tmp_path, [{"seed": "0"}, {"seed": "1"}, {"seed": "0", "lr": "0.1"}])
    rows = write_summary(tmp_path, Sweep(("seed",)))
    assert [row["job"] for row in select(rows, {"seed": ["0", "3"]})] == ["seed=0"]


def test_what_another_command_has_typed_has_a_column(dip, tmp_path, photo):
    folder = tmp_path / "images of mine"
    folder.mkdir()
    photo.rename(folder / "photo.png")
    command = (*QUICK, f"image='{folder}'", "hydra.sweep.dir=out", "-m")
    assert dip(*command, "lr=0.01,0.02")[0] == 0
    assert dip(*command, "lr=0.03,0.04", "sigma=10", "seed=1,2")[0] == 0
    with (tmp_path / "out" / "sweep.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["image"] for row in rows} == {f"{folder}/photo.png"}
    found = [(row["lr"], row["sigma"], row["seed"]) for row in rows]
    later = [(lr, "10.0", seed) for lr in ("0.03", "0.04") for seed in ("1", "2")]
    assert found == [("0.01", "25.0", "0"), ("0.02", "25.0", "0"), *later]
    assert "preset" not in rows[0]


def test_names_that_somebody_has_changed(tmp_path):
    make_jobs(tmp_path, [{"image": "'a b.png'"}, {"image": "'half"}, {"image": 3}])
    write_summary(tmp_path, Sweep(("image",)))
    with (tmp_path / "sweep.csv").open() as file:
        assert sorted(row["image"] for row in csv.DictReader(file)) == ["'half", "3", "a b.png"]


def test_a_search_has_its_objective_and_its_best(tmp_path):
    swept = [{"lr": "0.1"}, {"lr": "0.2"}, {"lr": "0.3"}]
    scores = {"psnr_holdout": [20.5, 21.25, None], "status": ["finished", "finished", "failed"]}
    make_jobs(tmp_path, swept, **scores)
    rows = write_summary(tmp_path, Sweep(("lr",), objective="psnr_holdout"))
    assert best(rows)["job"] == "lr=0.2"
    lines = format_summary(rows, "psnr_holdout").splitlines()
    assert "psnr_holdout" in lines[0]
    assert [line.endswith(", the best") for line in lines] == [False, False, True, False]
    assert "21.250" in lines[2]
    with (tmp_path / "sweep.csv").open() as file:
        assert [row["objective"] for row in csv.DictReader(file)] == ["20.5", "21.25", ""]
    assert best(write_summary(tmp_path, Sweep(("lr",)))) is None


def times(tmp_path):
    files = tmp_path.glob("outputs/sweeps/*/*/**/*")
    return {str(path): path.stat().st_mtime_ns for path in files if path.is_file()}


def test_finished_jobs_are_left_alone(dip, tmp_path, photo):
    command = (*QUICK, f"image={photo}", "-m", "seed=1,2,3")
    assert dip(*command)[0] == 0
    before = times(tmp_path)
    (gone,) = tmp_path.glob("outputs/sweeps/*/seed=2/metrics.json")
    gone.unlink()
    status, out, _ = dip(*command)
    assert status == 0
    assert out.count("finished before") == 2
    (summary,) = tmp_path.glob("outputs/sweeps/*/sweep.csv")
    with summary.open() as file:
        assert [row["seed"] for row in csv.DictReader(file)] == ["1", "2", "3"]
    after = times(tmp_path)
    assert after.keys() == before.keys()
    touched = {path for path in after if after[path] != before[path]}
    assert {path.split("/seed=")[1][0] for path in touched} == {"2"}


def test_jobs_that_have_not_begun_are_on_the_page_while_the_sweep_lives(
    dip, tmp_path, photo, monkeypatch
):
    from dip_lightning.dashboard import page

    shown, write = [], page.write_dashboard

    def written(folder):
        write(folder)
        shown.append([job["name"] for job in data_of(folder / page.PAGE)["queued"]])

    monkeypatch.setattr(page, "write_dashboard", written)
    command = (*QUICK, f"image={photo}", "hydra.sweep.dir=sweep", "-m")
    assert dip(*command, "seed=1,2,3")[0] == 0
    assert shown == [["seed=2", "seed=3"], ["seed=3"], [], []]
    shown.clear()
    (tmp_path / "sweep" / "jobs.json").unlink()
    assert dip(*command, "seed=4,3,5")[0] == 0
    assert shown == [["seed=5"], [], []]


def test_a_job_is_its_settings_not_its_command(dip, tmp_path, photo):
    common = (*QUICK, f"image={photo}")
    dip(*common, "-m", "seed=0,1,2")
    status, out, _ = dip("-m", "seed=3,1,0", "overlap=null", f"image={photo}", *QUICK)
    assert status == 0
    assert out.count("finished before") == 2
    assert "[1 of 3] seed=3\n" in out
    table = out[out.index("\njob ") :]
    assert [line.split()[0] for line in table.splitlines()[2:5]] == ["seed=0", "seed=1", "seed=3"]
    assert "1 other job of this sweep, from other commands" in table
    (summary,) = tmp_path.glob("outputs/sweeps/*/sweep.csv")
    with summary.open() as file:
        assert [row["seed"] for row in csv.DictReader(file)] == ["0", "1", "2", "3"]


def test_a_file_that_is_added_to_a_folder_is_one_more_job(dip, tmp_path):
    from tests.conftest import save_png, smooth_image

    (tmp_path / "scans").mkdir()
    for number in (1, 2, 3):
        save_png(tmp_path / "scans" / f"{number}.png", smooth_image(1, 9, 11))
        status, out, _ = dip(*QUICK, "observed=scans")
        assert status == 0
        assert out.count("finished before") == number - 1
        assert out.count("  finished") == number
    assert len(list(tmp_path.glob("outputs/sweeps/*"))) == 1


def test_a_stopped_sweep_says_how_to_go_on(dip, tmp_path, photo, monkeypatch):
    from dip_lightning import outcome

    measure = outcome.measure

    def slow(*arguments, **options):
        if len(list(tmp_path.glob("sweep/*/last.ckpt"))) == 2:
            signal.raise_signal(signal.SIGINT)
        return measure(*arguments, **options)

    monkeypatch.setattr(outcome, "measure", slow)
    command = (*QUICK, f"image={photo}", "hydra.sweep.dir=sweep", "-m", "seed=0,1,2")
    status, out, err = dip(*command)
    assert status == 130
    assert [line.split()[0] for line in out.splitlines()[-4:-2]] == ["seed=0", "seed=1"]
    assert "sweep: sweep\n" in out
    assert err.endswith("stopped with 2 of 3 jobs finished; type the same command again to go on\n")
    monkeypatch.setattr(outcome, "measure", measure)
    status, out, _ = dip(*command)
    assert status == 0
    assert out.count("finished before") == 2


def test_resume_false_does_it_again(dip, photo):
    command = (*QUICK, f"image={photo}", "-m", "seed=1,2")
    dip(*command)
    assert "finished before" not in dip(*command, "resume=false")[1]
    assert "finished before" in dip(*command)[1]


def test_other_settings_in_the_same_folder_do_it_again(dip, photo):
    command = (*QUICK, f"image={photo}", "-m", "seed=1,2", "hydra.sweep.dir=here")
    dip(*command)
    assert "finished before" not in dip(*command, "lr=0.02")[1]


def test_a_failed_job_is_tried_again(dip, tmp_path):
    command = (*QUICK, "image=photo.png", "-m", "seed=1,2")
    (tmp_path / "photo.png").write_bytes(b"broken")
    assert dip(*command)[0] == 1
    from tests.conftest import save_png, smooth_image

    save_png(tmp_path / "photo.png", smooth_image(3, 13, 17))
    status, out, _ = dip(*command)
    assert status == 0
    assert out.count("  finished") == 2


def test_a_killed_sweep_goes_on(dip, tmp_path, photo):
    command = [*QUICK, f"image={photo}", "iterations=300", "-m", "seed=1,2,3,4"]
    killed = start(tmp_path / "log", [*command, *TINY])
    deadline = time.monotonic() + 120
    while len(list(tmp_path.glob("outputs/sweeps/*/*/metrics.json"))) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.kill(killed, signal.SIGKILL)
    assert wait(killed) == -signal.SIGKILL
    done = [path.parent for path in tmp_path.glob("outputs/sweeps/*/*/metrics.json")]
    assert len(done) < 4
    before = times(tmp_path)
    status, out, _ = dip(*command)
    assert status == 0
    assert out.count("finished before") == len(done)
    after = times(tmp_path)
    for path, changed in before.items():
        # By the job that was killed.
        left = ".partial." in path or path.endswith((".lock", ".dip_lightning.jsonl"))
        if any(path.startswith(f"{job}/") for job in done) and not left:
            assert after[path] == changed, path
    assert len(list(tmp_path.glob("outputs/sweeps/*/*/restored.png"))) == 4


def test_pages_are_written_after_each_job_failed_ones_included(dip, tmp_path, photo):
    arguments = ("task=sr", "factor=2,32", f"image={photo}", "preset=smoke", "iterations=2", "-m")
    assert dip(*arguments, "logger=none", "hydra.sweep.dir=sweep")[0] == 1
    data = data_of(tmp_path / "sweep" / "dashboard.html")
    assert [run["status"] for run in data["runs"]] == ["finished", "failed"]
    assert data["swept"][0] == "factor"
    for run in data["runs"]:
        (single,) = data_of(tmp_path / "sweep" / run["id"] / "report.html")["runs"]
        assert single["status"] == run["status"]


def test_the_end_of_a_sweep_names_a_job_whose_folder_is_another_s(dip, photo):
    own = photo.parent / "out" / "seed=0" / "restored.png"
    own.parent.mkdir(parents=True)
    own.write_text("mine")
    status, out, _ = dip(*QUICK, f"image={photo}", "-m", "seed=0,1", "hydra.sweep.dir=out")
    assert status == 1
    assert own.read_text() == "mine"
    table = out.partition("\nsweep: out\n")[2]
    assert table.startswith("not done by this command: seed=0: out/seed=0/restored.png: was not")


def test_keys_that_hydra_is_told_to_add_are_no_others(dip, tmp_path, photo):
    command = (*QUICK, f"image={photo}", "-m", "++seed=1,2", "study=mine", "hydra.sweep.dir=out")
    (tmp_path / "mine" / "study").mkdir(parents=True)
    (tmp_path / "mine/study/mine.yaml").write_text("# @package _global_\nstudy: mine\n")
    status, out, _ = dip("--config-dir", "mine", *command)
    assert status == 0
    assert "[1 of 2] seed=1\n" in out
    assert out.splitlines()[-2:] == ["sweep: out", "to browse it: out/dashboard.html"]
    for seed in (1, 2):
        assert read_metrics(tmp_path / "out" / f"++seed={seed}")["swept"] == {"seed": str(seed)}


def test_a_result_of_an_earlier_version_is_selected(tmp_path):
    make_jobs(tmp_path, [{"seed": "0", "+study": "mine"}])
    assert select(write_summary(tmp_path, Sweep(("seed",))), {"seed": ["0"]})


def test_a_file_in_place_of_the_folder_of_all_results_is_a_sentence(dip, tmp_path, photo):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "all").write_text("mine")
    status, _, err = dip(*QUICK, f"observed={tmp_path}/*.png", "hydra.sweep.dir=out")
    assert (status, "Traceback" in err) == (2, False)
    assert "error: out/all" in err
    assert (tmp_path / "out" / "all").read_text() == "mine"
