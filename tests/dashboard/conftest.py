"""Result folders as the command writes them, of any number, with curves to recognise."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from omegaconf import OmegaConf
from PIL import Image


def write_run(folder: Path, *, rows: int = 60, psnr: float = 30.0, status="finished", **settings):
    """Write one result folder; the curve drops by 6 dB at three quarters of its length."""
    inside = folder / ".hydra"
    inside.mkdir(parents=True)
    settings = {"task": "denoising", "image": "set/bird", "lr": 0.01, "seed": 0, **settings}
    settings["network"] = {"name": "skip", "down": [4, 4]}
    OmegaConf.save(OmegaConf.create(settings), inside / "rerun.yaml")
    typed = [f"{key}={settings[key]}" for key in ("task", "image", "lr")]
    OmegaConf.save(OmegaConf.create(typed), inside / "overrides.yaml")
    if status == "failed":
        write_json(folder, {"status": "failed", "error": "sigma=9: too much </script>"})
        return folder
    t = np.arange(1, rows + 1)
    curve = psnr - 15 * np.exp(-t / rows * 6)
    iterate = curve - 0.5
    iterate[3 * rows // 4] -= 6
    with (folder / "history.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("iteration", "loss", "psnr", "psnr_average", "seconds"))
        writer.writerows(zip(t, 1 / t, iterate, curve, t / 10, strict=True))
    rng = np.random.default_rng(int(100 * psnr))
    truth = np.kron(rng.integers(60, 200, (6, 8, 3)), np.ones((4, 4, 1))).astype("uint8")
    (folder / "snapshots").mkdir()
    Image.fromarray(truth).save(folder / "snapshots" / "truth.png")
    for name, noise in (("observed.png", 50), ("restored.png", 10)):
        noisy = truth + rng.normal(0, noise, truth.shape)
        Image.fromarray(noisy.clip(0, 255).astype("uint8")).save(folder / name)
    for iteration in (1, rows // 4, rows):
        Image.fromarray(truth // 2).save(folder / "snapshots" / f"{iteration:06}.webp")
    if status == "running":
        return folder
    write_json(
        folder,
        {
            "status": status,
            "task": settings["task"],
            "image": "bird",
            "observed": {"psnr": psnr - 8},
            "size": [3, 24, 32],
            "cropped": False,
            "psnr": float(iterate[-1]),
            "psnr_average": float(curve[-1]),
            "psnr_best": float(iterate.max()),
            "iteration_best": int(iterate.argmax()) + 1,
            "ssim_average": 0.8,
            "loss": 1 / rows,
            "iterations": rows,
            "seconds": rows / 10,
        },
    )
    return folder


def write_many(root: Path, count: int, rows: int) -> None:
    """Write result folders that differ in lr; copies of one, which is quick."""
    first = write_run(root / "lr=1", rows=rows, lr=1)
    settings = (first / ".hydra" / "rerun.yaml").read_text()
    for lr in range(2, count + 1):
        folder = root / f"lr={lr}"
        shutil.copytree(first, folder)
        (folder / ".hydra" / "rerun.yaml").write_text(settings.replace("lr: 1\n", f"lr: {lr}\n"))


def write_json(folder: Path, values: dict) -> None:
    (folder / "metrics.json").write_text(json.dumps(values))


def data_of(page: Path) -> dict:
    """Read back what a page was given."""
    text = page.read_text(encoding="utf-8")
    start = text.index('id="data">') + len('id="data">')
    return json.loads(text[start : text.index("</script>", start)], parse_constant=refuse)


def refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is no JSON")


@pytest.fixture
def sweep(tmp_path):
    """A sweep of 3 x 2 settings, one of them failed, below outputs/."""
    root = tmp_path / "outputs"
    for lr in (0.001, 0.01, 0.1):
        for depth in (4, 32):
            status = "failed" if (lr, depth) == (0.1, 4) else "finished"
            folder = root / "sweeps" / "denoising-1" / f"lr={lr}-input_depth={depth}"
            psnr = 28 - abs(np.log10(lr) + 2) * 2 + depth / 32
            write_run(folder, status=status, psnr=psnr, lr=lr, input_depth=depth)
    return root
