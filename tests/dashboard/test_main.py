import os
import signal
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
