"""What the documents tell a user to type."""

import shlex
from pathlib import Path

import pytest

from dip_lightning.cli.checking import check, parse
from tests.conftest import save_png, smooth_image

ROOT = Path(__file__).parents[1]
PAGES = ("README.md", "docs/benchmarks.md", "docs/dashboard.md", "docs/scale.md", "docs/study.md")
COMMAND = ["python", "-m", "dip_lightning"]


def commands(page):
    """Every command line of a page's shell blocks, lines that go on joined."""
    blocks = (ROOT / page).read_text().split("```sh\n")[1:]
    lines = "\n".join(block.partition("```")[0] for block in blocks)
    words = [shlex.split(line, comments=True) for line in lines.replace("\\\n", " ").splitlines()]
    return [line[3:] for line in words if line[:3] == COMMAND]


FOUND = [(page, line) for page in PAGES for line in commands(page)]


@pytest.mark.parametrize(("page", "line"), FOUND, ids=lambda value: " ".join(value)[:60])
def test_a_command_line_is_one(page, line, tmp_path, monkeypatch):
    """Each is composed and checked; nothing is fitted."""
    (tmp_path / "scans").mkdir()
    save_png(tmp_path / "scans" / "a.png", smooth_image(1, 8, 8))
    monkeypatch.chdir(tmp_path)
    check(parse(line))


def test_the_pages_are_read():
    assert len(FOUND) > 15
    assert ["task=sr", "factor=8", "-m", "lr=0.01,0.001"] in [line for _, line in FOUND]
