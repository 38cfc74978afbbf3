"""The tables of benchmarks/time_to_quality.py, and of the peer in benchmarks/quality.py."""

from dataclasses import dataclass
from typing import Any, Self


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

    @classmethod
    def read(cls, numbers: dict[str, Any]) -> Self:
        """Make one from what `asdict` made of it."""
        return cls(numbers["name"], [Method(**method) for method in numbers["methods"]])


def table(cases: list[Case], seconds: list[float], *, with_highest: bool = False) -> str:
    """Write the PSNR of all methods after each time and in the end, the best in bold.

    Args:
        cases: a line for each of their methods.
        seconds: the times.
        with_highest: add what was highest on the way.
    """
    head = ["image", "method", *(f"{limit:g} s" for limit in seconds), "in the end", "after, s"]
    head += ["highest on the way"] * with_highest
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for case in cases:
        columns = list(zip(*([*m.psnr, m.end] for m in case.methods), strict=True))
        best = [max((p for p in column if p is not None), default=None) for column in columns]
        for method in case.methods:
            cells = [
                "" if psnr is None else f"**{psnr:.2f}**" if psnr == most else f"{psnr:.2f}"
                for psnr, most in zip([*method.psnr, method.end], best, strict=True)
            ]
            took = f"{method.seconds:.{0 if method.seconds >= 10 else 1}f}"
            highest = [f"{method.highest:.2f}"] * with_highest
            lines.append(f"| {' | '.join([case.name, method.name, *cells, took, *highest])} |")
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
