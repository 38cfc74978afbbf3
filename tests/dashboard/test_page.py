import base64
import gzip
import re
import shutil

import pytest

from dip_lightning.dashboard import page
from dip_lightning.dashboard.page import write_dashboard, write_report
from tests.dashboard.conftest import data_of, write_many, write_run


def test_a_page_holds_every_run_and_asks_no_server(sweep):
    assert write_dashboard(sweep) == 6
    target = sweep / "dashboard.html"
    data = data_of(target)
    assert data["swept"] == ["lr", "input_depth"]
    assert [run["status"] for run in data["runs"]].count("failed") == 1
    text = target.read_text()
    assert "{{" not in text.partition('id="data"')[0]
    addresses = re.findall(r"""(?:src|href)=["']([^"']*)""", text)
    assert not [a for a in addresses if a.startswith(("http:", "https:", "//"))]
    assert not list(sweep.glob("*.partial"))


def test_an_error_cannot_end_the_script(sweep):
    write_dashboard(sweep)
    failed = next(r for r in data_of(sweep / "dashboard.html")["runs"] if r["status"] == "failed")
    assert failed["metrics"]["error"] == "sigma=9: too much </script>"


def test_a_report_is_one_run_in_its_folder(tmp_path):
    folder = write_run(tmp_path / "one")
    write_report(folder)
    data = data_of(folder / "report.html")
    assert data["single"]
    assert [run["images"]["restored"] for run in data["runs"]] == ["restored.png"]


def test_nothing_new_is_the_same_stamp(sweep):
    stamps = []
    for psnr in (28.0, None, 29.0):
        if psnr:
            shutil.rmtree(sweep / "one", ignore_errors=True)
            write_run(sweep / "one", psnr=psnr)
        write_dashboard(sweep)
        stamps.append(data_of(sweep / "dashboard.html")["stamp"])
    assert stamps[0] == stamps[1] != stamps[2]


def test_every_file_of_the_application_is_used():
    files = {
        path.relative_to(page.APP).as_posix() for path in page.APP.rglob("*") if path.is_file()
    }
    scripts = {*page.ALWAYS, *page.ONE, *page.MANY}
    assert files == {*scripts, *page.STYLES, "start.js", "page.html", "vendor/LICENSE-uPlot"}


@pytest.mark.parametrize("single", [True, False])
def test_a_page_carries_its_own_scripts_small(single):
    start, script = page.scripts(single=single)
    found = page._application(single=single)
    assert len(found.encode()) < 130_000
    packed = found.partition('id="app">')[2].partition("</script>")[0]
    assert gzip.decompress(base64.b64decode(packed)).decode() == script
    assert f"<script>{start}</script>" in found
    assert ("function tableView" in script) is not single


@pytest.mark.slow
def test_two_hundred_runs_of_ten_thousand_rows_are_small(tmp_path):
    write_many(tmp_path, 200, rows=10_000)
    assert write_dashboard(tmp_path) == 200
    assert data_of(tmp_path / "dashboard.html")["swept"] == ["lr"]
    assert (tmp_path / "dashboard.html").stat().st_size < 8e6
