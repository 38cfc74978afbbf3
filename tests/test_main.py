"""The command as a user types it, from arguments to result folder."""

import csv
import os
import re
import subprocess
import sys
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
import torch
from PIL import Image

from dip_lightning.config import config_folder
from dip_lightning.runs.ownership import LISTING
from tests.conftest import TINY, read_metrics, save_png, smooth_image

QUICK = ("preset=smoke", "iterations=2", "logger=none")
FILES = {
    "restored.png",
    "observed.png",
    "comparison.png",
    "uncertainty.png",
    "history.csv",
    "metrics.json",
    "last.ckpt",
    ".hydra",
    "snapshots",
    "report.html",
    ".lock",
    LISTING,
}
METRICS = {
    *("status", "task", "image", "network", "psnr", "psnr_average", "psnr_y", "ssim"),
    *("psnr_best", "iteration_best", "iterations", "seconds", "iterations_per_second"),
    *("device", "precision", "network_computed", "seed", "parameters", "data_range"),
}


def options(group):
    return sorted(path.stem for path in (config_folder() / group).glob("*.yaml"))


@pytest.mark.parametrize("task", options("task"))
def test_each_task_fills_its_result_folder(dip, tmp_path, photo, task):
    needed = {
        "deblurring": ("kernel=gaussian", "blur_sigma=0.3"),
        "blind_deblurring": ("kernel=gaussian", "blur_sigma=0.3", "kernel_size=3"),
        "operator": ("operator=tests.operators.damages:Pooled",),
    }.get(task, ())
    status, out, _ = dip(f"task={task}", *needed, f"image={photo}", "hydra.run.dir=out", *QUICK)
    assert status == 0
    folder = tmp_path / "out"
    beside = {"mask.png"} if task in {"inpainting", "restoration", "demosaicing"} else set()
    beside |= {"kernel.png"} if task == "blind_deblurring" else set()
    assert {path.name for path in folder.iterdir()} == FILES | beside
    metrics = read_metrics(folder)
    assert set(metrics) >= METRICS
    assert metrics["status"] == "finished"
    assert metrics["iterations"] == 2
    assert metrics["psnr_best"] >= metrics["psnr"] - 1e-3
    for line in ("observed", "DIP last", "DIP averaged", "result: out/restored.png"):
        assert line in out
    with Image.open(folder / "restored.png") as restored:
        size = (15, 11) if "blur" in task else (17, 13)  # without what the blur has no pixels for
        assert (restored.size, restored.mode) == (size, "RGB")
    with (folder / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    for name in ("psnr", "psnr_average"):
        assert metrics[name] == pytest.approx(float(rows[-1][name]), abs=1e-4)
    assert [row["iteration"] for row in rows] == ["1", "2"]
    assert float(rows[-1]["psnr"]) == pytest.approx(metrics["psnr"], abs=0.01)


@pytest.mark.parametrize("network", options("network"))
def test_each_network_runs_as_it_is_configured(dip, photo, network):
    arguments = (f"network={network}", "task=sr", "factor=2", f"image={photo}", *QUICK, "threads=1")
    coarse = network == "deep_decoder"  # of which 17 pixels would leave one
    status, _, err = dip(*arguments, *(["network.scales=2"] * coarse), tiny=False)
    assert status == 0, err


@pytest.mark.parametrize("preset", options("preset"))
def test_each_preset_runs(dip, photo, preset):
    arguments = (
        f"preset={preset}",
        "task=sr",
        "factor=2",
        f"image={photo}",
        "iterations=3",
        "warmup=1",
    )
    assert dip(*arguments, "logger=none")[0] == 0


def test_lightnings_csv_logger_runs(dip, tmp_path, photo):
    arguments = ("logger=csv", "preset=smoke", "iterations=2", "hydra.run.dir=out")
    assert dip(*arguments, "task=sr", "factor=2", f"image={photo}")[0] == 0
    assert (tmp_path / "out" / "csv" / "metrics.csv").exists()
    assert not (tmp_path / "out" / "wandb").exists()


def test_folder_of_masks(dip, tmp_path):
    for name, value in (("scans", 0.5), ("masks", 1.0)):
        (tmp_path / name).mkdir()
        pixels = smooth_image(1, 9, 11) * 0 + value
        pixels[..., :3] = 0
        save_png(tmp_path / name / "a.png", pixels)
    arguments = ("task=inpainting", "observed=scans", "mask=masks", *QUICK)
    assert dip(*arguments)[0] == 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["+typo=1"], "error: +typo=1: unknown key typo"),
        (["image=nowhere.png"], "error: image=nowhere.png: no such file"),
        (
            ["image=photo.png", "task=sr", "factor=16"],
            "error: factor=16: expected at most the shorter side",
        ),
        (
            ["task=inpainting", "observed=photo.png", "mask=m.png"],
            "error: mask=m.png: is 5 x 4 pixels",
        ),
        (["task=denoising", "observed=photo.png", "device=gpu"], "error: device=gpu: PyTorch"),
        (
            ["task=denoising", "observed=photo.png", "device=cpu", "accelerate=graph"],
            "error: accelerate=graph: needs a CUDA device, but the fit runs on cpu; choose",
        ),
    ],
)
def test_a_mistake_is_one_sentence(dip, tmp_path, photo, arguments, sentence, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: False)
    save_png(tmp_path / "m.png", smooth_image(1, 4, 5))
    status, out, err = dip(*arguments, *QUICK)
    assert status == (2 if sentence.startswith(("error: +typo", "error: image=")) else 1)
    assert err.startswith(sentence)
    assert err.count("\n") == 1
    assert "Traceback" not in out + err


def test_saved_configuration_repeats_the_run(dip, tmp_path, photo):
    dip("task=restoration", f"image={photo}", "seed=5", *QUICK, "hydra.run.dir='a, b=c'")
    first = tmp_path / "a, b=c"
    rerun = ("--config-dir", str(first / ".hydra"), "--config-name", "rerun")
    assert dip(*rerun, "hydra.run.dir=second", tiny=False)[0] == 0
    second = tmp_path / "second"
    assert (first / "restored.png").read_bytes() == (second / "restored.png").read_bytes()
    one, two = read_metrics(first), read_metrics(second)
    assert one["psnr"] == two["psnr"]
    assert one["psnr_average"] == two["psnr_average"]


def test_16_bit_tiff_of_a_user(dip, tmp_path):
    noise = 0.02 * torch.randn(43, 47, generator=torch.Generator().manual_seed(0))
    scan = (smooth_image(1, 43, 47)[0, 0] + noise).clamp(0, 1)
    stored = (scan * 65535).round().numpy().astype(np.uint16)
    tifffile.imwrite(tmp_path / "scan.tif", stored)
    told = ("observed=scan.tif", "discrepancy=1", "hydra.run.dir=out")
    status, out, _ = dip("task=denoising", *told, *QUICK)
    assert status == 0
    assert "result: out/restored.tif" in out
    assert re.search(r"noise found: [456]\.\d grey levels of 255", out)
    assert "PSNR" not in out
    restored = tifffile.imread(tmp_path / "out" / "restored.tif")
    assert (restored.dtype, restored.shape) == (stored.dtype, stored.shape)
    shown = imagecodecs.png_decode((tmp_path / "out" / "restored.png").read_bytes())
    assert np.array_equal(shown, restored)
    metrics = read_metrics(tmp_path / "out")
    assert all(
        metrics[key] is None for key in ("psnr", "psnr_average", "psnr_y", "psnr_best", "ssim")
    )


@pytest.mark.parametrize(
    ("task", "alpha"),
    [("inpainting", {255}), ("denoising", {0, 255})],
    ids=["hole", "passed through"],
)
def test_alpha(dip, tmp_path, task, alpha):
    rgba = np.full((13, 17, 4), 255, np.uint8)
    rgba[..., :3] = (smooth_image(3, 13, 17)[0].permute(1, 2, 0) * 255).numpy()
    rgba[4:7, 5:9, 3] = 0
    Image.fromarray(rgba).save(tmp_path / "cut.png")
    status, out, _ = dip(f"task={task}", "observed=cut.png", "hydra.run.dir=out", *QUICK)
    assert status == 0
    assert ("5.4 % missing" in out) == (task == "inpainting")
    with Image.open(tmp_path / "out" / "restored.png") as restored:
        assert restored.mode == "RGBA"
        assert set(np.asarray(restored)[..., 3].ravel().tolist()) == alpha


def test_super_resolution_of_a_user_enlarges(dip, tmp_path):
    rgba = np.full((9, 8, 4), 200, np.uint8)
    Image.fromarray(rgba).save(tmp_path / "small.png")
    assert dip("task=sr", "factor=3", "observed=small.png", "hydra.run.dir=out", *QUICK)[0] == 0
    with Image.open(tmp_path / "out" / "restored.png") as restored:
        assert (restored.size, restored.mode) == ((24, 27), "RGBA")


def test_deblurring_of_a_user_keeps_the_frame(dip, tmp_path):
    rgba = np.full((33, 41, 4), 200, np.uint8)
    rgba[:9, :, 3] = 0
    Image.fromarray(rgba).save(tmp_path / "blurred.png")
    np.save(tmp_path / "k.npy", np.ones((3, 6)))
    command = ("task=deblurring", "observed=blurred.png", "kernel=k.npy", *QUICK)
    assert dip(*command, "hydra.run.dir=out")[0] == 0
    with Image.open(tmp_path / "out" / "restored.png") as restored:
        assert (restored.size, restored.mode) == ((41, 33), "RGBA")
        assert not np.asarray(restored)[:9, :, 3].any()
    assert set(read_metrics(tmp_path / "out")["inputs"]) == {"observed", "kernel"}
    np.save(tmp_path / "k.npy", np.ones((6, 3)))
    status, _, err = dip(*command, "hydra.run.dir=out", "resume=true", "iterations=9")
    assert status != 0
    assert "another configuration" in err or "another kernel" in err


def test_a_clean_image_loses_what_the_blur_has_no_pixels_for(dip, tmp_path):
    save_png(tmp_path / "sharp.png", smooth_image(3, 33, 41))
    kernel = ("kernel=motion", "length=5", "angle=0")
    command = ("task=deblurring", "image=sharp.png", *kernel, "holdout=0.1", *QUICK)
    assert dip(*command, "hydra.run.dir=out")[0] == 0
    metrics = read_metrics(tmp_path / "out")
    assert metrics["size"] == [3, 29, 37]
    assert metrics["psnr_holdout"] > 5
    assert [row["name"] for row in metrics["baselines"]] == [
        "total variation",
        "Richardson-Lucy",
        "Wiener",
    ]
    assert metrics["psnr"] > 5
    shown = [tmp_path / f"out/{name}.png" for name in ("restored", "observed", "uncertainty")]
    shown += (tmp_path / "out/snapshots").iterdir()
    assert len(shown) > 4
    for path in shown:
        with Image.open(path) as image:
            assert image.size == (37, 29), path


def test_eight_pixels_with_the_paper_network(dip, tmp_path):
    save_png(tmp_path / "tiny.png", smooth_image(1, 8, 8))
    arguments = ("task=restoration", "image=tiny.png", *QUICK, "threads=1")
    assert dip(*arguments, tiny=False)[0] == 0


def test_data_folder_of_the_user(dip, tmp_path, photo, monkeypatch):
    (tmp_path / "data" / "set5").mkdir(parents=True)
    photo.rename(tmp_path / "data" / "set5" / "bird.png")
    monkeypatch.setenv("DIP_DATA", str(tmp_path / "data"))
    assert dip("image=set5/bird", "task=sr", "factor=2", *QUICK)[0] == 0


def test_help_lists_groups_keys_and_examples(dip):
    status, out, _ = dip("--help", tiny=False)
    assert status == 0
    assert out.count("  python -m dip_lightning") == 6
    for text in (
        "task=blind_deblurring|deblurring|demosaicing|denoising|inpainting|jpeg|operator|restoration",
        "noise_std",
        "--multirun",
    ):
        assert text in out


def test_the_examples_of_help_are_accepted(dip, tmp_path, monkeypatch):
    """Each is composed and checked; nothing is fitted."""
    from dip_lightning.cli.checking import check, parse
    from dip_lightning.cli.manual import EXAMPLES

    (tmp_path / "scans").mkdir()
    save_png(tmp_path / "scans" / "a.png", smooth_image(1, 8, 8))
    monkeypatch.chdir(tmp_path)
    commands = [line.split()[3:] for line in EXAMPLES.splitlines() if "python -m" in line]
    assert len(commands) == 6
    for arguments in commands:
        check(parse(arguments))


def test_composed_configuration_can_be_printed(dip):
    status, out, _ = dip("--cfg", "job", "--resolve", "task=denoising", tiny=False)
    assert status == 0
    assert "sigma: 25.0" in out


def test_of_a_sweep_the_first_job_can_be_printed(dip, tmp_path):
    status, out, err = dip("-m", "study=sr_learning_rate", "seed=3,4", "--cfg", "job", tiny=False)
    assert (status, err) == (0, "")
    assert {"factor: 4", "lr: 0.1", "seed: 3"} <= set(out.splitlines())
    assert not list(tmp_path.iterdir())


def test_help_imports_nothing_slow():
    code = "import sys; from dip_lightning.cli.main import main; main(['--help'])\n"
    code += "assert not {'hydra', 'numpy', 'omegaconf', 'torch', 'wandb'} & set(sys.modules)"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1] / "src")}
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, env=environment)


@pytest.mark.parametrize(("given", "spins"), [({}, "1000"), ({"GOMP_SPINCOUNT": "9"}, "9")])
def test_threads_of_pytorch_do_not_wait_busily_unless_asked_to(given, spins):
    environment = {k: v for k, v in os.environ.items() if k != "GOMP_SPINCOUNT"} | given
    environment["PYTHONPATH"] = str(Path(__file__).parents[1] / "src")
    code = "import os, dip_lightning; print(os.environ['GOMP_SPINCOUNT'])"
    told = subprocess.check_output([sys.executable, "-c", code], text=True, env=environment)
    assert told == f"{spins}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ("input_type=normal",),
        ("input_type=meshgrid", "input_depth=2"),
        ("input_type=image", "input_image=photo.png", "input_depth=3"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_each_input_runs(dip, photo, arguments):
    common = ("task=denoising", f"image={photo}", *QUICK, "network.down=[4]", "network.up=[4]")
    assert dip(*common, "network.skip=[2]", "threads=1", *arguments, tiny=False)[0] == 0


def test_output_last_is_the_last_iterate(dip, tmp_path, photo):
    common = ("task=denoising", f"image={photo}", *QUICK, "average=0.999")
    for output in ("last", "average"):
        assert dip(*common, f"output={output}", f"hydra.run.dir={output}")[0] == 0
    last, average = (
        (tmp_path / name / "restored.png").read_bytes() for name in ("last", "average")
    )
    assert last != average


def test_folder_with_a_run_dir_of_its_own(dip, tmp_path):
    (tmp_path / "scans").mkdir()
    save_png(tmp_path / "scans" / "a.png", smooth_image(1, 9, 11))
    assert dip("task=denoising", "observed=scans", "hydra.run.dir=there", *QUICK)[0] == 0
    assert len(list(tmp_path.glob("there/*/restored.png"))) == 1
    assert not (tmp_path / "outputs").exists()


@pytest.mark.parametrize("value", [0, 255])
def test_mask_of_one_value(dip, tmp_path, photo, value):
    Image.fromarray(np.full((13, 17), value, np.uint8)).save(tmp_path / "m.png")
    status, _, err = dip("task=inpainting", f"observed={photo}", "mask=m.png", *QUICK)
    assert status == (0 if value else 1)
    assert ("error: mask=m.png: no pixel is known" in err) == (value == 0)


def test_alpha_of_a_ground_truth_is_not_its_damage(dip, tmp_path):
    rgba = np.full((30, 30, 4), 255, np.uint8)
    rgba[:5, :5, 3] = 0
    Image.fromarray(rgba).save(tmp_path / "a.png")
    status, out, _ = dip("task=restoration", "image=a.png", "known=0.2", *QUICK)
    assert status == 0
    missing = float(out.split(" % missing")[0].split()[-1])
    assert 70 < missing < 90


def test_a_fit_without_a_finite_loss_is_a_failure(dip, tmp_path, photo):
    arguments = ("task=denoising", f"image={photo}", *QUICK, "input_scale=1e39")
    status, _, err = dip(*arguments, "hydra.run.dir=out")
    assert status == 1
    assert "the loss was not finite from the first iteration" in err
    assert read_metrics(tmp_path / "out")["status"] == "failed"


@pytest.mark.parametrize("folder", ["file/x", "file"])
def test_a_folder_that_cannot_be_made(dip, tmp_path, photo, folder):
    (tmp_path / "file").touch()
    status, out, err = dip("task=denoising", f"image={photo}", f"hydra.run.dir={folder}", *QUICK)
    assert status == 2
    assert "cannot be written" in err
    assert "Traceback" not in out + err


@pytest.mark.parametrize("streams", [("stderr",), ("stdout", "stderr")])
def test_a_closed_pipe_does_not_stop_the_fit(tmp_path, photo, streams):
    arguments = ["task=denoising", f"image={photo}", *TINY, *QUICK, "hydra.run.dir=out"]
    command = [sys.executable, "-m", "dip_lightning", *arguments, "iterations=40"]
    read, write = os.pipe()
    os.close(read)
    pipes = {"stdout": subprocess.PIPE} | dict.fromkeys(streams, write)
    ended = subprocess.run(command, cwd=tmp_path, **pipes, check=False)
    os.close(write)
    assert ended.returncode == 0
    assert read_metrics(tmp_path / "out")["iterations"] == 40


@pytest.mark.parametrize("closed", ["| true", ">&- 2>&-"])
def test_help_that_nobody_reads(tmp_path, closed):
    script = f'set -o pipefail; "{sys.executable}" -m dip_lightning --help {closed}'
    ended = subprocess.run(
        ["/bin/bash", "-c", script], cwd=tmp_path, capture_output=True, check=False
    )
    assert (ended.returncode, ended.stderr) == (0, b"")


def test_tiff_of_five_channels(dip, tmp_path):
    stored = np.random.default_rng(0).random((13, 17, 5)).astype(np.float32)
    settings = {"photometric": "minisblack", "planarconfig": "contig"}
    tifffile.imwrite(tmp_path / "a.tif", stored, **settings)
    assert dip("task=restoration", "image=a.tif", "hydra.run.dir=out", *QUICK)[0] == 0
    assert tifffile.imread(tmp_path / "out" / "restored.tif").shape == stored.shape
    assert read_metrics(tmp_path / "out")["psnr_y"] is None


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (1, 20)])
def test_a_few_pixels(dip, tmp_path, size):
    save_png(tmp_path / "a.png", smooth_image(3, *size))
    status, _, err = dip("task=denoising", "observed=a.png", *QUICK)
    assert status == 0
    assert "Warning" not in err


@pytest.mark.parametrize("name", ["${y}.png", "a ${oc.env:HOME} b.png"])
def test_a_file_name_is_never_an_interpolation(dip, tmp_path, photo, name):
    photo.rename(tmp_path / name)
    told = ("task=denoising", f"observed={name}", *QUICK)
    assert dip(*told)[0] == 0
    (first,) = tmp_path.glob("outputs/denoising/*/*")
    assert dip(*told, "-m", "seed=0,1", "hydra.sweep.dir=sweep")[0] == 0
    rerun = ("--config-dir", str(first / ".hydra"), "--config-name", "rerun", "logger=none")
    assert dip(*rerun, "hydra.run.dir=again", tiny=False)[0] == 0
    restored = [first, tmp_path / "sweep" / "seed=0", tmp_path / "again"]
    assert len({(folder / "restored.png").read_bytes() for folder in restored}) == 1


def test_names_that_the_locale_does_not_have(tmp_path, photo):
    """A terminal of 1990, and names in UTF-8 and in no encoding at all."""
    (tmp_path / "scans").mkdir()
    for name in (b"Gr\xc3\xb6\xc3\x9fe.png", b"bad\xff.png"):
        Path(os.fsdecode(os.fsencode(tmp_path / "scans") + b"/" + name)).write_bytes(
            photo.read_bytes()
        )
    told = ("observed=scans", "preset=smoke", "iterations=2", *TINY)
    command = [sys.executable, "-m", "dip_lightning", *told]
    environment = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0"}
    done = subprocess.run(
        [*command, "hydra.sweep.dir=X"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert b"no page" not in done.stderr
    assert b"Traceback" not in done.stderr
    assert done.stderr.count(b"surrogates not allowed; going on without it") == 2
    restored = {os.fsencode(path.name) for path in (tmp_path / "X" / "all").glob("*.png")}
    assert restored == {b"Gr\xc3\xb6\xc3\x9fe.png", b"bad\xff.png"}
    missing = subprocess.run(
        [*command[:3], b"observed=nirgends \xc3\xb6.png"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        check=False,
    )
    assert (missing.returncode, missing.stderr.count(b"\n")) == (2, 1)
