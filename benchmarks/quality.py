"""What a user has after half a minute, one, two and five, and in the end, of each method.

    python -m benchmarks.quality [--case NAME ...] [--seconds S ...] [--setting KEY=VALUE ...]

Per case, on one machine, one after the other:

    classical     the baseline of the task that scores best, and what it takes
    textbook      preset=paper in plain PyTorch modules, float32, PSNR on the host every iteration,
                  for the longest of the times; the whole fit's time follows from its pace
    paper         preset=paper as a user runs it, one fit, to its end
    fast          preset=fast, likewise; after its end, it has what it has

All on the CPU. DIP's PSNR is the averaged output's; the textbook loop's too, averaged in the same
way, so that the tables compare speed and settings only. Seconds are those of the fit, without the
start.

Tables go into docs/benchmarks.md, numbers into docs/benchmarks/. Images by name come from DIP_DATA
or are fetched (see README).
"""

import argparse
import csv
import json
import math
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path

import torch

from benchmarks.loops import plain, psnr
from benchmarks.page import hardware, write
from benchmarks.textbook import written_out
from dip_lightning import engine, tasks
from dip_lightning.command.composing import Source, to_config
from dip_lightning.run import load

SECONDS = (30.0, 60.0, 120.0, 300.0)
CASES = {
    "sr x4, butterfly": ("task=sr", "factor=4", "image=set5/butterfly"),
    "sr x4, bird": ("task=sr", "factor=4", "image=set5/bird"),
    "half missing, house": ("task=restoration", "image=bm3d11/house"),
    "half missing, barbara": ("task=restoration", "image=bm3d11/barbara"),
    "inpainting, tesla": ("task=inpainting", "image=study/tesla", "mask=study/mask3"),
    "sigma 25, house": ("task=denoising", "image=color9/house"),
    "sigma 25, f16": ("task=denoising", "image=color9/f16"),
}
ENDLESS = 1_000_000  # iterations
# What only the suite has, or what is this script's own to choose.
NOT_FOR_ALL = {
    *("optimizer", "schedule", "warmup", "lr_end", "guard", "beta2", "epsilon", "output"),
    *("precision", "device", "accelerate", "preset", "iterations", "tile", "holdout"),
    *("muon_rounds", "discrepancy"),
}
Curve = list[tuple[float, float]]  # seconds, PSNR (dB)


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


def at(curve: Curve, seconds: float) -> float | None:
    """Return the last PSNR of a curve that was there in time."""
    seen = [psnr for when, psnr in curve if when <= seconds]
    return seen[-1] if seen else None


def suite(folder: Path, arguments: list[str]) -> Curve:
    """Run the command; return the averaged output's curve."""
    fixed = ("logger=csv", "device=cpu", f"hydra.run.dir={folder}")
    command = [sys.executable, "-m", "dip_lightning", *arguments, *fixed]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    return read_curve(folder)


def read_curve(folder: Path) -> Curve:
    """Read what history.csv has so far."""
    path = folder / "history.csv"
    rows = csv.DictReader(path.read_text().splitlines()) if path.is_file() else ()
    return [(float(r["seconds"]), float(r["psnr_average"])) for r in rows if r["seconds"]]


def pace(curve: Curve) -> float:
    """Return the seconds of an iteration; the first one is longer."""
    steps = [after - before for (before, _), (after, _) in pairwise(curve)]
    return statistics.mean(steps[1:] or steps)


def textbook(arguments: list[str], seconds: float = math.inf, iterations: int = ENDLESS) -> Curve:
    """Run the textbook loop in a process of its own, as the suite's settings change a process."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(plain_fit, arguments, seconds, iterations).result()


def plain_fit(arguments: list[str], seconds: float, iterations: int) -> Curve:
    """Fit a job's image by the textbook loop; the averaged output's curve."""
    config = to_config(Source().compose(arguments))
    torch.set_num_threads(config.threads or engine.ALL_THREADS)
    torch.manual_seed(config.seed)  # the perturbations come from PyTorch's own source
    task = tasks.load(config.task)(config, load(config)[1])
    network, curve, average, weight = written_out(task.generator), [], 0.0, 0.0
    outputs = plain(network, task.z.contiguous(), task.loss, config.lr, config.noise_std)
    start = time.perf_counter()
    while len(curve) < 2 or (curve[-1][0] < seconds and len(curve) < iterations):
        step, weight = 1 - config.average, config.average * weight + 1 - config.average
        average = average + (task.complete(next(outputs)) - average) * (step / weight)
        curve.append((time.perf_counter() - start, psnr(average, task.x)))
    return curve


def compare(name: str, arguments: list[str], seconds: list[float]) -> Case:
    """Run all methods on one image."""

    def method(kind: str, curve: Curve) -> Method:
        (took, end), times = curve[-1], [at(curve, limit) for limit in seconds]
        return Method(kind, times, end, took, max(psnr for _, psnr in curve))

    with tempfile.TemporaryDirectory() as root:
        quick, whole = Path(root) / "fast", Path(root) / "paper"
        fast = method("fast", suite(quick, [*arguments, "preset=fast"]))
        paper = method("paper", suite(whole, [*arguments, "preset=paper"]))
        first = classical(quick, seconds)
        iterations = json.loads((whole / "metrics.json").read_text())["iterations"]
    plain = textbook([*arguments, "preset=paper"], max(seconds), iterations)
    times = [at(plain, limit) for limit in seconds]
    highest = max(psnr for _, psnr in plain)
    book = Method("textbook", times, None, pace(plain) * iterations, highest)
    return Case(name, [first, book, paper, fast])


def classical(folder: Path, seconds: list[float]) -> Method:
    """Take the best baseline from a result folder."""
    found = json.loads((folder / "metrics.json").read_text())["baselines"]
    best = max((b for b in found if b["psnr"] is not None), key=lambda b: b["psnr"])
    psnr, took = best["psnr"], best["seconds"]
    times = [psnr if took <= limit else None for limit in seconds]
    return Method(f"classical: {best['name']}", times, psnr, took, psnr)


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


def check(settings: list[str], parser: argparse.ArgumentParser) -> None:
    """Refuse settings that not all methods have; take the number of threads for this process."""
    for setting in settings:
        key, _, value = setting.partition("=")
        if key in NOT_FOR_ALL:
            parser.error(f"--setting {setting}: {key} is not the same for all methods")
        if key == "threads":
            torch.set_num_threads(int(value))


def main() -> None:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--case", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--seconds", nargs="+", type=float, default=list(SECONDS))
    parser.add_argument("--setting", nargs="+", default=[], help="for all, e.g. max_side=128")
    parser.add_argument("--dry", action="store_true", help="leave docs/ as it is")
    given = parser.parse_args()
    check(given.setting, parser)
    cases: list[Case] = []
    for case in given.case:
        cases.append(compare(case, [*CASES[case], *given.setting], given.seconds))
        print(table(cases, given.seconds), goal_table(cases), sep="\n", flush=True)
        if not given.dry:  # after each case: a long run that is cut off has told what it knows
            note = f"{hardware()}; {' '.join(given.setting) or 'whole images'}; seed 0."
            facts = {"seconds": given.seconds, "results": [asdict(case) for case in cases]}
            shown = (note, table(cases, given.seconds), goal_table(cases))
            write("quality", "\n\n".join(shown), facts)


if __name__ == "__main__":
    main()
