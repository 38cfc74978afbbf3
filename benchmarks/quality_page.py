"""The tables of benchmarks/quality.py, and where they go."""

import json
from dataclasses import asdict, dataclass

from benchmarks.page import DOCS, hardware, write


@dataclass
class Method:
    """One method on one image.

    Attributes:
        name: of the method.
        psnr: after each time; None before its first result.
        end: PSNR of the whole fit; None: it was not run to its end.
        seconds: of the whole fit.
        highest: PSNR on the way, which only who knows the ground truth could stop at.
    """

    name: str
    psnr: list[float | None]
    end: float | None
    seconds: float
    highest: float


@dataclass
class Case:
    """All methods on one image."""

    name: str
    methods: list[Method]


def table(cases: list[Case], seconds: list[float]) -> str:
    """Write the PSNR of all methods after each time and in the end, the best in bold."""
    head = ["image", "method", *(f"{limit:g} s" for limit in seconds), "in the end", "after, s"]
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for case in cases:
        columns = list(zip(*([*m.psnr, m.end] for m in case.methods), strict=True))
        best = [max((p for p in column if p is not None), default=None) for column in columns]
        for method in case.methods:
            cells = [
                "" if psnr is None else f"**{psnr:.2f}**" if psnr == highest else f"{psnr:.2f}"
                for psnr, highest in zip([*method.psnr, method.end], best, strict=True)
            ]
            took = f"{method.seconds:.{0 if method.seconds >= 10 else 1}f}"
            lines.append(f"| {' | '.join([case.name, method.name, *cells, took])} |")
    return "\n".join(lines)


def goal_table(cases: list[Case]) -> str:
    """Write what the whole fits reach and take, beside each other."""
    head = [
        *("image", "paper, dB", "highest on the way", "fast, dB", "highest on the way"),
        *("fast - paper, dB", "time, paper / fast", "textbook / fast"),
    ]
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for case in cases:
        _, book, paper, fast = case.methods
        assert paper.end is not None  # noqa: S101 - narrows the type
        assert fast.end is not None  # noqa: S101
        psnrs = " | ".join(f"{m.end:.2f} | {m.highest:.2f}" for m in (paper, fast))
        times = (m.seconds / fast.seconds for m in (paper, book))
        gain, ratios = fast.end - paper.end, " | ".join(f"{t:.1f}" for t in times)
        lines.append(f"| {case.name} | {psnrs} | {gain:+.2f} | {ratios} |")
    return "\n".join(lines)


class Page:
    """A section of docs/benchmarks.md, and its numbers.

    Args:
        settings: of all methods, such as `max_side=128`.
        seconds: times to look at.
    """

    def __init__(self, settings: list[str], seconds: list[float]) -> None:
        side = dict(setting.split("=", 1) for setting in settings).get("max_side")
        self.name = "quality" if side is None else f"quality-{side}"
        self.facts = {"hardware": hardware(), "settings": settings, "seconds": seconds}
        self.path = DOCS / "benchmarks" / f"{self.name}.json"
        self.before = json.loads(self.path.read_text()) if self.path.is_file() else None

    def different(self) -> str | None:
        """Say how the numbers that are there were measured, if that was in another way."""
        before = self.before or self.facts
        found = [f"with {k}={before[k]}" for k, v in self.facts.items() if before[k] != v]
        return ", ".join(found) or None

    def add(self, case: Case) -> None:
        """Write a case, in place of an older one or after the others."""
        others = [] if self.before is None else self.before["results"]
        found = {c["name"]: Case(c["name"], [Method(**m) for m in c["methods"]]) for c in others}
        cases = list({**found, case.name: case}.values())
        seconds: list[float] = list(self.facts["seconds"])
        note = f"{hardware()}; {' '.join(self.facts['settings']) or 'whole images'}; seed 0."
        shown = (note, table(cases, seconds), goal_table(cases))
        self.before = {**self.facts, "results": [asdict(case) for case in cases]}
        write(self.name, "\n\n".join(shown), self.before)
