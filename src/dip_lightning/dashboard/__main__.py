"""`python -m dip_lightning.dashboard FOLDER`."""

import argparse
import math
import signal
import sys
from contextlib import nullcontext
from pathlib import Path
from urllib.parse import quote

from dip_lightning.dashboard.page import PAGE, write_dashboard
from dip_lightning.dashboard.serving import HOST, Server, linger, open_server, wait, watch
from dip_lightning.errors import UserError
from dip_lightning.runs.naming import counted
from dip_lightning.signals import Signals

EXIT_NOTHING, EXIT_USAGE = 1, 2


def main(argv: list[str] | None = None) -> int:
    """Run the command line.

    Returns:
        Exit status: 0, after Ctrl-C, too; 1 if no run was found; 2 for a mistake on the command
        line; 128 plus the number of another signal; 130 after a second Ctrl-C, which waits for
        no page.
    """
    try:
        return _run(_parse(argv))
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_USAGE
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


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
    if not 1 <= given.every < math.inf:
        raise UserError(f"--every={given.every:g}: expected at least 1 second")
    if given.serve and not given.to.resolve().is_relative_to(given.folder.resolve()):
        raise UserError(f"--to={given.to}: with --serve, expected a file in {given.folder}")
    return given


def _run(given: argparse.Namespace) -> int:
    with Signals() if given.serve or given.watch else nullcontext() as stopping:
        return _show(given, stopping)


def _show(given: argparse.Namespace, stopping: Signals | None) -> int:
    """Write the page; serve it, or keep it up to date, until a signal comes, at any moment."""
    refresh = given.every if given.watch else None
    server = _open_server(given) if given.serve else None
    count = _write(given, refresh)
    if not count and not given.watch:
        print(f"error: {given.folder}: holds no run", file=sys.stderr)
        return EXIT_NOTHING
    print(f"{counted(count, 'run')}: {given.to}", flush=True)
    if stopping is None:
        return 0
    if server is not None:
        page = quote(given.to.resolve().relative_to(given.folder.resolve()).as_posix())
        print(f"http://{HOST}:{server.server_port}/{page} (Ctrl-C ends it)", flush=True)
    if given.watch:
        watch(lambda: _write(given, refresh), given.every, stopping)
        _write(given)  # a page that says that it is kept up to date would look for newer ones
        if server is not None:
            linger(server, given.every)
    else:
        wait(stopping)
    number = stopping.received
    return 0 if number is None or number == signal.SIGINT else 128 + number


def _write(given: argparse.Namespace, refresh: float | None = None) -> int:
    try:
        return write_dashboard(given.folder, given.to, refresh)
    except OSError as error:
        raise UserError(f"{given.to}: cannot be written ({error.strerror})") from None


def _open_server(given: argparse.Namespace) -> Server:
    try:
        return open_server(given.folder, given.port)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"--port={given.port}: {reason}; --port=0 takes a free one") from None


if __name__ == "__main__":
    sys.exit(main())
