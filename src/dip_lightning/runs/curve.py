"""The curve of a fit, read back from its table."""

import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dip_lightning.runs.untrusted import EXACT, read_text

Curve = dict[str, NDArray[np.float64]]


def read_curve(path: Path) -> Curve:
    """Read a table of iterations, without a last row that is still being written.

    Args:
        path: such as history.csv; empty columns are left out.

    Returns:
        Each column, (N,), NaN where a cell is empty; none where the file is missing or damaged.
    """
    try:
        lines = read_text(path).rpartition("\n")[0].splitlines()
        if len(lines) < 2:  # noqa: PLR2004 - columns, and a row
            return {}
        with warnings.catch_warnings(action="ignore"):  # of lines that are no table
            # An empty cell becomes NaN.
            table = np.genfromtxt(lines, delimiter=",", names=True, loose=False, ndmin=1)
        columns = {name: table[name].astype(float) for name in table.dtype.names or ()}
    except (OSError, ValueError, TypeError, IndexError, StopIteration):
        return {}
    columns = _counted(columns)
    return {name: column for name, column in columns.items() if not np.isnan(column).all()}


def _counted(columns: Curve) -> Curve:
    """Keep the rows that say which iteration they are of."""
    if "iteration" not in columns:
        return columns
    kept = np.abs(columns["iteration"]) < EXACT  # NaN is not
    return {name: column[kept] for name, column in columns.items()}
