"""A tiny study: two images, a small network, and the command that runs it."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import ROOT, TINY, save_png, smooth_image

PARTS = """\
paper/set5_x4: study=sr_set5 factor=4 image=set5/bird,set5/woman
paper/denoising: study=denoising_color9 image=color9/kodim01
"""
Start = Callable[..., subprocess.Popen]


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with parts.yaml, and the images of all its jobs but one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DIP_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("PYTHONPATH", f"{ROOT / 'src'}:{ROOT}")
    for seed, name in enumerate(("set5/bird", "set5/woman")):
        path = tmp_path / "data" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        save_png(path, smooth_image(3, 16, 16, seed))
    (tmp_path / "parts.yaml").write_text(PARTS)
    return tmp_path


def command(out: str, seconds: int, *more: str, work: str = "work", width: int = 2) -> list[str]:
    """Arguments of a call."""
    given = [*("--out", out, "--work", work, "--seconds", str(seconds), "--parts", "parts.yaml")]
    return [*given, "--at-once", str(width), *TINY, *more]


@pytest.fixture
def start(study: Path) -> Start:
    """Start a call in a process of its own; what it prints is in log.txt."""
    started = []

    def begin(*arguments: str) -> subprocess.Popen:
        with (study / "log.txt").open("ab") as log:
            call = [sys.executable, "-m", "benchmarks.study_gpu", *arguments]
            started.append(subprocess.Popen(call, stdout=log, stderr=log))
        return started[-1]

    yield begin
    for process in started:
        process.kill()
        process.wait()
