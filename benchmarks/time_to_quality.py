"""What a user has after half a minute, one, two and five, and in the end, of each method.

    python -m benchmarks.time_to_quality [--case NAME ...] [--seconds S ...]
                                         [--setting KEY=VALUE ...] [--whole FOLDER]

Per case, on one machine, one after the other:

    classical     the baseline of the task that scores best, and what it takes
    textbook      preset=paper in plain PyTorch modules, float32, PSNR on the host every iteration,
                  for the longest of the times; the whole fit's time follows from its pace
    paper         preset=paper as a user runs it, one fit, to its end
    fast          preset=fast, likewise; after its end, it has what it has

All on the CPU. DIP's PSNR is the averaged output's; the textbook loop's too, averaged in the same
way, so that the tables compare speed and settings only. Seconds are those of the fit, without the
start.

Where the paper's fit takes hours, it can be made beforehand, beside other work: --whole is its
result folder. Its PSNR counts, its seconds do not: the fit made here ends after the longest of the
times, and its pace tells the rest.

Tables go into docs/benchmarks.md, numbers into docs/benchmarks/, one section for each max_side;
cases that are there and not asked for stay. Images by name come from DIP_DATA or are fetched (see
README).
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
from dataclasses import asdict, replace
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path

import torch

from benchmarks.loops import plain, psnr
from benchmarks.page import Section, check_settings, hardware
from benchmarks.textbook import written_out
from benchmarks.time_to_quality_tables import Case, Method, goal_table, table
from dip_lightning import compute, tasks
from dip_lightning.building import build_prior
from dip_lightning.cli.composing import Source, to_config
from dip_lightning.cli.run import load

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
LOOK = 1.0  # seconds between two looks at a fit
STOPPED = 143  # exit status of a fit that was told to stop, its result kept
# What only the suite has, or what is this script's own to choose.
NOT_FOR_ALL = {
    *("optimizer", "schedule", "warmup", "lr_end", "guard", "beta2", "epsilon", "output"),
    *("precision", "device", "accelerate", "preset", "iterations", "tile", "holdout"),
    *("muon_rounds", "discrepancy"),
}
Curve = list[tuple[float, float]]  # seconds, PSNR (dB)


def at(curve: Curve, seconds: float) -> float | None:
    """Return the last PSNR of a curve that was there in time."""
    seen = [psnr for when, psnr in curve if when <= seconds]
    return seen[-1] if seen else None


def suite(folder: Path, arguments: list[str], seconds: float = math.inf) -> Curve:
    """Run the command, and stop it after so many seconds; return the averaged output's curve."""
    fixed = ("logger=csv", "device=cpu", f"hydra.run.dir={folder}")
    command = [sys.executable, "-m", "dip_lightning", *arguments, *fixed]
    allowed = {0}
    with tempfile.TemporaryFile("w+", encoding="utf-8") as said:
        process = subprocess.Popen(command, stdout=said, stderr=said)
        while process.poll() is None:
            time.sleep(LOOK)
            if seconds < math.inf and (curve := read_curve(folder)) and curve[-1][0] > seconds:
                allowed = {0, STOPPED}
                process.terminate()
                process.wait()  # a second signal would not let it measure
        if process.returncode not in allowed:
            said.seek(0)
            raise SystemExit(said.read())
    return read_curve(folder)


def read_curve(folder: Path) -> Curve:
    """Read what history.csv has so far."""
    path = folder / "history.csv"
    rows = csv.DictReader(path.read_text(encoding="utf-8").splitlines()) if path.is_file() else ()
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
    torch.set_num_threads(config.threads or compute.ALL_THREADS)
    torch.manual_seed(config.seed)  # the perturbations come from PyTorch's own source
    given = load(config)[1]
    prior = build_prior(config, tasks.problem(given, vars(config)), given.z)
    network, curve, average, weight = written_out(prior.network), [], 0.0, 0.0
    outputs = plain(network, prior.z.contiguous(), prior.problem.loss, config.lr, config.noise_std)
    start = time.perf_counter()
    while len(curve) < 2 or (curve[-1][0] < seconds and len(curve) < iterations):
        step, weight = 1 - config.average, config.average * weight + 1 - config.average
        average = average + (prior.problem.complete(next(outputs), None) - average) * (
            step / weight
        )
        curve.append((time.perf_counter() - start, psnr(average, prior.problem.x)))
    return curve


def is_finished(folder: Path) -> bool:
    """Whether a folder is that of a fit that came to its end."""
    path = folder / "metrics.json"
    return path.is_file() and json.loads(path.read_text(encoding="utf-8"))["status"] == "finished"


def as_if_whole(paper: Method, cut: Path, whole: Path, iterations: int) -> Method:
    """Complete a fit that was stopped, in the folder `cut`, by one that was made beforehand."""
    rows = list(csv.DictReader((cut / "history.csv").read_text(encoding="utf-8").splitlines()))
    first, last = ((float(r["seconds"]), int(r["iteration"])) for r in (rows[0], rows[-1]))
    iteration = (last[0] - first[0]) / (last[1] - first[1])
    psnrs = [psnr for _, psnr in read_curve(whole)]
    return replace(paper, end=psnrs[-1], highest=max(psnrs), seconds=iteration * iterations)


def compare(
    name: str, arguments: list[str], seconds: list[float], whole: Path | None = None
) -> Case:
    """Run all methods on one image; `whole`: the paper's fit, made beforehand."""

    def method(kind: str, curve: Curve) -> Method:
        (took, end), times = curve[-1], [at(curve, limit) for limit in seconds]
        return Method(kind, times, end, took, max(psnr for _, psnr in curve))

    with tempfile.TemporaryDirectory() as root:
        quick, slow = Path(root) / "fast", Path(root) / "paper"
        fast = method("fast", suite(quick, [*arguments, "preset=fast"]))
        limit = math.inf if whole is None else max(seconds)
        paper = method("paper", suite(slow, [*arguments, "preset=paper"], limit))
        iterations = json.loads(((whole or slow) / "metrics.json").read_text(encoding="utf-8"))[
            "iterations"
        ]
        if whole is not None:
            paper = as_if_whole(paper, slow, whole, iterations)
        first = classical(quick, seconds)
    plain = textbook([*arguments, "preset=paper"], max(seconds), iterations)
    times = [at(plain, limit) for limit in seconds]
    highest = max(psnr for _, psnr in plain)
    book = Method("textbook", times, None, pace(plain) * iterations, highest)
    return Case(name, [first, book, paper, fast])


def classical(folder: Path, seconds: list[float]) -> Method:
    """Take the best baseline from a result folder."""
    found = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))["baselines"]
    best = max((b for b in found if b["psnr"] is not None), key=lambda b: b["psnr"])
    psnr, took = best["psnr"], best["seconds"]
    times = [psnr if took <= limit else None for limit in seconds]
    return Method(f"classical: {best['name']}", times, psnr, took, psnr)


def opened(settings: list[str], seconds: list[float]) -> Section:
    """Open the section of the settings' max_side.

    Args:
        settings: of all methods, such as `max_side=128`.
        seconds: times to look at.
    """
    side = dict(setting.split("=", 1) for setting in settings).get("max_side")

    def shown(results: dict[str, dict]) -> str:
        cases = [Case.read(found) for found in results.values()]
        note = f"{hardware()}; {' '.join(settings) or 'whole images'}; seed 0."
        return "\n\n".join((note, table(cases, seconds), goal_table(cases)))

    name = "time-to-quality" if side is None else f"time-to-quality-{side}"
    return Section(name, {"settings": settings, "seconds": seconds}, shown)


def main() -> None:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--case", nargs="+", choices=CASES, default=[])
    parser.add_argument("--seconds", nargs="+", type=float, default=list(SECONDS))
    parser.add_argument("--setting", nargs="+", default=[], help="for all, e.g. max_side=128")
    parser.add_argument("--whole", type=Path, help="result folder of the paper's fit, see above")
    parser.add_argument("--dry", action="store_true", help="leave docs/ as it is")
    given = parser.parse_args()
    check_settings(given.setting, NOT_FOR_ALL, "is not the same for all methods", parser)
    if given.whole is not None and len(given.case) > 1:
        parser.error(f"--whole {given.whole}: is the fit of one --case, not of {len(given.case)}")
    if given.whole is not None and not is_finished(given.whole):
        parser.error(f"--whole {given.whole}: expected the result folder of a finished fit")
    section = opened(given.setting, given.seconds)
    if not given.dry:
        section.check(given.case, parser)
    for name in given.case or CASES:
        case = compare(name, [*CASES[name], *given.setting], given.seconds, given.whole)
        print(table([case], given.seconds), goal_table([case]), sep="\n", flush=True)
        if not given.dry:  # after each case: a long run that is cut off has told what it knows
            section.add(name, asdict(case))


if __name__ == "__main__":
    main()
