"""What the documents tell a user to type, where their links go, and the site made of them."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from dip_lightning.cli.checking import check, parse
from tests.conftest import save_png, smooth_image

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "sweeps/README.md"])
PAGES = [str(path.relative_to(ROOT)) for path in DOCUMENTS if "_build" not in path.parts]
LINK = re.compile(r"\]\(([^)\s]+)\)")
COMMAND = ["python", "-m", "dip_lightning"]
INLINE = re.compile(r"(?<!`)`(python -m dip_lightning [^`]*|\+study=[a-z][^`]*)`")


def commands(page):
    """Every command line of a page, in shell blocks (lines that go on joined) and in the text."""
    text = (ROOT / page).read_text()
    blocks = [block.partition("```")[0] for block in text.split("```sh\n")[1:]]
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    inline = [line.replace("\n", " ") for line in INLINE.findall(text)]
    lines += [f"python -m dip_lightning -m {o}" if o[0] == "+" else o for o in inline]
    words = [shlex.split(line, comments=True) for line in lines]
    return [line[3:] for line in words if line[:3] == COMMAND and line[3:] != ["--help"]]


# What begins with an option of Hydra's names a folder that only a run makes.
FOUND = [
    (page, line)
    for page in PAGES
    for line in commands(page)
    if page != "CONTRIBUTING.md" and line[:1] != ["--config-dir"]
]


@pytest.mark.parametrize(
    ("page", "line"),
    FOUND,
    ids=lambda value: value if isinstance(value, str) else " ".join(value)[:60],
)
def test_a_command_line_is_one(page, line, tmp_path, monkeypatch):
    """Each is composed and checked; nothing is fitted."""
    (tmp_path / "scans").mkdir()
    save_png(tmp_path / "scans" / "a.png", smooth_image(1, 8, 8))
    monkeypatch.chdir(tmp_path)
    check(parse(line))


def test_the_pages_are_read():
    assert len(FOUND) > 60
    assert {"sweeps/README.md", "docs/study.md", "docs/results.md"} <= {page for page, _ in FOUND}
    assert ["task=sr", "factor=8", "-m", "lr=0.01,0.001"] in [line for _, line in FOUND]


def quick(code):
    """A block of Python with fewer iterations and a smaller image."""
    code = re.sub(r"(dip\.restore\(.*)\)", r"\1, iterations=3)", code)
    code = code.replace("(3, 512, 512)", "(3, 20, 24)")
    code = code.replace("kernel_size=31", "kernel_size=7")
    return re.sub(r"(iterations|every_n_train_steps)=\d+", r"\1=3", code)


@pytest.mark.parametrize(
    "page",
    [
        *("README.md", "docs/index.md", "docs/photo.md", "docs/operator.md"),
        *("docs/deblurring.md", "docs/blind_deblurring.md", "docs/jpeg.md"),
    ],
)
@pytest.mark.filterwarnings("ignore:Using ModelCheckpoint with manual")
@pytest.mark.filterwarnings("ignore:.*`tensorboardX` has been removed")
@pytest.mark.filterwarnings("ignore:The number of training batches")
@pytest.mark.filterwarnings("ignore:the kernel that was found goes on to its edge")
def test_the_python_of_a_page_runs(page, tmp_path, monkeypatch):
    """Its blocks one after the other; names that the page leaves to the reader are given."""
    monkeypatch.chdir(tmp_path)
    x = smooth_image(3, 20, 24)
    save_png(tmp_path / "photo.jpg", x)  # Pillow writes what the name says
    small = torch.nn.Sequential(torch.nn.Conv2d(32, 3, 1), torch.nn.Sigmoid())
    names = {
        "photo": (x[0].permute(1, 2, 0) * 255).byte().numpy(),
        "mask": np.indices((20, 24))[1] > 3,
        "mosaic": (x[0, 0] * 255).byte().numpy(),
        "x": x,
        "y": x,
        "my_operator": torch.square,
        "my_network": small,
        "my_module": small,
        "my_z": torch.rand(1, 32, 20, 24),
    }
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)
    blocks = [block for block in blocks if "dip_lightning.cli" not in block]
    assert blocks
    for block in blocks:
        exec(compile(quick(block), page, "exec"), names)  # noqa: S102 - our own page


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    for link in LINK.findall((ROOT / page).read_text()):
        place, _, heading = link.partition("#")
        if place.startswith(("http://", "https://")):
            continue
        target = (ROOT / page).parent / place if place else ROOT / page
        assert target.exists(), link
        if heading:
            titles = re.findall(r"^#+ (.*)$", target.read_text(), re.MULTILINE)
            assert heading in {re.sub(r"\W+", "-", title.lower()) for title in titles}, link


def test_the_readme_is_short_and_begins_with_both_ways_in():
    lines = (ROOT / "README.md").read_text().splitlines()
    assert len(lines) <= 150
    first_screen = "\n".join(lines[:30])
    assert "python -m dip_lightning task=" in first_screen
    assert "dip.restore(" in first_screen


@pytest.mark.slow
def test_the_site_is_built_without_a_warning(tmp_path):
    """As `make docs` does."""
    assert "sphinx -W --keep-going -q docs docs/_build" in (ROOT / "Makefile").read_text()
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-d", tmp_path / "trees"]
    done = subprocess.run(
        [*command, ROOT / "docs", tmp_path / "site"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    reference = (tmp_path / "site/reference/library.html").read_text()
    assert "discrepancy=None" in reference
