"""Packages for a machine that can fetch nothing, brought as wheels.

python -m benchmarks.study_gpu.wheels fetch wheels --python 3.12 --have numpy scipy
python -m benchmarks.study_gpu.wheels install wheels FOLDER

The first runs where there is a network; the second on that machine, whose Python has PyTorch and
perhaps more. Both need the standard library only.
"""

import argparse
import re
import subprocess
import sys
from collections.abc import Iterable
from importlib.metadata import distributions
from pathlib import Path

CONSTRAINTS = Path(__file__).parents[2] / "constraints.txt"
# What a fit of the study imports besides PyTorch and its own: no pandas, Matplotlib, wandb.
PACKAGES = (
    *("pytorch-lightning", "lightning-utilities", "torchmetrics", "hydra-core", "omegaconf"),
    *("kornia", "kornia_rs", "numpy", "scipy", "scikit-image", "pillow", "imagecodecs", "tifffile"),
    *("PyYAML", "tqdm", "lazy-loader", "filelock", "fsspec", "packaging"),
)
SOURCES = ("antlr4-python3-runtime",)  # of which there is no wheel: made here, of Python alone
LARGE = ("numpy", "scipy", "pillow", "scikit-image")  # a machine's own are as good
PLATFORMS = [f"manylinux_2_{glibc}_x86_64" for glibc in (28, 27, 24, 17)]
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
MOST = 64 * 2**20  # bytes: what a lent machine may take


def normal(name: str) -> str:
    """Write a package's name as all its spellings are compared."""
    return re.sub(r"[-_.]+", "-", name).lower()


def fetch(folder: Path, python: str, have: Iterable[str]) -> str:
    """Download the wheels for Linux on x86-64.

    Args:
        folder: where they go.
        python: version there, such as 3.12.
        have: packages that the machine has.

    Returns:
        How large they are.

    Raises:
        subprocess.CalledProcessError: pip has said why.
    """
    there = set(map(normal, have))
    common = ["-q", "--no-deps", "-c", str(CONSTRAINTS)]
    target = ["--only-binary=:all:", "--implementation", "cp", "--python-version", python]
    target += [word for name in PLATFORMS for word in ("--platform", name)]
    wanted = [name for name in PACKAGES if normal(name) not in there]
    subprocess.run([*PIP, "download", *common, *target, "-d", folder, *wanted], check=True)
    made = [name for name in SOURCES if normal(name) not in there]
    if made:
        subprocess.run([*PIP, "wheel", *common, "-w", folder, *made], check=True)
    sizes = [path.stat().st_size for path in folder.glob("*.whl")]
    said = f"{folder}: {len(sizes)} wheels, {sum(sizes) / 2**20:.1f} MiB"
    if sum(sizes) > MOST:
        said += f"; more than {MOST >> 20} MiB: leave out what the machine has (HAVE=)"
    return said


def found(path: list[str]) -> dict[str, str]:
    """List the packages on an import path, with their versions."""
    return {normal(d.metadata["Name"]): d.version for d in reversed(list(distributions(path=path)))}


def to_install(folder: Path, target: Path) -> list[Path]:
    """Choose the wheels that are not installed yet; large ones only if the machine has none."""
    machine, ours = found(sys.path), found([str(target)])
    wheels = {path: path.name.split("-")[:2] for path in sorted(folder.glob("*.whl"))}
    return [
        path
        for path, (name, version) in wheels.items()
        if ours.get(normal(name)) != version
        and not (normal(name) in LARGE and normal(name) in machine)
    ]


def install(folder: Path, target: Path) -> list[str]:
    """Install wheels into a folder for PYTHONPATH.

    Returns:
        The packages that are in neither place.

    Raises:
        subprocess.CalledProcessError: pip has said why.
    """
    chosen = to_install(folder, target)
    if chosen:
        options = ["-q", "--no-deps", "--no-index", "--no-compile", "--upgrade"]
        subprocess.run([*PIP, "install", *options, "--target", target, *chosen], check=True)
    there = found([str(target), *sys.path])
    return [name for name in ("torch", *PACKAGES, *SOURCES) if normal(name) not in there]


def main() -> int:
    """Run the command line.

    Returns:
        Exit status: 1 if pip failed, or a package is missing.
    """
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    first = commands.add_parser("fetch", help="download, where there is a network")
    first.add_argument("folder", type=Path)
    first.add_argument("--python", default="3.12", help="version on the machine")
    first.add_argument("--have", nargs="*", default=[], help="packages that the machine has")
    second = commands.add_parser("install", help="on the machine")
    second.add_argument("folder", type=Path)
    second.add_argument("target", type=Path)
    given = parser.parse_args()
    try:
        if given.command == "fetch":
            print(fetch(given.folder, given.python, given.have))
            return 0
        missing = install(given.folder, given.target)
    except subprocess.CalledProcessError as error:
        return error.returncode
    if missing:
        print(
            f"error: {given.folder}: holds no {', '.join(missing)}, and Python has none; "
            "make wheels HAVE= brings all but torch",
            file=sys.stderr,
        )
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
