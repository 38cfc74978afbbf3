import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import pytest

from dip_lightning.dashboard.__main__ import main
from tests.dashboard.conftest import data_of, write_run


def test_the_page_is_written_and_named(sweep, capsys):
    assert main([str(sweep)]) == 0
    assert f"6 runs: {sweep / 'dashboard.html'}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nowhere"], "nowhere: no such folder"),
        ([".", "--to", "no/page.html"], "--to=no/page.html: no folder no"),
        ([".", "--every", "0"], "--every=0: expected at least 1 second"),
        ([".", "--every", "inf"], "--every=inf: expected at least 1 second"),
        ([".", "--serve", "--to", "../page.html"], "expected a file in"),
        ([".", "--serve", "--port", "99999"], "--port=99999"),
    ],
)
def test_mistakes_are_one_sentence(arguments, sentence, tmp_path, monkeypatch, capsys):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    write_run(tmp_path / "here" / "one")
    assert main(arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert sentence in line


def test_nothing_to_show_is_a_failure(tmp_path, capsys):
    assert main([str(tmp_path)]) == 1
    assert "holds no run" in capsys.readouterr().err


def test_serving_and_watching_follow_a_sweep_until_interrupted(tmp_path):
    outputs = tmp_path / "outputs"
    write_run(outputs / "a", status="running")
    command = [sys.executable, "-m", "dip_lightning.dashboard", str(outputs)]
    options = ["--serve", "--port", "0", "--watch", "--every", "1"]
    with subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline().startswith("1 run:")
        address = process.stdout.readline().split()[0]
        with urllib.request.urlopen(address) as answer:  # noqa: S310 - loopback
            assert b'"refresh":1.0' in answer.read()
        write_run(outputs / "b")
        deadline = time.monotonic() + 60
        while len(data_of(outputs / "dashboard.html")["runs"]) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        os.kill(process.pid, signal.SIGINT)
        assert process.wait(30) == 0
    assert data_of(outputs / "dashboard.html")["refresh"] is None


# The page is written for the AT-th time when the signal comes.
INTERRUPTED = """
import os, sys
from dip_lightning.dashboard import __main__ as command
from dip_lightning.runs import ownership

at, number, *arguments = sys.argv[1:]
written = []

def during(path, content):
    written.append(path)
    with ownership.writing(path) as partial:
        half = len(content) // 2
        partial.write_bytes(content[:half])
        if len(written) == int(at):
            os.kill(os.getpid(), int(number))
        partial.write_bytes(content)

ownership.write = during
sys.exit(command.main(arguments))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals there only kill")
@pytest.mark.parametrize("at", [1, 2])
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 0), (signal.SIGTERM, 143)])
def test_a_signal_in_the_middle_of_a_write_ends_in_a_whole_page(tmp_path, at, number, status):
    write_run(tmp_path / "a", status="running")
    arguments = [str(at), str(int(number)), str(tmp_path), "--watch", "--every", "1"]
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (status, "")
    assert data_of(tmp_path / "dashboard.html")["refresh"] is None
    assert not list(tmp_path.glob(".*partial*"))


@pytest.mark.skipif(sys.platform == "win32", reason="signals there only kill")
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 0), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("options", [["--watch"], ["--serve", "--port", "0"]])
def test_a_signal_while_it_waits_ends_it(tmp_path, options, number, status):
    write_run(tmp_path / "a")
    command = [sys.executable, "-m", "dip_lightning.dashboard", str(tmp_path), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline().startswith("1 run:")
        process.send_signal(number)
        assert process.wait(30) == status
    assert data_of(tmp_path / "dashboard.html")["refresh"] is None


def test_a_port_that_is_taken_leaves_no_page_that_waits_for_newer_ones(tmp_path, capsys):
    write_run(tmp_path / "a")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert main([str(tmp_path), "--serve", "--watch", "--port", port]) == 2
    assert f"--port={port}: " in capsys.readouterr().err
    assert not (tmp_path / "dashboard.html").exists()
