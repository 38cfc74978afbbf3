import os
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

import pytest

from benchmarks.study_gpu import wheels
from tests.conftest import ROOT, TINY


@pytest.fixture
def asked(monkeypatch):
    """What pip is told; it does nothing."""
    calls: list[list[str]] = []
    monkeypatch.setattr(wheels.subprocess, "run", lambda call, **_: calls.append(call))
    return calls


def make(folder: Path, *names: str) -> None:
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / f"{name}-py3-none-any.whl").write_bytes(bytes(2**20))


def test_what_the_machine_has_is_not_fetched(tmp_path, asked):
    make(tmp_path, "kornia-0.9.0")
    assert wheels.fetch(tmp_path, "3.12", ["NumPy", "scikit_image"]) == (
        f"{tmp_path}: 1 wheels, 1.0 MiB"
    )
    download, build = asked
    assert {"numpy", "scikit-image", "torch", "wandb"}.isdisjoint(download)
    assert {"scipy", "kornia", "--no-deps", "3.12"} <= set(download)
    assert build[-1] == "antlr4-python3-runtime"


def test_too_much_is_said(tmp_path, asked, monkeypatch):
    make(tmp_path, "kornia-0.9.0")
    monkeypatch.setattr(wheels, "MOST", 2**19)
    assert "leave out what the machine has" in wheels.fetch(tmp_path, "3.12", [])


def test_large_packages_are_the_machines_own(tmp_path, asked):
    make(tmp_path / "wheels", "numpy-1.0.0", "kornia-0.0.1", "strange_name-2.0")
    chosen = wheels.to_install(tmp_path / "wheels", tmp_path / "site")
    assert [path.name.split("-")[0] for path in chosen] == ["kornia", "strange_name"]
    (tmp_path / "site/strange_name-2.0.dist-info").mkdir(parents=True)
    (tmp_path / "site/strange_name-2.0.dist-info/METADATA").write_text(
        "Metadata-Version: 2.1\nName: strange-name\nVersion: 2.0\n"
    )
    assert [p.name for p in wheels.to_install(tmp_path / "wheels", tmp_path / "site")] == [
        "kornia-0.0.1-py3-none-any.whl"
    ]
    assert wheels.install(tmp_path / "wheels", tmp_path / "site") == []
    assert asked[0][-1].name == "kornia-0.0.1-py3-none-any.whl"


def test_what_is_in_neither_place_is_named(tmp_path, asked, monkeypatch):
    monkeypatch.setattr(wheels, "PACKAGES", ("numpy", "no-such-package"))
    assert wheels.install(tmp_path, tmp_path / "site") == ["no-such-package"]


OF_TORCH = ("torch", "sympy", "mpmath", "networkx", "Jinja2", "MarkupSafe", "typing_extensions")


def bare(site: Path) -> None:
    """Make a folder of packages that holds those of the list, and what comes with PyTorch."""
    site.mkdir()
    for name in (*wheels.PACKAGES, *wheels.SOURCES, *OF_TORCH, "setuptools"):
        found = distribution(name)
        for top in {path.parts[0] for path in found.files or ()} - {"..", "__pycache__"}:
            (site / top).symlink_to(found.locate_file(top))


def test_the_list_is_all_that_a_fit_needs(tmp_path, study):
    bare(tmp_path / "site")
    keys = ("+study=restoration_table1", "preset=fast", "image=set5/bird", "mask=null")
    call = [sys.executable, "-S", "-m", "dip_lightning", "-m", *keys, *TINY]
    ran = subprocess.run(
        [*call, "known=0.5", "max_iterations=2", "logger=none"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": f"{tmp_path / 'site'}:{ROOT / 'src'}"},
        check=False,
    )
    assert "result: " in ran.stdout, ran.stdout + ran.stderr
    assert ran.returncode == 0
    assert "wandb" not in ran.stderr
