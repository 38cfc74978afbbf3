"""The command leaves the process as it found it."""

import logging
import os
import signal
import sys
import warnings
from pathlib import Path

import pytest
import torch

from dip_lightning.cli.process import as_it_was, ended_by_signals
from tests.conftest import TINY, read_metrics


def state():
    return (
        list(sys.argv),
        list(sys.path),
        dict(os.environ),
        list(warnings.filters),
        logging.getLogger("pytorch_lightning").level,
        torch.get_num_threads(),
        torch.backends.cudnn.allow_tf32,
        [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)],
    )


@pytest.mark.parametrize("error", [None, KeyError, SystemExit])
def test_what_is_changed_is_set_back(error, monkeypatch):
    monkeypatch.setenv("KEPT", "1")
    before = state()
    try:
        with as_it_was():
            os.environ["HYDRA_FULL_ERROR"] = "1"
            del os.environ["KEPT"]
            warnings.filterwarnings("ignore", message="strange")
            logging.getLogger("pytorch_lightning").setLevel(logging.CRITICAL)
            torch.set_num_threads(before[4] + 1)
            torch.backends.cudnn.allow_tf32 = not before[5]
            if error is not None:
                raise error
    except (KeyError, SystemExit):
        assert error is not None
    assert state() == before


def test_the_command_sets_back_what_it_sets(dip, photo):
    arguments = ("preset=smoke", "iterations=2", "logger=none", f"image={photo}")
    before = state()
    assert dip(*arguments)[0] == 0
    assert dip(*arguments, "-m", "seed=0,1")[0] == 0
    assert dip(*arguments, "no_such_key=1")[0] == 2
    assert state() == before


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("observed=a.png lr=1", "error: main: expected a list, such as ['observed=a.png', 'lr=1']"),
        ([Path("a.png")], "error: a.png: expected key=value or a flag; see --help"),
    ],
)
def test_a_mistake_in_a_notebook_is_one_sentence(given, sentence, capsys):
    from dip_lightning.cli.main import main

    assert main(given) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(sentence)


def test_a_notebooks_stop_button_keeps_the_result(tmp_path, photo, monkeypatch):
    from dip_lightning.callbacks import Progress
    from dip_lightning.cli.main import main

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        Progress, "on_train_batch_end", lambda *_: signal.raise_signal(signal.SIGINT)
    )
    arguments = ["preset=smoke", "iterations=50", "logger=none", f"image={photo}", *TINY]
    before = state()
    assert main([*arguments, "hydra.run.dir=out"]) == 130
    assert read_metrics(tmp_path / "out")["status"] == "interrupted"
    assert (tmp_path / "out" / "restored.png").exists()
    assert state() == before


def test_an_interrupt_before_the_fit_is_no_exception(tmp_path, photo, monkeypatch, capsys):
    from dip_lightning.cli import checking as command
    from dip_lightning.cli.main import main

    monkeypatch.chdir(tmp_path)
    for number in (signal.SIGINT, signal.SIGTERM):
        monkeypatch.setattr(command, "parse", lambda _, n=number: signal.raise_signal(n))
        assert main([f"image={photo}"]) == 128 + number
        assert capsys.readouterr().err == "stopped before there was a result\n"


def test_sigterm_ends_in_order():
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as end, ended_by_signals():
        os.kill(os.getpid(), signal.SIGTERM)
    assert end.value.code == 143
    assert signal.getsignal(signal.SIGTERM) is before


def test_what_is_ignored_stays_so():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        with ended_by_signals():
            os.kill(os.getpid(), signal.SIGHUP)
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
