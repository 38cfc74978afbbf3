"""Does the suite, after as many iterations, have what the textbook loop has?

    python -m benchmarks.equal [--case NAME ...] [--seeds N] [--iterations N]
        [--setting KEY=VALUE ...]

Both fit the same image with preset=paper: the textbook loop in float32 by plain PyTorch modules,
the suite as it comes. Prints the PSNR of both averaged outputs; the table goes into
docs/benchmarks.md, where cases not asked for stay. Fits are chaotic: two that differ by rounding
only end apart, and several seeds show how far. Needs no idle machine.
"""

import argparse
import statistics
import tempfile
from functools import partial
from pathlib import Path

from benchmarks.page import Section, check_settings, hardware
from benchmarks.time_to_quality import CASES, NOT_FOR_ALL, suite, textbook

CHOSEN = ("half missing, house", "sr x4, butterfly", "sigma 25, f16")
ITERATIONS = 500
Pairs = list[tuple[float, float]]  # PSNR (dB): textbook, suite; one pair per seed


def compare(arguments: list[str], iterations: int, seeds: int) -> Pairs:
    """Run both loops with each seed."""
    pairs = []
    for seed in range(seeds):
        same = [*arguments, "preset=paper", f"seed={seed}"]
        (_, plain) = textbook(same, iterations=iterations)[-1]
        with tempfile.TemporaryDirectory() as folder:
            (_, ours) = suite(Path(folder), [*same, f"iterations={iterations}"])[-1]
        pairs.append((plain, ours))
    return pairs


def table(results: dict[str, Pairs]) -> str:
    """Write the means over the seeds, and the range of the differences."""
    head = "image | seeds | textbook, dB | suite, dB | difference | of single seeds"
    lines = [f"| {head} |", "|---" * 6 + "|"]
    for name, pairs in results.items():
        plain, ours = (statistics.mean(values) for values in zip(*pairs, strict=True))
        apart = [after - before for before, after in pairs]
        span = f"{min(apart):+.2f} to {max(apart):+.2f}"
        cells = (name, f"{len(pairs)}", f"{plain:.2f}", f"{ours:.2f}", f"{ours - plain:+.2f}", span)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def text(results: dict[str, Pairs], settings: list[str], iterations: int) -> str:
    """Write the table and how it was measured."""
    note = f"{hardware()}; {' '.join(settings) or 'whole images'}"
    return f"{note}; averaged output after {iterations} iterations.\n\n{table(results)}"


def main() -> None:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--case", nargs="+", choices=CASES, default=[])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--iterations", type=int, default=ITERATIONS)
    parser.add_argument("--setting", nargs="+", default=[], help="for both, e.g. max_side=128")
    parser.add_argument("--dry", action="store_true", help="leave docs/ as it is")
    given = parser.parse_args()
    check_settings(given.setting, NOT_FOR_ALL, "is not the same for all methods", parser)
    how = {"settings": given.setting, "iterations": given.iterations}
    section = Section("equal", how, partial(text, **how))
    if not given.dry:
        section.check(given.case, parser)
    for case in given.case or CHOSEN:
        pairs = compare([*CASES[case], *given.setting], given.iterations, given.seeds)
        print(table({case: pairs}), flush=True)
        if not given.dry:
            section.add(case, pairs)


if __name__ == "__main__":
    main()
