"""How good the default's result is, beside classical methods and what is published.

    python -m benchmarks.quality [SET or SET/IMAGE ...] [--setting KEY=VALUE ...]
                                 [--runs FOLDER] [--again] [--dry]

    half       half of the pixels missing, 11 gray images, the published masks
    x4, x8     super-resolution of Set5, PSNR-Y
    sigma25    white noise on five colour images
    poisson    Set5, of which photons were counted
    camera     five photos as a camera stored them, without compression
    jpeg       six photos as a camera compressed them
    blur       Set5 behind a Gaussian blur and a little noise
    levin      sixteen shaken photos, the kernel known
    levin_blind  the same, the kernel to be found
    mosaic     Set5 as the raw mosaic of a sensor
    peer       house (half) and f16 (sigma25) beside deepinv's DeepImagePrior, where it is installed

Each case is fitted in a process of its own, from the same objects and with the same settings as
`python -m dip_lightning`, one after the other. It is not the command itself: that knows a truth
only where it degrades an image, and here real photos are compared with theirs. The truth is given
to the problem after it was made, so it reaches measurements only, and one fit tells all: the
result, the fit alone, the best on its way, the classical methods.

A case that is there with the same settings is not computed again, unless --again asks for it; code
is not looked at. Each case is written when it is done, so Ctrl-C costs the one that is running.
Tables go into docs/benchmarks.md, numbers into docs/benchmarks/, pictures and curves into
outputs/quality/. Settings such as max_side=128 have a section of their own. Several of these
commands may run at once, each with cases of its own.

--runs takes cases of half, sigma25, poisson, blur and mosaic from result folders of the command,
where it has fitted the same with the same settings on this hardware, and computes nothing.

Images by name come from DIP_DATA or are fetched (see README). camera, jpeg and levin are of
DIP_DATA only: levin/im*_kernel*_img.png, im*.png and kernel*.png, from Levin et al.'s set of 2009;
real_noise/*_real.png, *_mean.png and .JPG, from the repositories csjunxu/MCWNNM-ICCV2017 and
csjunxu/PolyU-Real-World-Noisy-Images-Dataset.
"""

import argparse
import signal
import sys
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict
from importlib.metadata import version
from multiprocessing import active_children, get_context
from pathlib import Path
from typing import Any

from benchmarks import peer, quality_fit, quality_runs
from benchmarks.page import Section, check_settings, hardware
from benchmarks.quality_sets import PEERS, SETS, chosen
from benchmarks.quality_tables import Result, page, set_table
from benchmarks.time_to_quality_tables import Case, table
from dip_lightning import compute
from dip_lightning.errors import UserError

FOLDER = Path("outputs/quality")
# What a case is about, and what this script does not do.
NOT_FREE = {
    *("task", "image", "observed", "mask", "factor", "sigma", "observation", "tile", "logger"),
    *("kernel", "kernel_size", "blur_sigma", "pattern", "noise", "peak"),
    *("quality", "subsampling", "mask_grow", "mask_means"),
}
MACHINE = {"threads", "device"}  # named with the hardware


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
    settings = of_results(settings)
    name = "-".join(["quality", *slug(settings)])

    def shown(found: dict[str, dict[str, Any]]) -> str:
        return f"{described(settings, device)}\n\n{tables(found, settings)}"

    return Section(name, {"settings": settings}, shown, device)


def opened_peer(settings: list[str], device: str) -> Section:
    """Open the section of the settings' comparison with the peer."""
    settings = of_results(settings)
    name = "-".join(["quality-peer", *slug(settings)])
    how = {"settings": settings, "deepinv": version("deepinv")}

    def shown(found: dict[str, dict[str, Any]]) -> str:
        where = f"{described(settings, device)} deepinv {how['deepinv']}."
        return f"{where}\n\n{peer_table(found)}"

    return Section(name, how, shown, device)


def tables(found: dict[str, dict[str, Any]], settings: list[str]) -> str:
    """Write the tables of what a section holds."""
    is_whole = not any(setting.startswith("max_side=") for setting in settings)
    return page([Result(**numbers) for numbers in found.values()], whole=is_whole)


def peer_table(found: dict[str, dict[str, Any]]) -> str:
    """Write the table of the comparison with the peer."""
    cases = [Case.read(numbers["case"]) for numbers in found.values()]
    return table(cases, list(peer.SECONDS), with_highest=True)


def slug(settings: list[str]) -> list[str]:
    """Make settings a part of a section's name."""
    return ["".join(c if c.isalnum() else "-" for c in setting) for setting in settings]


def of_results(settings: list[str]) -> list[str]:
    """Return the settings that results are of, in alphabetical order."""
    return sorted(setting for setting in settings if setting.partition("=")[0] not in MACHINE)


def described(settings: list[str], device: str) -> str:
    """Say where and how a section was measured."""
    return f"{hardware(device)}; {' '.join(settings) or 'default settings, whole images'}; seed 0."


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


def stop(*_: object) -> None:
    """Stop the case's process, which would go on alone, and then this one.

    Raises:
        KeyboardInterrupt: always.
    """
    for child in active_children():
        child.terminate()
    raise KeyboardInterrupt


def apart(case: str, settings: list[str]) -> dict[str, Any]:
    """Compute a case in a process of its own, which starts as the command does."""
    before = signal.signal(signal.SIGTERM, stop)
    try:
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:
            return pool.submit(computed, case, settings).result()
    finally:
        signal.signal(signal.SIGTERM, before)


def gathered(case: str, given: argparse.Namespace) -> dict[str, Any]:
    """Take a case from a run, or compute it, as the command line says.

    Raises:
        UserError: a setting is not allowed, or a file cannot be used.
        NoRunError: no run in the folder is of the case.
    """
    if given.runs is None:
        return apart(case, given.setting)
    return asdict(quality_runs.find(case, given.setting, given.runs))


def is_done(found: dict[str, dict[str, Any]], case: str, settings: list[str]) -> bool:
    """Say whether a section's results hold a case with the same settings."""
    group, image = case.split("/")
    of = "/".join(PEERS[image]) if group == "peer" else case
    return case in found and found[case]["version"] == quality_fit.version(of, settings)


def parsed() -> argparse.Namespace:
    """Parse the command line; `cases` is what can be computed here."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="SET or SET/IMAGE")
    parser.add_argument("--setting", nargs="+", default=[], help="for all, e.g. max_side=128")
    parser.add_argument("--runs", type=Path, metavar="FOLDER", help="results of the command")
    parser.add_argument("--again", action="store_true", help="compute what is there, too")
    parser.add_argument("--dry", action="store_true", help="leave docs/ as it is")
    given = parser.parse_args()
    check_settings(given.setting, NOT_FREE, "is the case's own", parser)
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


def run(given: argparse.Namespace, group: str, section: Section) -> None:
    """Compute the cases of a section that are asked for and not there yet; show all.

    Args:
        given: the command line.
        group: "peer", or "" for all sets.
        section: where the results go.
    """
    cases = [case for case in given.cases if case.startswith("peer/") == (group == "peer")]
    if not given.dry:
        section.check(given.names, given.parser)
    found = {} if given.dry else section.results
    for case in cases:
        if not given.again and is_done(found, case, given.setting):
            print(f"{case}: is there already; --again computes it anew", flush=True)
            continue
        print(f"{case}:", flush=True)
        try:
            found[case] = gathered(case, given)
        except quality_runs.NoRunError as error:
            print(f"left out: {error}", flush=True)
            continue
        if not given.dry:
            section.add(case, found[case])
        one = found[case]
        print(peer_table({case: one}) if group else set_table([Result(**one)]), flush=True)
    if found and cases:
        print(f"\n{section.shown(found)}", flush=True)


def main() -> None:
    """Compute what is asked for and not there yet."""
    given = parsed()
    try:
        device = compute.find_device(quality_fit.device_of(given.setting)).type
        if any(not case.startswith("peer/") for case in given.cases):
            run(given, "", opened(given.setting, device))
        if any(case.startswith("peer/") for case in given.cases):
            run(given, "peer", opened_peer(given.setting, device))
    except UserError as error:
        given.parser.error(str(error))
    except BrokenProcessPool:
        sys.exit("the case's process was killed, for its memory perhaps; what was done is written")
    except KeyboardInterrupt:
        sys.exit("stopped; every case that was done is written")


if __name__ == "__main__":
    main()
