"""How good the default's result is, beside classical methods and what is published.

    python -m benchmarks.quality [SET or SET/IMAGE ...] [--setting KEY=VALUE ...] [--again] [--dry]

    half       half of the pixels missing, 11 gray images, the published masks
    x4, x8     super-resolution of Set5, PSNR-Y
    sigma25    white noise on five colour images
    camera     five photos as a camera stored them, without compression
    jpeg       six photos as a camera compressed them
    peer       house (half) and f16 (sigma25) beside deepinv's DeepImagePrior, where it is installed

Each case is fitted in a process of its own, from the same objects and with the same settings as
`python -m dip_lightning`, one after the other. It is not the command itself: that knows a truth
only where it degrades an image, and here real photos are compared with theirs. The truth is given
to the problem after it was made, so it reaches measurements only, and one fit tells all: the
result, the fit alone, the best on its way, the classical methods.

A case that is there with the same settings is not computed again, unless --again asks for it; code
is not looked at. Each case is written when it is done, so Ctrl-C costs the one that is running.
Tables go into docs/benchmarks.md, numbers into docs/benchmarks/, pictures and curves into
outputs/quality/. Settings such as max_side=128 have a section of their own.

Images by name come from DIP_DATA or are fetched (see README). camera and jpeg are of DIP_DATA only:
real_noise/*_real.png, *_mean.png and .JPG, from the repositories csjunxu/MCWNNM-ICCV2017 and
csjunxu/PolyU-Real-World-Noisy-Images-Dataset.
"""

import argparse
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch

from benchmarks import peer, quality_fit
from benchmarks.page import Section, hardware
from benchmarks.quality_sets import PEERS, SETS, chosen
from benchmarks.quality_tables import Result, page
from benchmarks.time_to_quality_tables import Case, table
from dip_lightning import compute
from dip_lightning.errors import UserError

FOLDER = Path("outputs/quality")
# What a case is about, and what this script does not do.
NOT_FREE = {"task", "image", "observed", "mask", "factor", "sigma", "observation", "tile", "logger"}


def check(settings: list[str], parser: argparse.ArgumentParser) -> None:
    """Refuse settings that belong to a case; take the number of threads for this process."""
    for setting in settings:
        key, _, value = setting.partition("=")
        if key in NOT_FREE:
            parser.error(f"--setting {setting}: {key} is the case's own")
        if key == "threads":
            torch.set_num_threads(int(value))


def available(case: str) -> str | None:
    """Return why a case cannot be computed here; None: it can."""
    group, image = case.split("/")
    missing = None
    if group == "peer":
        missing, (group, image) = peer.missing(), PEERS[image]
    try:
        SETS[group].check(image)
    except UserError as error:
        return f"{case}: {error}"
    return missing and f"{case}: {missing}"


def opened(settings: list[str], device: str) -> Section:
    """Open the section of the settings' results."""
    side = any(setting.startswith("max_side=") for setting in settings)

    def shown(found: dict[str, dict[str, Any]]) -> str:
        return f"{described(settings, device)}\n\n{page(results(found), whole=not side)}"

    return Section("-".join(["quality", *slug(settings)]), {"settings": settings}, shown, device)


def opened_peer(settings: list[str], device: str) -> Section:
    """Open the section of the settings' comparison with the peer."""

    def shown(found: dict[str, dict[str, Any]]) -> str:
        cases = [Case.read(numbers["case"]) for numbers in found.values()]
        return f"{described(settings, device)}\n\n{table(cases, list(peer.SECONDS))}"

    name = "-".join(["quality-peer", *slug(settings)])
    return Section(name, {"settings": settings}, shown, device)


def slug(settings: list[str]) -> list[str]:
    """Make settings a part of a section's name."""
    return ["".join(c if c.isalnum() else "-" for c in setting) for setting in sorted(settings)]


def described(settings: list[str], device: str) -> str:
    """Say where and how a section was measured."""
    return f"{hardware(device)}; {' '.join(settings) or 'default settings, whole images'}; seed 0."


def results(found: dict[str, dict[str, Any]]) -> list[Result]:
    """Read what a section holds."""
    return [Result(**numbers) for numbers in found.values()]


def computed(case: str, settings: list[str]) -> dict[str, Any]:
    """Compute a case, in this process.

    Raises:
        UserError: a setting is not allowed, or a file cannot be used.
    """
    group, image = case.split("/")
    if group == "peer":
        of = "/".join(PEERS[image])
        found = peer.compare(case, of, settings, FOLDER / case)
        return {"case": asdict(found), "version": quality_fit.version(of, settings)}
    return asdict(quality_fit.restored(case, settings, FOLDER / case)[0])


def apart(case: str, settings: list[str]) -> dict[str, Any]:
    """Compute a case in a process of its own, which starts as the command does."""
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")  # as the command, see dip_lightning.cli.main
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(computed, case, settings).result()


def is_done(section: Section, case: str, settings: list[str]) -> bool:
    """Say whether a section holds a case with the same settings."""
    group, image = case.split("/")
    of = "/".join(PEERS[image]) if group == "peer" else case
    found = section.results.get(case)
    return found is not None and found["version"] == quality_fit.version(of, settings)


def parsed() -> argparse.Namespace:
    """Parse the command line; `cases` is what can be computed here."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="SET or SET/IMAGE")
    parser.add_argument("--setting", nargs="+", default=[], help="for all, e.g. max_side=128")
    parser.add_argument("--again", action="store_true", help="compute what is there, too")
    parser.add_argument("--dry", action="store_true", help="leave docs/ as it is")
    given = parser.parse_args()
    check(given.setting, parser)
    try:
        cases = chosen(given.names)
    except ValueError as error:
        parser.error(str(error))
    reasons = {case: available(case) for case in cases}
    for reason in filter(None, reasons.values()):
        if given.names:
            parser.error(reason)
        print(f"left out: {reason}")
    given.cases, given.parser = [case for case in cases if reasons[case] is None], parser
    return given


def main() -> None:
    """Compute the cases that are asked for and not there yet."""
    given = parsed()
    settings: list[str] = given.setting
    try:
        device = compute.find_device(quality_fit.device_of(settings)).type
        sections = {"peer": opened_peer(settings, device)}
        sections |= dict.fromkeys(SETS, opened(settings, device))
        if not given.dry:
            for group in {case.split("/")[0] for case in given.cases}:
                sections[group].check(given.names, given.parser)
        for case in given.cases:
            section = sections[case.split("/")[0]]
            if not (given.dry or given.again) and is_done(section, case, settings):
                print(f"{case}: is there already; --again computes it anew", flush=True)
                continue
            print(f"{case}:", flush=True)
            numbers = apart(case, settings)
            print(section.shown({case: numbers}), flush=True)
            if not given.dry:
                section.add(case, numbers)
    except UserError as error:
        given.parser.error(str(error))


if __name__ == "__main__":
    main()
