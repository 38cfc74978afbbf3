import io
import json
import zipfile

import pytest
from PIL import Image

from benchmarks.study_gpu import archive
from benchmarks.study_gpu.archive import Archive
from benchmarks.study_gpu.jobs import Job


def job(name: str, *command: str) -> Job:
    return Job("paper/a", name, command, "skip", "skip, 16 x 16", 5)


@pytest.fixture
def result(tmp_path):
    """A result folder with everything that a fit leaves."""
    folder = tmp_path / "result"
    for name in ("observed.png", "restored.png", "uncertainty.png", "snapshots/truth.png"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (300, 200), (9, 8, 7)).save(folder / name)
    for number in range(12):
        Image.new("RGB", (300, 200)).save(folder / f"snapshots/{number:06}.webp")
    (folder / ".hydra").mkdir()
    (folder / ".hydra/rerun.yaml").write_text("study: sr_set5\n")
    (folder / "last.ckpt").write_bytes(b"large")
    (folder / "history.csv").write_text("iteration\n" + "".join(f"{n}\n" for n in range(1, 4502)))
    (folder / "metrics.json").write_text('{"status": "finished"}')
    return folder


def content(path, name):
    with zipfile.ZipFile(path) as found:
        return found.read(name)


def names(path):
    with zipfile.ZipFile(path) as found:
        assert found.testzip() is None
        return set(found.namelist())


def test_a_result_is_small_and_whole(tmp_path, result):
    out = Archive(tmp_path / "out")
    assert out.add(job("x"), result, 3.5)
    shown = {f"snapshots/{n:06}.webp" for n in (0, 2, 4, 7, 9, 11)} | {"snapshots/truth.png"}
    numbers = {"metrics.json", "history.csv", ".hydra/rerun.yaml"}
    wanted = numbers | {"observed.png", "restored.png"} | shown
    assert names(out.path(1)) == {f"paper/a/x/{name}" for name in wanted}
    restored = content(out.path(1), "paper/a/x/restored.png")
    assert restored == (result / "restored.png").read_bytes()
    with Image.open(io.BytesIO(content(out.path(1), "paper/a/x/snapshots/truth.png"))) as truth:
        assert truth.size == (256, 171)
        assert truth.getpixel((5, 5)) == (9, 8, 7)
    rows = content(out.path(1), "paper/a/x/history.csv").decode().split()
    assert rows[:3] == ["iteration", "3", "6"]
    assert rows[-2:] == ["4500", "4501"]


def test_the_ledger_alone_says_what_is_done(tmp_path, result):
    out = Archive(tmp_path / "out")
    out.add(job("x", "lr=1"), result, 3.5)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "ledger.json").write_bytes((tmp_path / "out/ledger.json").read_bytes())
    again = Archive(elsewhere)
    assert again.holds(job("x", "lr=1"))
    assert again.seconds(job("x", "lr=1")) == 3.5
    assert not again.holds(job("x", "lr=2"))
    assert not again.holds(job("y", "lr=1"))
    again.add(job("y"), result, 1)  # lies beside the other machine's, at home
    assert [path.name for path in elsewhere.glob("*.zip")] == ["results-02.zip"]


def test_a_job_that_goes_on_takes_its_own_place(tmp_path, result):
    out = Archive(tmp_path / "out")
    (result / "metrics.json").write_text('{"status": "interrupted"}')
    out.add(job("x"), result, 1)
    out.add(job("xy"), result, 1)
    numbers = {"metrics.json", "history.csv", ".hydra/rerun.yaml"}
    assert names(out.path(1)) == {f"paper/a/{n}/{m}" for n in ("x", "xy") for m in numbers}
    assert not out.holds(job("x"))
    (result / "metrics.json").write_text('{"status": "finished"}')
    out.add(job("x"), result, 1)
    assert out.holds(job("x"))
    assert json.loads(content(out.path(1), "paper/a/x/metrics.json")) == {"status": "finished"}
    assert "paper/a/xy/metrics.json" in names(out.path(1))
    assert len(list((tmp_path / "out").iterdir())) == 2


def test_files_stay_small(tmp_path, result, monkeypatch):
    size = sum(path.stat().st_size for path in result.glob("*.png"))
    out = Archive(tmp_path / "out")
    out.add(job("0"), result, 1)
    each = out.path(1).stat().st_size
    assert each > size
    monkeypatch.setattr(archive, "LARGEST", 4 * each)
    monkeypatch.setattr(archive, "ALL", 7 * each)
    room = [out.add(job(str(number)), result, 1) for number in range(1, 9)]
    assert room[0]
    assert not room[-1]
    files = sorted((tmp_path / "out").glob("*.zip"))
    assert len(files) > 1
    assert max(path.stat().st_size for path in files) < 4.5 * each
    assert sum(path.stat().st_size for path in files) < 9 * each
    last = names(files[-1])
    assert "paper/a/8/metrics.json" in last
    assert "paper/a/8/restored.png" not in last
