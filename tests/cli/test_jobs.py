"""The jobs of a command, in their order, and what becomes of those that fail."""

import json

from tests.conftest import save_png, smooth_image

QUICK = ("preset=smoke", "iterations=2", "logger=none")


def test_multirun_flag_in_the_middle(dip, tmp_path, photo):
    status, out, _ = dip("task=sr", "factor=2", f"image={photo}", *QUICK, "-m", "lr=0.01,0.001")
    assert status == 0
    jobs = sorted(tmp_path.glob("outputs/sweeps/*/*/metrics.json"))
    assert [job.parent.name for job in jobs] == ["lr=0.001", "lr=0.01"]
    assert "[1 of 2] lr=0.01" in out
    assert json.loads(jobs[0].read_text())["psnr"] != json.loads(jobs[1].read_text())["psnr"]


def test_a_job_does_not_depend_on_those_before_it(dip, tmp_path, photo):
    common = ("task=denoising", f"image={photo}", *QUICK)
    dip(*common, "-m", "seed=2,1", "hydra.sweep.dir=several")
    dip(*common, "-m", "seed=1", "hydra.sweep.dir=single")
    after, alone = tmp_path / "several" / "seed=1", next((tmp_path / "single").glob("*/"))
    assert (after / "restored.png").read_bytes() == (alone / "restored.png").read_bytes()


def test_a_failing_job_does_not_stop_the_others(dip, tmp_path, photo):
    status, _, err = dip(
        "task=inpainting", f"image={photo}", *QUICK, "-m", "mask=nowhere.png,hole", "seed=1,2"
    )
    assert status == 1
    results = [
        json.loads(p.read_text()) for p in sorted(tmp_path.glob("outputs/sweeps/*/*/metrics.json"))
    ]
    assert sorted(result["status"] for result in results) == ["failed"] * 2 + ["finished"] * 2
    (sentence,) = {result["error"] for result in results if "error" in result}
    assert sentence == "mask=nowhere.png: no such file"
    assert err.count("error: mask=nowhere.png: no such file") == 2
    assert "Traceback" not in err


def test_folder_restores_each_image(dip, tmp_path):
    (tmp_path / "scans").mkdir()
    save_png(tmp_path / "scans" / "a, (1).png", smooth_image(1, 9, 11))
    (tmp_path / "scans" / "b.png").write_bytes(b"broken")
    save_png(tmp_path / "scans" / "c.png", smooth_image(3, 9, 11))
    status, _, err = dip("task=denoising", "observed=scans", *QUICK)
    assert status == 1
    assert len(list(tmp_path.glob("outputs/sweeps/*/*/restored.png"))) == 2
    assert "b.png: not an image" in err


def test_finished_jobs_leave_no_network_behind(dip, photo):
    import gc

    from dip_lightning.generators.skip import Skip

    def networks():
        return {id(thing) for thing in gc.get_objects() if type(thing) is Skip}

    before = networks()  # what pytest keeps of tests that failed
    dip("task=denoising", f"image={photo}", *QUICK, "-m", "seed=1,2,3")
    assert not networks() - before
