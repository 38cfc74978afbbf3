import os
import signal
from contextlib import suppress

import pytest
from pytorch_lightning import Callback

from dip_lightning.callbacks import Stopping
from dip_lightning.signals import Signals
from tests.prior.test_deep_image_prior import fit, make


class SignalAt(Callback):
    def __init__(self, iteration, number):
        self.iteration, self.number = iteration, number

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        if pl_module.iteration == self.iteration:
            os.kill(os.getpid(), self.number)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_fit_after_the_chunk(number):
    before = signal.getsignal(number)
    with Stopping() as stopping:
        task = fit(make(iterations=50), 5, [SignalAt(10, number), stopping])
    assert stopping.received == number
    assert task.iteration == len(task.iterates) + 10 == 15
    assert signal.getsignal(number) is before


def test_a_signal_that_is_ignored_stays_so():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        with Stopping() as stopping:
            task = fit(make(iterations=20), 5, [SignalAt(10, signal.SIGHUP), stopping])
    finally:
        signal.signal(signal.SIGHUP, before)
    assert stopping.received is None
    assert task.iteration == 20


def test_no_signal_no_stop():
    with Stopping() as stopping:
        assert fit(make(), 5, [stopping]).iteration == 20
    assert stopping.received is None


@pytest.mark.parametrize(
    ("second", "status"), [(signal.SIGINT, 128 + signal.SIGINT), (signal.SIGTERM, None)]
)
def test_a_second_ctrl_c_quits_at_once(second, status, monkeypatch):
    left = []
    monkeypatch.setattr("dip_lightning.signals.owns_process", True)
    monkeypatch.setattr("os._exit", left.append)
    with Stopping() as stopping, suppress(KeyboardInterrupt):  # as _exit is not the real one
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), second)
    assert left == ([] if status is None else [status])
    assert stopping.received == signal.SIGTERM


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (None, 143)])
def test_what_the_trainer_ends_with_status_0_gets_the_signals(number, status):
    def end():
        with Stopping():
            if number is not None:
                os.kill(os.getpid(), number)
            raise SystemExit(0)

    with pytest.raises(SystemExit) as stop:
        end()
    assert stop.value.code == status


def test_a_process_that_catches_signals_for_longer_has_them(monkeypatch):
    with Signals() as lasting:
        monkeypatch.setattr("dip_lightning.signals.lasting", lasting)
        for expected in (15, 5):  # the second fit begins after the signal
            with Stopping() as stopping:
                task = fit(make(iterations=50), 5, [SignalAt(10, signal.SIGTERM), stopping])
            assert task.iteration == expected
            assert stopping.received == lasting.received == signal.SIGTERM
