"""The suite's speed beside a textbook loop's, and beside that of the convolutions alone.

    python -m benchmarks.speed [--device cuda] [--iterations N] [--pairs N] [NETWORK:SIZE ...]

Three loops in turn, each in a process of its own (the allocator's settings last as long as it); on
a GPU, which has none, the first two, in one process:

    textbook      plain PyTorch modules, float32, NCHW, PSNR on the host every iteration
    suite         `python -m dip_lightning`, as a user runs it: Lightning, logging, progress
    convolutions  those of the textbook network and nothing else, in the suite's number format

All fit half of an image's pixels with the paper's settings, on one device; the suite as it comes,
but that it writes a row of history.csv and, early in a fit, previews in nearly every iteration. An
iteration's seconds are the mean of a run. Prints medians over all pairs; the table also goes into
docs/benchmarks.md, the numbers into docs/benchmarks/speed.json (of a GPU: speed-cuda.json), where
cases not asked for stay. Memory and page faults are the process's; of a GPU, memory is the GPU's.
The textbook loop leaves PyTorch's defaults as they are: on a GPU, its convolutions are rounded to
TF32.
"""

import argparse
import contextlib
import gc
import io
import json
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.loops import LEFT_OUT
from benchmarks.page import Section, hardware

ITERATIONS = {"cpu": 12, "cuda": 1000}
CASES = ("skip:128", "skip:256", "skip:512", "skip_text:256", "unet:256")
COLUMNS = (
    "network | pixels | textbook it/s | suite it/s | ratio | convolutions alone, it/s "
    "| suite / convolutions | outside of the iterations | memory, textbook / suite (GB) "
    "| page faults (millions)"
)


@dataclass(frozen=True)
class Run:
    """One loop, run to its end.

    Attributes:
        seconds: of an iteration, the mean.
        peak_bytes: most memory that its process had; on a GPU, that PyTorch reserved there.
        page_faults: of the whole process; None: it is not the loop's alone.
        outside: share of the time outside of the iterations; None: not asked.
    """

    seconds: float
    peak_bytes: int
    page_faults: int | None
    outside: float | None = None


def test_image(side: int) -> np.ndarray:
    """A smooth RGB image, (side, side, 3), 8 bits."""
    rows, columns = np.mgrid[0:side, 0:side] / side
    planes = [np.sin(9 * rows + 5 * columns + phase) for phase in range(3)]
    return (127 + 120 * np.stack(planes, axis=2)).astype(np.uint8)


def run(loop: str, network: str, path: Path, iterations: int, device: str) -> Run:
    """Run one of the loops to its end."""
    start = _here if device == "cuda" else _in_a_process
    if loop != "suite":
        found = start("loops", [loop, network, str(path), str(iterations), device])
        return Run(found["seconds"], found["bytes"], found["page_faults"])
    folder, left_out = path.parent / "result", LEFT_OUT[device]
    where = f"device={'gpu' if device == 'cuda' else device}"
    given = ["task=restoration", "preset=paper", f"image={path}", f"network={network}"]
    given += [where, "logger=csv", f"iterations={iterations}", "log_every=1"]
    found = start("suite", [*given, f"hydra.run.dir={folder}"])
    rows = (folder / "history.csv").read_text(encoding="utf-8").splitlines()[1:]
    ends = [float(row.split(",")[-1]) for row in rows]
    seconds = (ends[-1] - ends[left_out - 1]) / (iterations - left_out)
    return Run(seconds, found["bytes"], found["page_faults"], found["outside"])


def _in_a_process(module: str, arguments: list[str]) -> dict:
    found, usage = _watched(["-m", f"benchmarks.{module}", *arguments])
    return found | {"bytes": 1024 * usage.ru_maxrss, "page_faults": usage.ru_minflt}


def _here(module: str, arguments: list[str]) -> dict:
    import torch

    from benchmarks import loops, suite

    torch.backends.cudnn.allow_tf32 = True  # PyTorch's default, which the suite changes
    gc.collect()
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    measure = {"loops": loops.measured, "suite": suite.measured}[module]
    with contextlib.redirect_stdout(io.StringIO()):
        found = measure(arguments)
    return found | {"bytes": torch.cuda.max_memory_reserved(), "page_faults": None}


def _watched(arguments: list[str]) -> tuple[dict, resource.struct_rusage]:
    with tempfile.TemporaryFile("w+", encoding="utf-8") as output:
        child = subprocess.Popen([sys.executable, *arguments], stdout=output, stderr=output)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        printed = output.read()
    if child.returncode:
        raise SystemExit(printed)
    return json.loads(printed.splitlines()[-1]), usage


def compare(network: str, side: int, iterations: int, pairs: int, device: str) -> dict:
    """Run the three loops in turn; return all runs and the medians."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "image.png"
        Image.fromarray(test_image(side)).save(path)
        # On a GPU convolutions wait for the host to start them, if no graph does.
        loops = ("textbook", "suite", "convolutions")[: 2 if device == "cuda" else 3]
        rounds = [
            {loop: run(loop, network, path, iterations, device) for loop in loops}
            for _ in range(pairs)
        ]
    ratios = [r["textbook"].seconds / r["suite"].seconds for r in rounds]
    limits = [r["convolutions"].seconds / r["suite"].seconds for r in rounds if len(r) == 3]
    return {
        "network": network,
        "side": side,
        "ratio": statistics.median(ratios),
        "of_limit": statistics.median(limits) if limits else None,
        "rounds": [{name: asdict(value) for name, value in r.items()} for r in rounds],
    }


def row(result: dict) -> str:
    """Write one line of the table; what is not measured there is a dash."""

    def median(loop: str, key: str) -> float | None:
        found = [r[loop][key] for r in result["rounds"] if loop in r]
        return None if not found or None in found else statistics.median(found)

    def shown(value: float | None, form: str) -> str:
        return "-" if value is None else format(value, form)

    def both(key: str, unit: float) -> str:
        found = [median(loop, key) for loop in ("textbook", "suite")]
        return " / ".join(shown(None if v is None else v / unit, ".2f") for v in found)

    seconds = [median(k, "seconds") for k in ("textbook", "suite", "convolutions")]
    speeds = [shown(None if s is None else 1 / s, ".3f") for s in seconds]
    cells = (
        result["network"],
        f"{result['side']} x {result['side']}",
        *speeds[:2],
        f"**{result['ratio']:.2f}**",
        speeds[2],
        shown(result["of_limit"], ".0%"),
        shown(median("suite", "outside"), ".1%"),
        both("peak_bytes", 1e9),
        both("page_faults", 1e6),
    )
    return f"| {' | '.join(cells)} |"


def text(results: dict[str, dict], iterations: int, device: str) -> str:
    """Write the table and what it was measured on; sizes in ascending order."""
    networks = list(dict.fromkeys(result["network"] for result in results.values()))
    ordered = sorted(results.values(), key=lambda r: (networks.index(r["network"]), r["side"]))
    pairs = sorted({len(result["rounds"]) for result in ordered})
    rounds = " or ".join(map(str, pairs))
    note = f"{hardware(device)}; medians of {rounds} rounds of {iterations} iterations."
    rule = "|---" * len(COLUMNS.split("|")) + "|"
    return "\n".join([note, "", f"| {COLUMNS} |", rule, *map(row, ordered)])


def main() -> None:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("cases", nargs="*", metavar="NETWORK:SIZE")
    parser.add_argument("--device", choices=LEFT_OUT, default="cpu")
    parser.add_argument("--iterations", type=int, help="default: 12; on a GPU 1000")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--dry", action="store_true", help="leave docs/ as it is")
    given = parser.parse_args()
    device, iterations = given.device, given.iterations or ITERATIONS[given.device]
    if wrong := [case for case in given.cases if not re.fullmatch(r"\w+:[1-9]\d*", case)]:
        parser.error(f"{wrong[0]}: expected NETWORK:SIZE, such as {CASES[0]}")
    if iterations <= LEFT_OUT[device]:
        parser.error(f"--iterations {iterations}: the first {LEFT_OUT[device]} are left out")
    name = "speed" if device == "cpu" else f"speed-{device}"
    shown = partial(text, iterations=iterations, device=device)
    section = Section(name, {"iterations": iterations}, shown, device)
    if not given.dry:
        section.check(given.cases, parser)
    print(f"{hardware(device)}\n| {COLUMNS} |", flush=True)
    for case in given.cases or CASES:
        network, _, side = case.partition(":")
        result = compare(network, int(side), iterations, given.pairs, device)
        print(row(result), flush=True)
        if not given.dry:
            section.add(case, result)


if __name__ == "__main__":
    main()
