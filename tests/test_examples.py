"""The scripts of examples/ run, and each saves its picture."""

import re
import runpy
from pathlib import Path

import matplotlib as mpl
import pytest
from PIL import Image

ROOT = Path(__file__).parents[1]
SCRIPTS = sorted((ROOT / "examples").glob("*.py"))
PICTURES = ROOT / "docs/images/examples"
LARGEST = 150_000  # bytes of a picture that is committed


def shape_of(path):
    with Image.open(path) as picture:
        return picture.size


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
@pytest.mark.filterwarnings("ignore:.*Consider increasing the value of the `num_workers`.*")
def test_a_script_runs_and_saves_its_picture(path, tmp_path, monkeypatch):
    mpl.use("agg")
    monkeypatch.setenv("DIP_SMOKE", "1")
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(path))
    committed = PICTURES / f"{path.stem}.webp"
    assert [entry.name for entry in tmp_path.iterdir()] == [committed.name]
    assert shape_of(tmp_path / committed.name) == shape_of(committed)
    assert committed.stat().st_size < LARGEST


def test_every_script_is_on_a_page():
    assert len(SCRIPTS) == 6
    pages = "\n".join(page.read_text() for page in (ROOT / "docs").glob("*.md"))
    for path in SCRIPTS:
        assert f"literalinclude}} ../examples/{path.name}" in pages
        assert f"(images/examples/{path.stem}.webp)" in pages


def test_an_operator_takes_few_lines():
    """The page promises a new operator and its fit in under 25 lines."""
    text = (ROOT / "examples/coded_aperture.py").read_text()
    code = [
        line for line in text.partition("code =")[2].splitlines() if re.match(r"\s*[^\s#]", line)
    ]
    assert len(code) < 25
