"""The page served on this machine alone, and kept up to date while fits run."""

import base64
import hashlib
import re
import threading
import time
from collections.abc import Callable
from functools import cache, partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

from dip_lightning.dashboard.page import scripts
from dip_lightning.signals import Signals

HOST = "127.0.0.1"
# A page of another site must not read results through a name that points here.
NAMED = re.compile(r"(localhost|127\.0\.0\.1)(:\d+)?", re.IGNORECASE)
POLL_SECONDS = 0.1
MARGIN_SECONDS = 0.5  # for an open page that is a little late
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".csv": "text/csv; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".webp": "image/webp",
    ".tif": "image/tiff",
    ".jpg": "image/jpeg",
    "": "application/octet-stream",
}


@cache
def policy() -> str:
    """Say what a page may do: run scripts that are ours, and load what lies beside it."""
    all_scripts = {*scripts(single=False), *scripts(single=True)}
    digests = sorted(hashlib.sha256(script.encode()).digest() for script in all_scripts)
    hashes = " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; "
        "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )


class Server(ThreadingHTTPServer):
    """The server of a folder.

    Attributes:
        asked_at: when it was last asked for anything, as `time.monotonic` counts.
    """

    asked_at = float("-inf")


class _Handler(SimpleHTTPRequestHandler):
    extensions_map = TYPES
    server: Server
    tag: str | None = None

    def send_head(self) -> object:  # type: ignore[override]
        hosts = self.headers.get_all("Host", [])
        if len(hosts) != 1 or not NAMED.fullmatch(hosts[0].strip()):
            self.send_error(HTTPStatus.FORBIDDEN, "served on this machine only")
            return None
        self.server.asked_at = time.monotonic()
        file = Path(self.translate_path(self.path))
        if not file.is_file():
            self.send_error(HTTPStatus.NOT_FOUND)
            return None
        found = file.stat()
        # Last-Modified alone counts whole seconds, and a page may be written twice in one.
        self.tag = f'"{found.st_mtime_ns:x}-{found.st_size:x}"'
        if self.headers.get("If-None-Match") == self.tag:
            self.send_response(HTTPStatus.NOT_MODIFIED)
            self.end_headers()
            return None
        return super().send_head()

    def translate_path(self, path: str) -> str:
        """Find a file of the folder, wherever links lead; the folder itself where there is none."""
        named = Path(self.directory + unquote(path.partition("?")[0].partition("#")[0]))
        translated = super().translate_path(path)
        if ".." in named.parts or translated.endswith("/"):
            return self.directory
        try:
            found = Path(translated).resolve(strict=True)
        except (OSError, ValueError, RuntimeError):  # no such file, a zero in its name, a circle
            return self.directory
        inside = found.is_relative_to(Path(self.directory).resolve())
        return str(found) if inside else self.directory

    def end_headers(self) -> None:
        if self.tag is not None:
            self.send_header("ETag", self.tag)
        self.send_header("Cache-Control", "no-cache")
        self.send_header("Content-Security-Policy", policy())
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        super().end_headers()

    def log_message(self, *_arguments: object) -> None:
        """Keep the terminal quiet."""


def open_server(folder: Path, port: int) -> Server:
    """Serve the files of a folder on loopback, in a thread of its own.

    Links are followed within the folder; folders themselves are not listed.

    Args:
        folder: what is served, read-only.
        port: 0 takes a free one.

    Returns:
        The server; `server_port` is the port, `shutdown()` ends it.

    Raises:
        OSError: the port is taken.
    """
    server = Server((HOST, port), partial(_Handler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def watch(write: Callable[[], object], every: float, stopping: Signals) -> None:
    """Write the page again and again, until a signal comes; that ends no write.

    Args:
        write: writes it.
        every: seconds before each.
        stopping: notes the signal.
    """
    while stopping.received is None:
        wait(stopping, every)
        if stopping.received is None:
            write()


def wait(stopping: Signals, seconds: float = float("inf")) -> None:
    """Wait for a signal, so many seconds at most."""
    until = time.monotonic() + seconds
    # A signal does not cut a longer sleep short.
    while stopping.received is None and time.monotonic() < until:
        time.sleep(POLL_SECONDS)


def linger(server: Server, every: float) -> None:
    """Stay until open pages, if there are any, have read the last one.

    Args:
        server: that the page is read from.
        every: seconds after which an open page looks for a newer one.
    """
    now = time.monotonic()
    if now - server.asked_at < 2 * every:
        print("an open page reads the last state; Ctrl-C again ends it at once", flush=True)
        time.sleep(every + MARGIN_SECONDS)
