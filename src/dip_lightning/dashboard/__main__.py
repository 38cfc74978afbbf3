"""`python -m dip_lightning.dashboard FOLDER`."""

import argparse
import sys
import threading
from pathlib import Path
from urllib.parse import quote

from dip_lightning.dashboard.page import PAGE, write_dashboard
from dip_lightning.dashboard.serving import HOST, open_server, watch
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
    parser.add_argument("--serve", action="store_true", help=f"serve it on {HOST}")
    parser.add_argument("--port", type=int, default=8000, help="0: any that is free (8000)")
    given = parser.parse_args(argv)
    given.to = given.to or given.folder / PAGE
    if not given.folder.is_dir():
        raise UserError(f"{given.folder}: no such folder")
    if not given.to.parent.is_dir():
        raise UserError(f"--to={given.to}: no folder {given.to.parent}")
    if given.every < 1:
        raise UserError(f"--every={given.every:g}: expected at least 1 second")
    if given.serve and not given.to.resolve().is_relative_to(given.folder.resolve()):
        raise UserError(f"--to={given.to}: with --serve, expected a file in {given.folder}")
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
        if given.serve:
            _serve(given)
        if given.watch:
            watch(lambda: write(given.every), given.every)
        elif given.serve:
            threading.Event().wait()
    except KeyboardInterrupt:
        if given.watch:
            write()
    return 0


def _serve(given: argparse.Namespace) -> None:
    try:
        server = open_server(given.folder, given.port)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"--port={given.port}: {reason}; --port=0 takes a free one") from None
    page = quote(given.to.resolve().relative_to(given.folder.resolve()).as_posix())
    print(f"http://{HOST}:{server.server_port}/{page} (Ctrl-C ends it)", flush=True)


if __name__ == "__main__":
    sys.exit(main())
