"""The tables of benchmarks/quality.py."""

import statistics
from collections.abc import Iterable
from dataclasses import dataclass

from benchmarks.quality_sets import SETS, ImageSet

ALLOWED = 0.05  # dB below the best classical method
DASH = "-"


@dataclass(frozen=True)
class Result:
    """What was measured of a case; PSNR in dB, by the metric of its set.

    Attributes:
        case: `set/image`.
        version: checksum of the settings.
        observed: PSNR of the damaged image; None where it has another size.
        classical: PSNR of the classical methods, by name.
        fit: PSNR of the fit's averaged output.
        result: PSNR of what the command gives.
        made: how the result was made.
        highest: PSNR of the best averaged output on the way.
        highest_at: iteration of it.
        seconds: of the fit, the classical methods and what is made of both.
        iterations: of the fit.
    """

    case: str
    version: str
    observed: float | None
    classical: dict[str, float]
    fit: float
    result: float
    made: str
    highest: float
    highest_at: int
    seconds: float
    iterations: int

    @property
    def image(self) -> str:
        """Name of the image."""
        return self.case.partition("/")[2]

    @property
    def floor(self) -> float:
        """PSNR of the best that needs no fit: a classical method, or the image as it is."""
        left = [] if self.observed is None else [self.observed]
        return max([*self.classical.values(), *left])

    @property
    def margin(self) -> float:
        """How far the result is above that, dB."""
        return self.result - self.floor


def page(results: list[Result], *, whole: bool) -> str:
    """Write all tables.

    Args:
        results: of all cases.
        whole: the images are, so that published numbers and targets are about the same.
    """
    by_set = {
        name: sorted((r for r in results if r.case.startswith(f"{name}/")), key=lambda r: r.margin)
        for name in SETS
    }
    found = {name: rows for name, rows in by_set.items() if rows}
    below = [r.case for r in results if r.margin < -ALLOWED]
    verdict = f"More than {ALLOWED} dB below the best without a fit: {', '.join(below) or 'none'}."
    tables = [f"{heading(name)}\n\n{set_table(rows)}" for name, rows in found.items()]
    return "\n\n".join((summary(found, whole=whole), verdict, *tables))


def heading(name: str) -> str:
    """Say what a set is, and how to repeat it."""
    of = SETS[name]
    return f"**{of.title}** (`make quality ARGS={name}`). {of.note}"


def set_table(rows: list[Result]) -> str:
    """Write the images of a set, least margin first, and their mean."""
    methods = list(dict.fromkeys(name for row in rows for name in row.classical))
    head = [
        *("image", "observed", *methods, "fit alone", "result", "best on the way"),
        *("margin", "seconds", "iterations"),
    ]
    lines = [
        [
            *(row.image, number(row.observed), *(number(row.classical.get(m)) for m in methods)),
            *(number(row.fit), f"**{row.result:.2f}**", f"{row.highest:.2f} ({row.highest_at})"),
            *(f"{row.margin:+.2f}", f"{row.seconds:.0f}", str(row.iterations)),
        ]
        for row in rows
    ]
    last = [
        *("mean", mean(r.observed for r in rows)),
        *(mean(r.classical.get(m) for r in rows) for m in methods),
        *(mean(r.fit for r in rows), f"**{statistics.mean(r.result for r in rows):.2f}**"),
        *(mean(r.highest for r in rows), f"{statistics.mean(r.margin for r in rows):+.2f}"),
        *(f"{statistics.mean(getattr(r, n) for r in rows):.0f}" for n in ("seconds", "iterations")),
    ]
    return markdown(head, [*lines, last])


def summary(found: dict[str, list[Result]], *, whole: bool) -> str:
    """Write the means of the sets, beside what is asked and what is published."""
    head = [
        *("set", "images", "best without a fit", "fit alone", "result", "best on the way"),
        *("least margin", "target", "published means"),
    ]
    lines = []
    for name, rows in found.items():
        of, least = SETS[name], min(rows, key=lambda r: r.margin)
        comparable = whole and len(rows) == len(of.images)
        lines.append(
            [
                *(of.title, f"{len(rows)} of {len(of.images)}", mean(r.floor for r in rows)),
                *(mean(r.fit for r in rows), f"**{statistics.mean(r.result for r in rows):.2f}**"),
                *(mean(r.highest for r in rows), f"{least.margin:+.2f} ({least.image})"),
                *((aim(of), published(of)) if comparable else (DASH, DASH)),
            ]
        )
    return markdown(head, lines)


def aim(of: ImageSet) -> str:
    """Say what is asked of a set."""
    target = "" if of.target is None else f"{of.target:g}"
    return "; ".join(text for text in (target, of.aim) if text)


def published(of: ImageSet) -> str:
    """List the published means of a set."""
    return "; ".join(f"{name} {psnr:.2f}" for name, psnr in of.means().items()) or DASH


def number(value: float | None) -> str:
    """Write a PSNR, or that there is none."""
    return DASH if value is None else f"{value:.2f}"


def mean(values: Iterable[float | None]) -> str:
    """Write a mean, or that one is missing."""
    found = list(values)
    present = [value for value in found if value is not None]
    return number(statistics.mean(present)) if len(present) == len(found) else DASH


def markdown(head: list[str], rows: list[list[str]]) -> str:
    """Write a table."""
    lines = [f"| {' | '.join(cells)} |" for cells in (head, *rows)]
    return "\n".join((lines[0], "|---" * len(head) + "|", *lines[1:]))
