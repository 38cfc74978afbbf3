"""The suite's speed beside a textbook loop's, and beside that of the convolutions alone.

    python -m benchmarks.speed [--network NAME ...] [--iterations N] [--pairs N] [SIZE ...]

Three loops in turn, each in a process of its own (the allocator's settings last as long as it):

    textbook      plain PyTorch modules, float32, NCHW, PSNR on the host every iteration
    suite         `python -m dip_lightning`, as a user runs it: Lightning, logging, progress
    convolutions  those of the textbook network and nothing else, in the suite's number format

All fit half of an image's pixels with the paper's settings. Prints medians over all pairs; the
table also goes into docs/benchmarks.md, the numbers into docs/benchmarks/speed.json.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.page import hardware, write

COLUMNS = (
    "network | pixels | textbook it/s | suite it/s | ratio | convolutions alone, it/s "
    "| suite / convolutions | memory, textbook / suite (GB) | page faults (millions)"
)


@dataclass(frozen=True)
class Run:
    """One process.

    Attributes:
        seconds: median of an iteration.
        peak_bytes: most memory it had.
        page_faults: of the whole process.
    """

    seconds: float
    peak_bytes: int
    page_faults: int


def test_image(side: int) -> np.ndarray:
    """A smooth RGB image, (side, side, 3), 8 bits."""
    rows, columns = np.mgrid[0:side, 0:side] / side
    planes = [np.sin(9 * rows + 5 * columns + phase) for phase in range(3)]
    return (127 + 120 * np.stack(planes, axis=2)).astype(np.uint8)


def run(loop: str, network: str, path: Path, iterations: int) -> Run:
    """Run one of the loops to its end."""
    if loop != "suite":
        command = ["-m", "benchmarks.loops", loop, network, str(path), str(iterations)]
        printed, usage = _watched(command)
        seconds = json.loads(printed.splitlines()[-1])
    else:
        folder = path.parent / "result"
        given = ("task=restoration", f"image={path}", f"network={network}", "logger=csv")
        fixed = (f"iterations={iterations}", "log_every=1", f"hydra.run.dir={folder}")
        _, usage = _watched(["-m", "dip_lightning", *given, *fixed])
        rows = (folder / "history.csv").read_text().splitlines()[1:]
        ends = [float(row.split(",")[-1]) for row in rows]
        seconds = [(ends[-1] - ends[1]) / (iterations - 2)]
    return Run(statistics.median(seconds), 1024 * usage.ru_maxrss, usage.ru_minflt)


def _watched(arguments: list[str]) -> tuple[str, resource.struct_rusage]:
    with tempfile.TemporaryFile("w+") as output:
        child = subprocess.Popen([sys.executable, *arguments], stdout=output, stderr=output)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        printed = output.read()
    if child.returncode:
        raise SystemExit(printed)
    return printed, usage


def compare(network: str, side: int, iterations: int, pairs: int) -> dict:
    """Run the three loops in turn; return all runs and the medians."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "image.png"
        Image.fromarray(test_image(side)).save(path)
        loops = ("textbook", "suite", "convolutions")
        rounds = [{k: run(k, network, path, iterations) for k in loops} for _ in range(pairs)]
    ratios = [r["textbook"].seconds / r["suite"].seconds for r in rounds]
    limits = [r["convolutions"].seconds / r["suite"].seconds for r in rounds]
    return {
        "network": network,
        "side": side,
        "ratio": statistics.median(ratios),
        "of_limit": statistics.median(limits),
        "rounds": [{name: asdict(value) for name, value in r.items()} for r in rounds],
    }


def row(result: dict) -> str:
    """Write one line of the table."""

    def median(loop: str, key: str) -> float:
        return statistics.median(r[loop][key] for r in result["rounds"])

    speeds = {k: 1 / median(k, "seconds") for k in ("textbook", "suite", "convolutions")}
    memory = (f"{median(k, 'peak_bytes') / 1e9:.2f}" for k in ("textbook", "suite"))
    faults = (f"{median(k, 'page_faults') / 1e6:.2f}" for k in ("textbook", "suite"))
    cells = (
        result["network"],
        f"{result['side']} x {result['side']}",
        f"{speeds['textbook']:.3f}",
        f"{speeds['suite']:.3f}",
        f"**{result['ratio']:.2f}**",
        f"{speeds['convolutions']:.3f}",
        f"{100 * result['of_limit']:.0f} %",
        " / ".join(memory),
        " / ".join(faults),
    )
    return f"| {' | '.join(cells)} |"


def text(results: list[dict], iterations: int, pairs: int) -> str:
    """Write the table and what it was measured on."""
    note = f"{hardware()}; medians of {pairs} rounds of {iterations} iterations."
    rule = "|---" * len(COLUMNS.split("|")) + "|"
    return "\n".join([note, "", f"| {COLUMNS} |", rule, *map(row, results)])


def main() -> None:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("sizes", nargs="*", type=int, default=[128, 256], metavar="SIZE")
    parser.add_argument("--network", nargs="+", default=["skip", "skip_text", "unet"])
    parser.add_argument("--iterations", type=int, default=12)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--dry", action="store_true", help="leave docs/ as it is")
    given = parser.parse_args()
    print(f"{hardware()}\n| {COLUMNS} |", flush=True)
    results = []
    for network in given.network:
        for side in given.sizes:
            results.append(compare(network, side, given.iterations, given.pairs))
            print(row(results[-1]), flush=True)
    if not given.dry:
        shown = text(results, given.iterations, given.pairs)
        write("speed", shown, {"iterations": given.iterations, "results": results})


if __name__ == "__main__":
    main()
