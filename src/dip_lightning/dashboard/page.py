"""The page: one HTML file with everything in it but the full-sized images."""

import base64
import gzip
import hashlib
import json
from datetime import UTC, datetime
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

from dip_lightning.dashboard.previews import Pictures
from dip_lightning.dashboard.records import PROBLEM, points_each, record, swept_keys
from dip_lightning.runs import ownership
from dip_lightning.runs.queued import queued
from dip_lightning.runs.run import Run, find_run, find_runs

APP = Path(__file__).with_name("app")
# A report goes without what compares runs.
ALWAYS = (
    *("vendor/uPlot.js", "data.js", "state.js", "groups.js", "dom.js", "scales.js", "paint.js"),
    "chart.js",
)
ONE = ("curves.js", "viewer.js", "images.js", "run.js", "main.js")
MANY = (
    *("query.js", "table.js", "curves.js", "parallel.js", "grid.js", "compare.js", "viewer.js"),
    *("images.js", "run.js", "main.js"),
)
STYLES = ("vendor/uPlot.css", "style.css")
PAGE, REPORT = "dashboard.html", "report.html"


def write_dashboard(root: Path, target: Path | None = None, refresh: float | None = None) -> int:
    """Write the page over every run below a folder.

    Args:
        root: such as outputs/.
        target: the HTML file; `dashboard.html` in `root` where it is not given.
        refresh: seconds after which an open page looks for a newer one; None: never.

    Returns:
        The number of runs.
    """
    runs = find_runs(root.resolve())
    _write(target or root / PAGE, root.resolve(), runs, single=False, refresh=refresh)
    return len(runs)


def write_report(folder: Path) -> None:
    """Write report.html, the page of one run, into its result folder."""
    whole = folder.resolve()
    _write(folder / REPORT, whole, [find_run(whole)], single=True, refresh=None)


def _write(
    target: Path, root: Path, runs: list[Run], *, single: bool, refresh: float | None
) -> None:
    page, points = target.resolve().parent, points_each(len(runs))
    pictures, swept = Pictures(len(runs)), swept_keys(runs)
    data = {
        "title": root.name,
        "single": single,
        "refresh": refresh,
        "swept": swept,
        "problem": [key for key in swept if key.partition(".")[0] in PROBLEM],
        "queued": queued(root),
        "runs": [record(run, page, root, points, pictures) for run in runs],
        "pictures": pictures.found,
    }
    # An open page reads a newer one only where that says something new.
    stamp = hashlib.sha256(_written(data).encode(errors="backslashreplace")).hexdigest()
    now = datetime.now(UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    text = _fill({**data, "stamp": stamp, "written": now})
    ownership.write(target, text.encode(errors="backslashreplace"))


def _fill(data: dict[str, Any]) -> str:
    page = _application(single=data["single"]).replace("{{title}}", escape(data["title"]))
    return page.replace("{{data}}", _written(data))


def _written(data: dict[str, Any]) -> str:
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.replace("<", "\\u003c")  # "</" could end the element early


def scripts(*, single: bool) -> tuple[str, ...]:
    """Return the scripts of a page as a browser runs them, the one that starts it first."""
    script = "\n".join(map(_text, (*ALWAYS, *(ONE if single else MANY))))
    return _text("start.js"), f'"use strict";\n{script}\n//# sourceURL=dip_lightning.js\n'


@cache
def _application(*, single: bool) -> str:
    start, script = scripts(single=single)
    packed = base64.b64encode(gzip.compress(script.encode(), mtime=0)).decode()
    style = "\n".join(map(_text, STYLES))
    page = _text("page.html").replace("{{style}}", style)
    return page.replace("{{app}}", packed).replace("{{start}}", start)


def _text(name: str) -> str:
    return (APP / name).read_text(encoding="utf-8")
