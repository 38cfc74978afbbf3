"""A sweep's folder: found again by the same command, with a summary of its jobs."""

import csv
import hashlib
import io
import json
from pathlib import Path
from typing import Any

from dip_lightning.results import ownership

SUMMARY = "sweep.csv"
COLUMNS = ("job", "status", "psnr", "psnr_average", "ssim_average", "seconds", "diagnosis", "error")
# On the terminal: a metric, its title and decimals; left out where no job has it.
SHOWN = (("psnr", "PSNR (dB)", 2), ("psnr_average", "averaged", 2), ("seconds", "seconds", 1))
UNIMPORTANT = (
    "resume=",
    "checkpoint_seconds=",
    "chunk=",
    "logger=",
    "logger.",
    "launcher=",
    "hydra.launcher.",
    "hydra.sweeper.n_",
    "hydra.run.",
    "hydra.sweep.",
)  # change nothing about the results


def folder_of(overrides: list[str], config_name: str, config_folder: str | None = None) -> Path:
    """Name a sweep's folder after its command, so that the same command goes on where it ended."""
    told = [text for text in overrides if not text.startswith(UNIMPORTANT)]
    where = [] if config_folder is None else [str(Path(config_folder).resolve())]
    digest = hashlib.sha256(
        "\n".join([config_name, *where, *sorted(told)]).encode(errors="surrogateescape")
    ).hexdigest()
    chosen = dict(text.partition("=")[::2] for text in told)
    name = next(
        (chosen[k] for k in ("+study", "task") if chosen.get(k, "").isidentifier()), "sweep"
    )
    return Path("outputs") / "sweeps" / f"{name}-{digest[:10]}"


def finished(folder: Path) -> dict[str, Any] | None:
    """Return the metrics of a job that has finished in this folder, None if none has."""
    metrics = _metrics(folder)
    return metrics if metrics.get("status") == "finished" else None


def write_summary(folder: Path) -> list[dict[str, Any]]:
    """Write sweep.csv, one row for each job that has ended so far, a column for each swept key.

    Returns:
        The rows.
    """
    jobs = sorted(path.parent for path in folder.glob("*/metrics.json"))
    rows = [{**_metrics(job), "job": job.name} for job in jobs]
    swept = dict.fromkeys(key for row in rows for key in row.get("swept", {}))
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, (COLUMNS[0], *swept, *COLUMNS[1:]), extrasaction="ignore")
    writer.writeheader()
    writer.writerows({**row, **row.get("swept", {})} for row in rows)
    ownership.write(folder / SUMMARY, text.getvalue().encode(errors="surrogateescape"))
    return rows


def written(folder: Path) -> dict[str, int]:
    """Return when each job's metrics.json was written, nanoseconds, by the job's name."""
    return {path.parent.name: path.stat().st_mtime_ns for path in folder.glob("*/metrics.json")}


def failed(rows: list[dict[str, Any]], folder: Path, before: dict[str, int]) -> list[str]:
    """List the jobs that have failed since `written` was asked, in whichever process."""
    now = written(folder)
    return [
        row["job"]
        for row in rows
        if row.get("status") == "failed" and now.get(row["job"]) != before.get(row["job"])
    ]


def format_summary(rows: list[dict[str, Any]]) -> str:
    """Lay out the summary for a terminal; failed jobs with their reason."""
    width = max(len(row["job"]) for row in rows)
    columns = [column for column in SHOWN if any(row.get(column[0]) is not None for row in rows)]
    titles = [f"{'job':{width}}", *(title for _, title, _ in columns), "status"]
    lines = ["  ".join(titles)]
    for row in rows:
        cells = [
            f"{'-' if row.get(name) is None else format(row[name], f'.{digits}f'):>{len(title)}}"
            for name, title, digits in columns
        ]
        reason = f": {row['error']}" if row.get("error") else ""
        reason = reason or (f" ({row['diagnosis']})" if row.get("diagnosis") else "")
        cells = [f"{row['job']:{width}}", *cells, f"{row.get('status')}{reason}"]
        lines.append("  ".join(cells))
    return "\n".join(lines)


def _metrics(folder: Path) -> dict[str, Any]:
    try:
        found = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
