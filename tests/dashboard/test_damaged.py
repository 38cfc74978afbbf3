"""Result folders that are damaged, or that somebody has made to do harm: none costs the page."""

import json
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from dip_lightning.dashboard.page import write_dashboard, write_report
from tests.dashboard.conftest import data_of, write_run

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4)
    ),
    max_leaves=8,
)
KEYS = ("status", "psnr", "size", "image", "error", "baselines", "observed", "iterations", "swept")
METRICS = st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=10), JSON, max_size=6)
CELLS = st.sampled_from(
    ["1", "2", "-3", "", "nan", "inf", "-inf", "1e300", "1e18", "zero", "0x1", "#", '"', "\x00"]
)
ROWS = st.lists(st.lists(CELLS, min_size=1, max_size=6), max_size=6)
HEADS = st.sampled_from(
    [
        "iteration,loss,psnr,psnr_average,seconds",
        "iteration,psnr",
        "psnr,loss",
        "iteration,iteration,iteration",
        ",,",
        "#iteration,loss",
        "",
    ]
)
SETTINGS = st.sampled_from(
    [
        "lr: .nan\niterations: .inf\n",
        "task: sr\nobservation: pillow\nimage: set5/baby\n",
        "a: &a [*a]\n",
        "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nlr: *c\n",
        "- a\n- b\n",
        "lr: 2001-01-01\n1: 2\nnull: 3\ntrue: [1]\n",
        "image: [1, 2]\nobserved: {a: b}\nnetwork: {down: [[4]], 3: 4}\n",
        "network.down: 3\noperator: [a]\n",
        "lr: 0x" + "f" * 5000 + "\n",
        "lr: !!binary aGVsbG8=\nset: !!set {a, b}\n",
        "a: " + "[" * 5000,
        "iterations: many\ntile: 64\n",
    ]
)
FILES = {
    "metrics.json": JSON.map(json.dumps) | METRICS.map(json.dumps) | st.binary(max_size=30),
    ".hydra/rerun.yaml": SETTINGS | st.text(max_size=40) | st.binary(max_size=30),
    ".hydra/overrides.yaml": SETTINGS | st.just("- 1\n- lr=2\n- [a]\n- '\\ud800'\n"),
    "history.csv": st.builds(
        lambda head, rows: "\n".join([head, *map(",".join, rows), ""]), HEADS, ROWS
    )
    | st.binary(max_size=60),
    "restored.png": st.binary(max_size=60),
    "snapshots": st.just("a file"),
    "snapshots/truth.png": st.just(b"\x89PNG"),
    "snapshots/last.webp": st.just(b""),
    "tiles/000/history.csv": st.just("iteration,loss\n1,inf\n"),
    "tiles/000": st.just("a file"),
    "images": st.just("a file"),
    ".lock": st.just(b""),
    "jobs.json": JSON.map(json.dumps),
}
DAMAGE = st.fixed_dictionaries(
    {}, optional={name: st.none() | text for name, text in FILES.items()}
)


def damage(folder, files):
    """Put files in a folder; None is a folder of that name."""
    for name, content in files.items():
        path = folder / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.is_dir():
                shutil.rmtree(path)
            if content is None:
                path.unlink(missing_ok=True)
                path.mkdir()
            else:
                raw = isinstance(content, bytes)
                path.write_bytes(content if raw else content.encode(errors="replace"))
        except (FileExistsError, NotADirectoryError):  # what is above it is a file
            continue


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("good") / "run")


def described(run):
    """What does not depend on where it is, and when it was written."""
    return {key: value for key, value in run.items() if key not in {"commands", "stamp"}}


@given(files=DAMAGE, fresh=st.booleans())
@example(files={"metrics.json": '{"psnr": NaN, "status": "finished"}'}, fresh=False)
@example(files={"metrics.json": "[1]"}, fresh=True)
@example(files={"history.csv": "iteration,psnr\n1,1\n60,inf\n70,2\n80,inf\n90,-inf\n"}, fresh=False)
@settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
def test_a_damaged_run_costs_only_itself(good, files, fresh):
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        shutil.copytree(good, root / "good")
        if fresh:
            (root / "bad" / ".hydra").mkdir(parents=True)
            (root / "bad" / ".hydra" / "rerun.yaml").touch()
        else:
            shutil.copytree(good, root / "bad")
        write_dashboard(root)
        before = next(
            run for run in data_of(root / "dashboard.html")["runs"] if run["id"] == "good"
        )
        damage(root / "bad", files)
        write_dashboard(root)
        found = {run["id"]: run for run in data_of(root / "dashboard.html")["runs"]}
        assert described(found["good"]) == described(before)
        assert found["good"]["status"] == "finished"
        if "bad" in found:
            bad = found["bad"]
            assert bad.keys() == before.keys()
            assert bad["status"] != "unreadable" or isinstance(bad["metrics"]["error"], str)
            write_report(root / "bad")
            data_of(root / "bad" / "report.html")


def test_references_to_references_take_no_time(good, tmp_path):
    """Nine levels of nine would be 400 million words."""
    shutil.copytree(good, tmp_path / "bad")
    levels = [f"l{i}: &l{i} [{','.join([f'*l{i - 1}'] * 9)}]" for i in range(1, 10)]
    text = "\n".join(["l0: &l0 [lol]", *levels, "lr: *l9", "network: {name: *l9}"])
    (tmp_path / "bad" / ".hydra" / "rerun.yaml").write_text(text)
    write_dashboard(tmp_path)
    (bad,) = data_of(tmp_path / "dashboard.html")["runs"]
    assert bad["settings"] == {}
    assert bad["metrics"]["psnr"] == pytest.approx(29.5, abs=1)
