"""The page served on this machine alone, and kept up to date while fits run."""

import threading
import time
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HOST = "127.0.0.1"


class _Handler(SimpleHTTPRequestHandler):
    def send_head(self) -> object:  # type: ignore[override]
        # A page of another site must not read results through a name that points here.
        host = self.headers.get("Host", "").rpartition(":")[0]
        if host not in {HOST, "localhost"}:
            self.send_error(HTTPStatus.FORBIDDEN, "served on this machine only")
            return None
        return super().send_head()

    def end_headers(self) -> None:
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()

    def log_message(self, *_arguments: object) -> None:
        """Keep the terminal quiet."""


def open_server(folder: Path, port: int) -> ThreadingHTTPServer:
    """Serve a folder on loopback, in a thread of its own.

    Args:
        folder: what is served, read-only.
        port: 0 takes a free one.

    Returns:
        The server; `server_port` is the port, `shutdown()` ends it.

    Raises:
        OSError: the port is taken.
    """
    server = ThreadingHTTPServer((HOST, port), partial(_Handler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def watch(write: Callable[[], object], every: float) -> None:
    """Write the page again and again, until interrupted."""
    while True:
        write()
        time.sleep(every)
