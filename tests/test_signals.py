"""Signals are noted, passed on once, and given back."""

import os
import signal

import pytest

from dip_lightning import signals
from dip_lightning.signals import Signals


def test_the_first_signal_is_noted_and_handed_on_once():
    heard = []
    before = signal.getsignal(signal.SIGTERM)
    with Signals(first=heard.append) as caught:
        assert caught.received is None
        for number in (signal.SIGTERM, signal.SIGTERM, signal.SIGHUP):
            os.kill(os.getpid(), number)
    assert caught.received == signal.SIGTERM
    assert heard == [signal.SIGTERM]
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize("first", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_after_a_signal_is_impatience(first):
    again = []
    with Signals(again=again.append):
        os.kill(os.getpid(), first)
        assert again == []
        os.kill(os.getpid(), signal.SIGINT)
    assert again == [signal.SIGINT]


def test_signals_that_somebody_else_has_taken_are_caught_again():
    with Signals() as caught:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.kill(os.getpid(), signal.SIGTERM)
        assert caught.received is None
        caught.catch_again()
        os.kill(os.getpid(), signal.SIGTERM)
    assert caught.received == signal.SIGTERM


def test_only_the_commands_own_process_is_ended(monkeypatch):
    left = []
    monkeypatch.setattr("os._exit", left.append)
    with pytest.raises(KeyboardInterrupt):
        signals.quit_at_once(signal.SIGINT)
    assert left == []
    monkeypatch.setattr(signals, "owns_process", True)
    with pytest.raises(KeyboardInterrupt):  # as _exit is not the real one
        signals.quit_at_once(signal.SIGINT)
    assert left == [130]
