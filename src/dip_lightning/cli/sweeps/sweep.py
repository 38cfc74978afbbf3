"""A sweep's folder: found again by the same command, with a summary of its jobs."""

import csv
import io
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dip_lightning.cli.overrides import parse_overrides
from dip_lightning.config import ASIDE
from dip_lightning.errors import UserError
from dip_lightning.runs import ownership
from dip_lightning.runs.run import Run, differs, find_run, read_metrics

SUMMARY = "sweep.csv"
OBJECTIVE = "objective"  # the column of a search for what it maximises
PSNR = ("psnr", "psnr_average", "psnr_result")
COLUMNS = ("job", "status", *PSNR, "ssim_average", "seconds", "diagnosis", "error")
# On the terminal: a metric, its title and decimals; left out where no job has it.
SHOWN = (
    ("psnr", "PSNR (dB)", 2),
    ("psnr_average", "averaged", 2),
    ("psnr_result", "result", 2),
    ("seconds", "seconds", 1),
)


@dataclass(frozen=True)
class Sweep:
    """What the jobs of a sweep have in common.

    Attributes:
        keys: the swept keys, in their order.
        total: how many jobs there are.
        before: trials of a search that an earlier command has done.
        objective: the metric that a search maximises; None for a grid.
    """

    keys: tuple[str, ...] = ()
    total: int = 1
    before: int = 0
    objective: str | None = None

    def label(self, number: int) -> str:
        """Name a job by its number, which Hydra counts from 0."""
        return f"[{self.before + number + 1} of {self.total}]"


def write_summary(folder: Path, sweep: Sweep) -> list[dict[str, Any]]:
    """Write sweep.csv, one row for each job that has ended so far, a column for each swept key.

    Jobs of another command may lie in the same folder: what was typed differently there has a
    column as well.

    Args:
        folder: of the sweep.
        sweep: what its jobs have in common.

    Returns:
        The rows, in the order of their swept values.
    """
    jobs = sorted(path.parent for path in folder.glob("*/metrics.json"))
    rows = [{**read_metrics(job), "job": job.name} for job in jobs]
    swept = list(dict.fromkeys([*sweep.keys, *(key for row in rows for key in _swept(row))]))
    runs = {job.name: find_run(job) for job in jobs}
    keys = [*swept, *_typed_apart(list(runs.values()), swept)]
    values = {row["job"]: _values(row, runs[row["job"]], keys) for row in rows}
    rows.sort(key=lambda row: [_rank(values[row["job"]][key]) for key in keys])
    columns = [COLUMNS[0], *keys, *COLUMNS[1:]]
    if sweep.objective is not None:
        rows = [{**row, OBJECTIVE: row.get(sweep.objective)} for row in rows]
        columns.insert(columns.index("seconds"), OBJECTIVE)
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, extrasaction="ignore")
    writer.writeheader()
    writer.writerows({**row, **values[row["job"]]} for row in rows)
    ownership.write(folder / SUMMARY, text.getvalue().encode(errors="surrogateescape"))
    return rows


def _typed_apart(runs: list[Run], swept: list[str]) -> list[str]:
    """Name the keys that were typed, not swept, and differ between jobs."""
    typed = dict.fromkeys(
        text.partition("=")[0].lstrip("+") for run in runs for text in run.overrides
    )
    left = [key for key in typed if key not in swept and key.partition(".")[0] not in ASIDE]
    return [key for key in left if differs(key, [run.settings for run in runs])]


def _values(row: dict[str, Any], run: Run, keys: list[str]) -> dict[str, str]:
    """Return what a job has for each key: as it was swept, otherwise as it was set."""
    swept, settings = _swept(row), run.settings
    set_by = {key: _as_typed(settings[key]) for key in keys if key in settings}
    told = {key: _unquoted(text) for key, text in swept.items()}
    return dict.fromkeys(keys, "") | set_by | told


def _unquoted(text: str) -> str:
    if str(text)[:1] not in {"'", '"'}:
        return text
    try:
        (parsed,) = parse_overrides([f"key={text}"])
    except UserError:  # of a file that somebody has changed
        return text
    return str(getattr(parsed.value(), "text", parsed.value()))


def _as_typed(value: Any) -> str:
    words = {None: "null", True: "true", False: "false"}
    return words[value] if value is None or isinstance(value, bool) else str(value)


def _swept(row: dict[str, Any]) -> dict[str, str]:
    found = row.get("swept")
    # An earlier version counted what was told by `+key` among them.
    return {k: v for k, v in found.items() if k[:1] != "+"} if isinstance(found, dict) else {}


def _rank(value: str) -> tuple[int, float, list[tuple[int, str]]]:
    """Sort numbers by size, before text, in which numbers count as such, too."""
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if math.isfinite(number):
        return 0, number, []
    parts = re.findall(r"\d+|\D+", value)
    return 1, 0.0, [(int(part) if part.isdecimal() else -1, part) for part in parts]


def select(rows: list[dict[str, Any]], values: dict[str, list[str]]) -> list[dict[str, Any]]:
    """Keep the rows of the jobs that a command means; others may lie in the same folder.

    Args:
        rows: of all jobs there.
        values: the values of each swept key.
    """
    return [
        row
        for row in rows
        if _swept(row).keys() == values.keys()
        and all(text in values[key] for key, text in _swept(row).items())
    ]


def written(folder: Path) -> dict[str, int]:
    """Return when each job's metrics.json was written, nanoseconds, by the job's name."""
    return {path.parent.name: path.stat().st_mtime_ns for path in folder.glob("*/metrics.json")}


def newer(rows: list[dict[str, Any]], folder: Path, before: dict[str, int]) -> list[dict[str, Any]]:
    """Keep the rows of the jobs that have ended since `written` was asked, wherever they ran."""
    now = written(folder)
    return [row for row in rows if now.get(row["job"]) != before.get(row["job"])]


def failed(rows: list[dict[str, Any]]) -> list[str]:
    """List the jobs that have failed."""
    return [row["job"] for row in rows if row.get("status") == "failed"]


def best(rows: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Return the finished job with the largest objective; None where there is none."""
    found = [r for r in rows if r.get("status") == "finished" and r.get(OBJECTIVE) is not None]
    return max(found, key=lambda row: float(row[OBJECTIVE]), default=None)


def format_summary(rows: list[dict[str, Any]], objective: str | None = None) -> str:
    """Lay out the summary for a terminal; failed jobs with their reason.

    Args:
        rows: as `write_summary` returns them, one at least.
        objective: the metric that a search maximises, which gets a column, its best row a mark.
    """
    width, top = max(len(row["job"]) for row in rows), best(rows)
    columns = list(SHOWN)
    if objective is not None:
        columns.insert(len(PSNR), (OBJECTIVE, objective, 3))
    columns = [column for column in columns if any(row.get(column[0]) is not None for row in rows)]
    lines = ["  ".join([f"{'job':{width}}", *(title for _, title, _ in columns), "status"])]
    for row in rows:
        cells = [
            f"{'-' if row.get(name) is None else format(row[name], f'.{digits}f'):>{len(title)}}"
            for name, title, digits in columns
        ]
        ended = f"{row.get('status')}{_reason(row)}{', the best' if row is top else ''}"
        lines.append("  ".join([f"{row['job']:{width}}", *cells, ended]))
    return "\n".join(lines)


def _reason(row: dict[str, Any]) -> str:
    if row.get("error"):
        return f": {row['error']}"
    return f" ({row['diagnosis']})" if row.get("diagnosis") else ""
