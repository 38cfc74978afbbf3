"""CONTRIBUTING.md, done as it says: its files written, its commands run, in a copy."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "CONTRIBUTING.md").read_text()
FILE = re.compile(r"`([\w./]+)`:\n\n```(?:python|yaml)\n(.*?)```", re.DOTALL)
SHELL = re.compile(r"```sh\n(python .*?)```", re.DOTALL)


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("copy")
    for name in ("src", "conf"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name, text in FILE.findall(TEXT):
        path = folder / name
        assert not path.exists()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def tool(*arguments, cwd):
    return subprocess.run(
        [sys.executable, "-m", *arguments], cwd=cwd, capture_output=True, text=True, check=False
    )


@pytest.mark.slow
@pytest.mark.parametrize("line", SHELL.findall(TEXT), ids=lambda line: line.split("=")[0])
def test_a_command_does_what_it_should(line, copy):
    python, *arguments = shlex.split(line)
    assert python == "python"
    environment = {**os.environ, "PYTHONPATH": str(copy / "src"), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=copy, env=environment, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    (folder,) = [a.partition("=")[2] for a in arguments if a.startswith("hydra.run")] or [None]
    if folder is not None:
        metrics = json.loads((copy / folder / "metrics.json").read_text())
        assert (metrics["status"], metrics["iterations"]) == ("finished", 20)


def test_there_are_three_things_to_add(copy):
    assert len(FILE.findall(TEXT)) == 6
    assert len(SHELL.findall(TEXT)) == 3


def test_the_code_is_in_the_projects_format(copy):
    shutil.copy(ROOT / "pyproject.toml", copy)
    files = [name for name, _ in FILE.findall(TEXT) if name.endswith(".py")]
    for arguments in (["ruff", "format", "--check"], ["ruff", "check"]):
        done = tool(*arguments, *files, cwd=copy)
        assert done.returncode == 0, done.stdout
