import errno

import pytest

from dip_lightning.callbacks import Checkpoints, Storage
from dip_lightning.callbacks.checkpoints import RARITY
from dip_lightning.runs.checkpoint import Identity, read
from dip_lightning.runs.ownership import LISTING
from tests.prior.test_deep_image_prior import make, trainer

IDENTITY = Identity({"lr": 0.01}, {"image": "abc"}, "float32 on cpu")


class Clock:
    """A disk that takes its time, or nothing at all."""

    def __init__(self, monkeypatch, cost):
        self.now, self.cost, self.saved, self.full = 1000.0, cost, [], False
        monkeypatch.setattr("time.monotonic", lambda: self.now)

    def save_checkpoint(self, path):
        self.now += self.cost
        if self.full:
            raise OSError(errno.ENOSPC, "No space left on device")
        self.saved.append(self.now)


def feed(clock, saving, chunks, seconds, task):
    for _ in range(chunks):
        clock.now += seconds
        saving.on_train_batch_end(clock, task, None, None, 0)


@pytest.fixture
def task():
    return make()


@pytest.mark.parametrize(
    ("seconds", "cost", "gap"), [(60, 0.01, 60), (60, 2, RARITY * 4 - 62), (0, 2, 0.5)]
)
def test_they_cost_a_hundredth_at_most(tmp_path, monkeypatch, task, seconds, cost, gap):
    clock, saving = Clock(monkeypatch, cost), Checkpoints(tmp_path / "a", IDENTITY, seconds)
    saving.on_train_start(clock, task)
    feed(clock, saving, 2000, 0.5, task)
    first, second = clock.saved[:2]
    assert first == pytest.approx(1000 + max(seconds, 0.5) + cost)
    assert second - first == pytest.approx(gap + cost)
    assert saving.cost == pytest.approx(cost * len(clock.saved))
    if seconds:
        assert saving.cost <= (clock.now - 1000) / RARITY


def test_a_full_disk_does_not_end_the_fit(tmp_path, monkeypatch, capsys, task):
    clock, saving = Clock(monkeypatch, 0.0), Checkpoints(tmp_path / "a", IDENTITY, 1)
    saving.on_train_start(clock, task)
    clock.full = True
    feed(clock, saving, 5, 1, task)
    assert clock.saved == []
    assert capsys.readouterr().err.count("No space left on device; the fit goes on without") == 1
    clock.full = False
    feed(clock, saving, 1, 1, task)
    assert len(clock.saved) == 1


def test_a_loss_that_is_not_finite_is_not_saved(tmp_path, monkeypatch, task):
    clock, saving = Clock(monkeypatch, 0.0), Checkpoints(tmp_path / "a", IDENTITY, 0)
    saving.on_train_start(clock, task)
    task.diverged_at = 3
    feed(clock, saving, 1, 1, task)
    assert clock.saved == []


def test_the_checkpoint_is_that_of_the_last_chunk(tmp_path):
    path = tmp_path / "last.ckpt"
    task = make()
    trainer([Checkpoints(path, IDENTITY, 0)], plugins=[Storage()]).fit(task, [4, 4])
    saved = read(path)
    assert saved["fit"]["iteration"] == 8
    assert (saved["configuration"], saved["given"]) == (IDENTITY.configuration, IDENTITY.given)
    assert {entry.name for entry in tmp_path.iterdir()} == {"last.ckpt", LISTING}
    Storage().remove_checkpoint(path)
    assert not path.exists()
