"""The curve of a fit, read back from its table."""

import io
import re
import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dip_lightning.runs.untrusted import EXACT, read_text

Curve = dict[str, NDArray[np.float64]]
EMPTY = re.compile(r",(?=,|$)", re.MULTILINE)  # a cell, but for a row's first


def read_curve(path: Path) -> Curve:
    """Read a table of iterations, without a last row that is still being written.

    Args:
        path: such as history.csv; empty columns are left out.

    Returns:
        Each column, (N,), NaN where a cell is empty; none where the file is missing or damaged.
    """
    try:
        names, _, rows = read_text(path).rpartition("\n")[0].partition("\n")
        with warnings.catch_warnings(action="ignore"):  # of a table without rows
            filled = EMPTY.sub(",nan", f"\n{rows}").replace("\n,", "\nnan,")
            cells = np.loadtxt(io.StringIO(filled), delimiter=",", ndmin=2)
        columns = dict(zip(names.split(","), cells.T, strict=True))
    except (OSError, ValueError):
        return {}
    columns = _counted(columns)
    return {name: column for name, column in columns.items() if not np.isnan(column).all()}


def _counted(columns: Curve) -> Curve:
    """Keep the rows that say which iteration they are of."""
    if "iteration" not in columns:
        return columns
    kept = np.abs(columns["iteration"]) < EXACT  # NaN is not
    return {name: column[kept] for name, column in columns.items()}
