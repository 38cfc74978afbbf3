import base64
import hashlib
import os
import re
import signal
import socket
import threading
import time
from email.utils import formatdate

import pytest

from dip_lightning.dashboard.page import write_dashboard, write_report
from dip_lightning.dashboard.serving import linger, open_server, policy, wait, watch
from dip_lightning.signals import Signals
from tests.dashboard.conftest import write_run

HOST = "Host: 127.0.0.1"


@pytest.fixture
def server(tmp_path):
    root = tmp_path / "outputs"
    (root / "lr=1").mkdir(parents=True)
    (root / "page.html").write_text("hello")
    (root / "lr=1" / "restored.webp").write_bytes(b"image")
    (tmp_path / "secret").write_text("secret")
    running = open_server(root, 0)
    yield running
    running.shutdown()
    running.server_close()


def ask(server, *lines):
    """Send a request as it is; return the status, the headers and the body."""
    with socket.create_connection(server.server_address, timeout=30) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *rest = head.decode("latin-1").split("\r\n")
    return int(first.split()[1]), dict(line.split(": ", 1) for line in rest), body


def get(server, path, *headers):
    return ask(server, f"GET {path} HTTP/1.1", HOST, *headers)


def test_the_page_is_served_on_this_machine_alone(server):
    assert server.server_address[0] == "127.0.0.1"
    status, headers, body = get(server, "/page.html")
    assert (status, body) == (200, b"hello")
    assert headers["Content-type"] == "text/html; charset=utf-8"


def test_files_of_results_are_served_with_their_type(server):
    status, headers, body = get(server, "/lr%3D1/restored.webp?again")
    assert (status, body) == (200, b"image")
    assert headers["Content-type"] == "image/webp"


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1", "localhost:8000", "127.0.0.1:1", "LOCALHOST", " localhost "]
)
def test_this_machine_is_taken_with_and_without_a_port(server, host):
    assert ask(server, "GET /page.html HTTP/1.1", f"Host: {host}")[0] == 200


@pytest.mark.parametrize(
    "hosts",
    [
        ["elsewhere.example"],
        ["elsewhere.example:80"],
        ["localhost.elsewhere.example"],
        ["localhost:80.elsewhere.example"],
        ["elsewhere.example:localhost"],
        ["127.0.0.1", "elsewhere.example"],
        ["127.0.0.2"],
        [""],
        [],
    ],
    ids=str,
)
def test_another_name_for_this_machine_is_refused(server, hosts):
    status, _, body = ask(server, "GET /page.html HTTP/1.1", *(f"Host: {host}" for host in hosts))
    assert status == 403
    assert b"hello" not in body


@pytest.mark.parametrize("path", ["/", "/lr=1", "/lr=1/", "//", "/.", "/lr=1/."])
def test_no_folder_is_listed(server, path):
    status, _, body = get(server, path)
    assert status == 404
    assert b"restored" not in body


def test_an_index_of_a_folder_is_no_page(server, tmp_path):
    (tmp_path / "outputs" / "index.html").write_text("index")
    assert get(server, "/")[0] == 404
    assert get(server, "/index.html")[2] == b"index"


@pytest.mark.parametrize(
    "path",
    [
        "/../secret",
        "/%2e%2e/secret",
        "/lr=1/../../secret",
        "/lr=1/..%2f..%2fsecret",
        "/lr=1/../page.html",
        "/..",
        "/page.html/",
        "/%00",
        "/page.html%00",
        "/missing.html",
    ],
)
def test_nothing_is_served_by_another_way(server, path):
    status, _, body = get(server, path)
    assert status == 404
    assert b"secret" not in body


def test_no_link_leads_out_of_the_folder(server, tmp_path):
    root = tmp_path / "outputs"
    (root / "file.html").symlink_to(tmp_path / "secret")
    (root / "folder").symlink_to(tmp_path)
    (root / "circle").symlink_to(root / "circle")
    (root / "relative").symlink_to("../secret")
    for path in ("/file.html", "/folder/secret", "/folder/", "/circle", "/relative"):
        status, _, body = get(server, path)
        assert status == 404, path
        assert b"secret" not in body


def test_a_link_within_the_folder_is_followed(server, tmp_path):
    (tmp_path / "outputs" / "latest.html").symlink_to("page.html")
    (tmp_path / "outputs" / "latest").symlink_to("lr=1")
    assert get(server, "/latest.html")[2] == b"hello"
    assert get(server, "/latest/restored.webp")[2] == b"image"


def test_a_folder_that_is_a_link_is_served(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "page.html").write_text("hello")
    (tmp_path / "link").symlink_to("real")
    server = open_server(tmp_path / "link", 0)
    assert get(server, "/page.html")[2] == b"hello"
    server.shutdown()
    server.server_close()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_not_waited_for(server, tmp_path):
    os.mkfifo(tmp_path / "outputs" / "pipe")
    assert get(server, "/pipe")[0] == 404


@pytest.mark.parametrize(
    "request_line",
    [
        "GET /page.html HTTP/1.1",
        "HEAD /page.html HTTP/1.1",
        "GET /missing HTTP/1.1",
        "GET / HTTP/1.1",
        "POST /page.html HTTP/1.1",
        "GET /page.html HTTP/1.1\r\nHost: elsewhere.example",
    ],
)
def test_every_answer_says_what_a_page_may_do(server, request_line):
    _, headers, _ = ask(server, request_line, HOST)
    assert headers["Content-Security-Policy"] == policy()
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-cache"


def test_the_policy_is_strict():
    directives = dict(part.strip().split(" ", 1) for part in policy().split(";"))
    scripts = directives.pop("script-src").split()
    assert all(re.fullmatch(r"'sha256-[A-Za-z0-9+/]{43}='", script) for script in scripts)
    assert directives == {
        "default-src": "'none'",
        "style-src": "'unsafe-inline'",
        "img-src": "'self' data:",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }


def test_the_policy_lets_the_pages_own_scripts_run(tmp_path):
    folder = write_run(tmp_path / "one")
    write_dashboard(tmp_path)
    write_report(folder)
    for page in (tmp_path / "dashboard.html", folder / "report.html"):
        _, *scripts = page.read_bytes().split(b"<script>")
        assert scripts
        for script in scripts:
            digest = hashlib.sha256(script.partition(b"</script>")[0]).digest()
            assert f"'sha256-{base64.b64encode(digest).decode()}'" in policy()


def test_a_head_has_no_body(server):
    status, headers, body = ask(server, "HEAD /page.html HTTP/1.1", HOST)
    assert (status, body) == (200, b"")
    assert headers["Content-Length"] == "5"
    assert "Last-Modified" in headers


def test_what_has_not_changed_is_not_sent_again(server, tmp_path):
    page = tmp_path / "outputs" / "page.html"
    os.utime(page, (1_000_000, 1_000_000))
    since = f"If-Modified-Since: {formatdate(1_000_000, usegmt=True)}"
    status, _, body = get(server, "/page.html", since)
    assert (status, body) == (304, b"")
    os.utime(page, (1_000_001, 1_000_001))
    assert get(server, "/page.html", since)[0] == 200


def test_a_page_written_twice_in_a_second_is_sent_again(server, tmp_path):
    page = tmp_path / "outputs" / "page.html"
    os.utime(page, ns=(10**15, 10**15))
    tag = get(server, "/page.html")[1]["ETag"]
    asked = f"If-None-Match: {tag}\r\nIf-Modified-Since: {formatdate(1_000_000, usegmt=True)}"
    status, headers, body = get(server, "/page.html", asked)
    assert (status, body, headers["ETag"]) == (304, b"", tag)
    os.utime(page, ns=(10**15, 10**15 + 1000))
    assert get(server, "/page.html", asked)[0] == 200


@pytest.mark.parametrize(("ago", "waits"), [(1, True), (20, False)])
def test_a_page_that_is_open_reads_the_last_one(ago, waits, monkeypatch, tmp_path):
    server, slept = open_server(tmp_path, 0), []
    monkeypatch.setattr("time.sleep", slept.append)
    server.asked_at = time.monotonic() - ago
    linger(server, 5.0)
    assert [seconds > 5 for seconds in slept] == [True] * waits
    server.shutdown()
    server.server_close()


def test_a_page_that_is_being_written_is_served_whole(server, tmp_path):
    root = tmp_path / "outputs"
    write_run(root / "one")
    write_dashboard(root)
    stopping = threading.Event()

    def write():
        while not stopping.is_set():
            write_dashboard(root)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(40):
            status, headers, body = get(server, "/dashboard.html")
            assert status == 200
            assert len(body) == int(headers["Content-Length"])
            assert body.startswith(b"<!doctype html>")
            assert body.rstrip().endswith(b"</html>")
    finally:
        stopping.set()
        writer.join()


def test_watching_writes_until_a_signal_comes():
    written = []

    def write():
        written.append(1)
        if len(written) == 3:
            signal.raise_signal(signal.SIGTERM)
            written.append("whole")

    with Signals() as stopping:
        watch(write, 0.001, stopping)
        wait(stopping)
    assert written == [1, 1, 1, "whole"]
