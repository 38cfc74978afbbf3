"""How the fits of a mosaic's tiles went, each by itself and as one curve."""

import csv
from dataclasses import dataclass, field
from typing import Any

from pytorch_lightning.loggers import Logger

from dip_lightning.callbacks import History
from dip_lightning.callbacks.history import COLUMNS, decibels
from dip_lightning.results import health


@dataclass(frozen=True)
class Row:
    """What history.csv says of one iteration, errors in place of PSNR.

    Of a mosaic that was cut short, some rows are not of all tiles.
    """

    loss: float
    error: float | None
    error_average: float | None
    seconds: float
    is_whole: bool = True


@dataclass(frozen=True)
class Record:
    """How the fit of one tile went.

    Attributes:
        rows: its history, by iteration.
        iteration: how many iterations it was fitted for; 0: not begun.
        is_over: it stays as it is, even if other tiles are fitted for longer.
        is_copy: nothing was missing, so y is the result.
        diagnosis: what is wrong with the course of the loss.
        diverged_at: iteration whose loss was not finite.
    """

    rows: dict[int, Row] = field(default_factory=dict)
    iteration: int = 0
    is_over: bool = False
    is_copy: bool = False
    diagnosis: str | None = None
    diverged_at: int | None = None

    def row(self, iteration: int) -> Row | None:
        """Return the row of an iteration, the last one of a fit that was over before it."""
        if self.is_over:
            iteration = min(iteration, self.iteration)
        return self.rows.get(iteration)

    def seconds(self, iteration: int) -> float:
        """Return how long the fit took up to an iteration, or up to its end before it."""
        return max((row.seconds for at, row in self.rows.items() if at <= iteration), default=0.0)


def record_of(saved: dict[str, Any]) -> Record:
    """Read how a fit went from its checkpoint."""
    fit, text = saved["fit"], saved["callbacks"][History.__qualname__]["rows"]
    (first, best), (last,) = fit["losses"], fit["iterates"]
    return Record(
        {int(row["iteration"]): _row(row) for row in csv.DictReader(text.splitlines())},
        fit["iteration"],
        fit["is_over"],
        diagnosis=health.of_losses(first, best, last[0]),
        diverged_at=fit["diverged_at"],
    )


def mean_rows(records: list[Record]) -> dict[int, Row]:
    """Average the histories of tiles of one size, over those that came so far.

    Args:
        records: of the tiles; a copy has neither loss nor error.

    Returns:
        The rows by iteration; their seconds are the sum over all tiles.
    """
    copies = sum(record.is_copy for record in records)
    rows = {}
    for iteration in sorted({at for record in records for at in record.rows}):
        fits = [record for record in records if not record.is_copy]
        came = [r for r in fits if r.is_over or r.iteration >= iteration]
        found = [row for row in (record.row(iteration) for record in came) if row is not None]
        if len(found) < len(came):
            continue  # the end of a tile that was cut short: its error alone is not the image's

        def mean(values: list[float | None], count: int = copies + len(found)) -> float | None:
            known = [value for value in values if value is not None]
            return sum(known) / count if known else None

        rows[iteration] = Row(
            mean([row.loss for row in found]) or 0.0,
            mean([row.error for row in found]),
            mean([row.error_average for row in found]),
            sum(record.seconds(iteration) for record in records),
            is_whole=copies + len(found) == len(records),
        )
    return rows


def _row(cells: dict[str, str]) -> Row:
    errors = [
        10 ** (-float(cells[name]) / 10) if cells[name] else None
        for name in ("psnr", "psnr_average")
    ]
    return Row(float(cells["loss"]), errors[0], errors[1], float(cells["seconds"]))


def write_history(history: History, rows: dict[int, Row], logger: Logger | None) -> None:
    """Write history.csv, send it to the logger, and find the oracle's best in it.

    Raises:
        OSError: it cannot be written.
    """
    lines = []
    for iteration, row in rows.items():
        psnr = decibels(row.error)
        is_best = psnr is not None and (history.psnr_best is None or psnr > history.psnr_best)
        if is_best and row.is_whole:
            history.psnr_best, history.iteration_best = psnr, iteration
        values = (iteration, row.loss, psnr, decibels(row.error_average), row.seconds)
        lines.append(["" if value is None else f"{value:.8g}" for value in values])
        if logger is not None:
            named = dict(zip(COLUMNS, values, strict=True))
            logger.log_metrics({k: v for k, v in named.items() if v is not None}, step=iteration)
        history.seconds = row.seconds
    history.table.path.parent.mkdir(parents=True, exist_ok=True)
    history.table.begin()
    history.table.append(lines)
    history.table.finish()
