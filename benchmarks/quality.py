"""What a user has after half a minute, one, two and five, of each method.

    python -m benchmarks.quality [--case NAME ...] [--seconds S ...] [--setting KEY=VALUE ...]

Per case, on one machine, one after the other:

    classical     the baseline of the task that scores best, and what it takes
    textbook      preset=paper in plain PyTorch modules, float32, PSNR on the host every iteration
    paper         preset=paper as a user runs it, one fit, looked at when the time is up
    fast          preset=fast with as many iterations as fit into the time, a fit for each; one
                  that took longer after all is done again, shorter

All on the CPU. DIP's PSNR is the averaged output's; the textbook loop's too, averaged in the same
way, so that the table compares speed and settings only. Seconds are those of the fit, without the
start.
`--goal` instead runs both presets to their ends and prints their PSNR, seconds and ratio.

Tables go into docs/benchmarks.md, numbers into docs/benchmarks/. Images by name come from DIP_DATA
or are fetched (see README).
"""

import argparse
import csv
import json
import math
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from typing import Any

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
ENDLESS, PACING = 1_000_000, 8  # iterations
LATE = 1.02  # seconds / limit
# What only the suite has, or what is this script's own to choose.
NOT_FOR_ALL = {
    *("optimizer", "schedule", "warmup", "lr_end", "guard", "beta2", "epsilon", "output"),
    *("precision", "device", "accelerate", "preset", "iterations", "tile", "holdout"),
}
Curve = list[tuple[float, float]]  # seconds, PSNR (dB)


@dataclass
class Method:
    """PSNR of one method on one image, after each time; None before its first result."""

    name: str
    psnr: list[float | None]
    note: str = ""
    seconds: list[float] | None = None  # what it took, where that is not the limit


@dataclass
class Case:
    """All methods on one image."""

    name: str
    methods: list[Method] = field(default_factory=list)


def at(curve: Curve, seconds: float) -> float | None:
    """Return the last PSNR of a curve that was there in time."""
    seen = [psnr for when, psnr in curve if when <= seconds]
    return seen[-1] if seen else None


def suite(folder: Path, arguments: list[str], stop_after: float | None = None) -> Curve:
    """Run the command; return the averaged output's curve."""
    fixed = ("logger=csv", "log_every=1", "device=cpu", f"hydra.run.dir={folder}")
    command = [sys.executable, "-m", "dip_lightning", *arguments, *fixed]
    with tempfile.TemporaryFile("w+") as output:
        child = subprocess.Popen(command, stdout=output, stderr=output)
        while stop_after is not None and child.poll() is None:
            curve = read_curve(folder)
            if curve and curve[-1][0] >= stop_after:
                child.send_signal(signal.SIGINT)
                break
            time.sleep(0.2)
        status = child.wait()
        output.seek(0)
        printed = output.read()
    if status and not (stop_after is not None and status == 128 + signal.SIGINT):
        raise SystemExit(printed)
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
    while not curve or (curve[-1][0] < seconds and len(curve) < iterations):
        step, weight = 1 - config.average, config.average * weight + 1 - config.average
        average = average + (task.complete(next(outputs)) - average) * (step / weight)
        curve.append((time.perf_counter() - start, psnr(average, task.x)))
    return curve


def compare(name: str, arguments: list[str], seconds: list[float]) -> Case:
    """Run all methods on one image."""
    case, longest = Case(name), max(seconds)
    with tempfile.TemporaryDirectory() as root:
        probe, endless, quick = (Path(root) / name for name in ("probe", "paper", "fast"))
        step = pace(suite(probe, [*arguments, "preset=fast", f"iterations={PACING}"]))
        case.methods.append(classical(probe, len(seconds)))
        curve = textbook([*arguments, "preset=paper"], longest)
        case.methods.append(Method("textbook", [at(curve, limit) for limit in seconds]))
        paper = [*arguments, "preset=paper", f"iterations={ENDLESS}"]
        curve = suite(endless, paper, stop_after=longest)
        case.methods.append(Method("paper", [at(curve, limit) for limit in seconds]))
        ends = []
        for limit in seconds:
            curve = in_time(quick, [*arguments, "preset=fast"], limit, step)
            step = pace(curve) if len(curve) > 1 else step
            ends.append(curve[-1])
        psnrs, took = [psnr for _, psnr in ends], [when for when, _ in ends]
        case.methods.append(Method("fast", psnrs, seconds=took))
    return case


def in_time(folder: Path, arguments: list[str], limit: float, step: float) -> Curve:
    """Run a fit as long as a time allows.

    Args:
        folder: for its result.
        arguments: of the command.
        limit: seconds.
        step: what an iteration takes, seconds, as far as one knows.
    """
    iterations = max(1, int(limit / step))
    while True:
        curve = suite(folder, [*arguments, f"iterations={iterations}"])
        if curve[-1][0] <= LATE * limit or iterations == 1:
            return curve
        iterations = max(1, int(iterations * limit / curve[-1][0]))


def classical(folder: Path, columns: int) -> Method:
    """Take the best baseline from a result folder."""
    found = json.loads((folder / "metrics.json").read_text())["baselines"]
    best = max((b for b in found if b["psnr"] is not None), key=lambda b: b["psnr"])
    return Method("classical", [best["psnr"]] * columns, f"{best['name']}, {best['seconds']:.1f} s")


def goal(name: str, arguments: list[str]) -> dict[str, Any]:
    """Run both presets to their ends."""
    found: dict[str, Any] = {"case": name}
    with tempfile.TemporaryDirectory() as root:
        for preset in ("paper", "fast"):
            curve = suite(Path(root) / preset, [*arguments, f"preset={preset}"])
            found[preset] = {"seconds": curve[-1][0], "psnr": curve[-1][1]}
    return found


def table(cases: list[Case], seconds: list[float]) -> str:
    """Write the PSNR of all methods after each time, the best in bold."""
    head = ["image", "method", *(f"{limit:g} s" for limit in seconds)]
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for case in cases:
        best = [
            max((m.psnr[k] for m in case.methods if m.psnr[k] is not None), default=None)
            for k in range(len(seconds))
        ]
        for method in case.methods:
            cells = [
                "" if psnr is None else f"**{psnr:.2f}**" if psnr == best[k] else f"{psnr:.2f}"
                for k, psnr in enumerate(method.psnr)
            ]
            label = f"{method.name} ({method.note})" if method.note else method.name
            lines.append(f"| {' | '.join([case.name, label, *cells])} |")
    return "\n".join(lines)


def goal_table(found: list[dict[str, Any]]) -> str:
    """Write both presets' ends side by side."""
    head = "image | paper, dB | paper, s | fast, dB | fast, s | time, paper / fast"
    lines = [f"| {head} |", "|---" * 6 + "|"]
    for row in found:
        paper, fast = row["paper"], row["fast"]
        ratio = paper["seconds"] / fast["seconds"]
        numbers = (paper["psnr"], paper["seconds"], fast["psnr"], fast["seconds"], ratio)
        cells = [f"{n:.{d}f}" for n, d in zip(numbers, (2, 0, 2, 0, 1), strict=True)]
        lines.append(f"| {' | '.join([row['case'], *cells])} |")
    return "\n".join(lines)


def main() -> None:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--case", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--seconds", nargs="+", type=float, default=list(SECONDS))
    parser.add_argument("--setting", nargs="+", default=[], help="for all, e.g. max_side=128")
    parser.add_argument("--goal", action="store_true", help="both presets to their ends")
    parser.add_argument("--dry", action="store_true", help="leave docs/ as it is")
    given = parser.parse_args()
    for setting in given.setting:
        if (key := setting.partition("=")[0]) in NOT_FOR_ALL:
            parser.error(f"--setting {setting}: {key} is not the same for all methods")
        if key == "threads":
            torch.set_num_threads(int(setting.partition("=")[2]))
    name = "goal" if given.goal else "quality"
    results: list[Any] = []
    for case in given.case:
        arguments = [*CASES[case], *given.setting]
        if given.goal:
            results.append(goal(case, arguments))
        else:
            results.append(compare(case, arguments, given.seconds))
        shown = goal_table(results) if given.goal else table(results, given.seconds)
        print(shown, flush=True)
        if not given.dry:  # after each case: a long run that is cut off has told what it knows
            note = f"{hardware()}; {' '.join(given.setting) or 'whole images'}; seed 0."
            facts = [r if given.goal else asdict(r) for r in results]
            write(name, f"{note}\n\n{shown}", {"seconds": given.seconds, "results": facts})


if __name__ == "__main__":
    main()
