"""`python -m dip_lightning.dashboard FOLDER`."""

import argparse
import sys
import time
from pathlib import Path

from dip_lightning.dashboard.page import PAGE, write_dashboard
from dip_lightning.errors import UserError

EXIT_NOTHING, EXIT_USAGE = 1, 2


def main(argv: list[str] | None = None) -> int:
    """Run the command line.

    Returns:
        Exit status: 0; 1 if no run was found; 2 for a mistake on the command line.
    """
    try:
        return _run(_parse(argv))
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_USAGE


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "python -m dip_lightning.dashboard", description="every run below a folder, on one page"
    )
    parser.add_argument("folder", nargs="?", type=Path, default=Path("outputs"))
    parser.add_argument("--to", type=Path, help=f"page to write; default: FOLDER/{PAGE}")
    parser.add_argument("--watch", action="store_true", help="write it again while fits run")
    parser.add_argument("--every", type=float, default=5.0, help="seconds between two (5)")
    given = parser.parse_args(argv)
    given.to = given.to or given.folder / PAGE
    if not given.folder.is_dir():
        raise UserError(f"{given.folder}: no such folder")
    if not given.to.parent.is_dir():
        raise UserError(f"--to={given.to}: no folder {given.to.parent}")
    if given.every < 1:
        raise UserError(f"--every={given.every:g}: expected at least 1 second")
    return given


def _run(given: argparse.Namespace) -> int:
    def write(refresh: float | None = None) -> int:
        try:
            return write_dashboard(given.folder, given.to, refresh)
        except OSError as error:
            raise UserError(f"{given.to}: cannot be written ({error.strerror})") from None

    count = write(given.every if given.watch else None)
    if not count and not given.watch:
        print(f"error: {given.folder}: holds no run", file=sys.stderr)
        return EXIT_NOTHING
    print(f"{count} run{'s' * (count != 1)}: {given.to}", flush=True)
    try:
        while given.watch:
            time.sleep(given.every)
            write(given.every)
    except KeyboardInterrupt:
        write()
    return 0


if __name__ == "__main__":
    sys.exit(main())
