import errno
import io
import pickle
import traceback
from pathlib import Path

import pytest
import torch

from dip_lightning.errors import FolderError
from dip_lightning.runs.checkpoint import NAME, Identity, find, fingerprints, read, write
from tests.prior.test_deep_image_prior import config_of, make, problem_of, trainer

COMPUTED = "float32 on cpu"


def identity(task="restoration", x=None, z=None, computed=COMPUTED, **changes):
    config = config_of(task, **changes)
    problem = problem_of(config, x)
    return Identity(config.identity(), fingerprints(problem, None, z), computed)


@pytest.fixture
def saved(tmp_path):
    from dip_lightning.callbacks import Checkpoints, Storage

    lightning = trainer([Checkpoints(tmp_path / NAME, identity(), 60)], plugins=[Storage()])
    lightning.fit(make(), [3])
    lightning.save_checkpoint(tmp_path / NAME)
    return tmp_path / NAME


def test_what_a_full_disk_refuses_is_not_held(tmp_path, monkeypatch):
    """If it were, the collector of garbage would complain of it."""

    class Full(io.RawIOBase):
        def write(self, _):
            raise OSError(errno.ENOSPC, "No space left on device")

    opened = Path.open

    def open_full(self, mode="r", *arguments, **settings):
        return Full() if mode == "wb" else opened(self, mode, *arguments, **settings)

    monkeypatch.setattr(Path, "open", open_full)
    with pytest.raises(OSError, match="No space left") as error:
        write(tmp_path / NAME, {"fit": 1})
    frames = [frame.f_locals for frame, _ in traceback.walk_tb(error.tb)]
    (content,) = (f["content"] for f in frames if isinstance(f.get("content"), io.BytesIO))
    content.close()  # a BufferError, if anybody still looks at it


def test_the_same_fit_is_found(saved):
    assert find(saved, identity()) == saved
    assert find(saved.parent / "nowhere" / NAME, identity()) is None


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"lr": 0.5}, "is of another configuration, lr=0.01 instead of 0.5"),
        ({"task": "denoising"}, "known=0.5 instead of None|keep_known=False instead of None"),
        ({"x": torch.full((1, 3, 17, 13), 0.5)}, "is of another image"),
        ({"x": torch.full((1, 3, 17, 14), 0.5)}, "is of another image"),
        ({"z": torch.full((1, 3, 17, 13), 0.5)}, "is of another input image"),
    ],
)
def test_another_fit_is_refused(saved, changes, sentence):
    with pytest.raises(FolderError, match=sentence):
        find(saved, identity(**changes))


def test_one_of_an_earlier_version_is_refused(saved):
    state = read(saved)
    del state["given"]
    write(saved, state)
    with pytest.raises(FolderError, match="is of an earlier version; start again"):
        find(saved, identity())


def test_another_device_is_refused(saved):
    with pytest.raises(FolderError, match="was computed in float32 on cpu, which is float32 on"):
        find(saved, identity(computed="float32 on cuda"))


def test_what_changes_no_bit_may_differ(saved):
    changes = {"logger": {"name": "csv"}, "checkpoint_seconds": 3.0, "resume": False, "chunk": 4}
    assert find(saved, identity(**changes)) == saved


@pytest.mark.parametrize(
    ("error", "expected"), [(OSError(5, "I/O error"), FolderError), (MemoryError(), MemoryError)]
)
def test_a_checkpoint_that_cannot_be_read_now_is_not_thrown_away(
    saved, error, expected, monkeypatch
):
    def fail(*arguments, **options):
        raise error

    monkeypatch.setattr(torch, "load", fail)
    with pytest.raises(expected):
        find(saved, identity())


@pytest.mark.parametrize("damage", ["short", "flipped", "empty", "text", "other"])
def test_a_damaged_checkpoint_is_named_and_left(saved, damage, capsys):
    content = saved.read_bytes()
    stored = read(saved)["state_dict"]["x_hat"].untyped_storage()
    middle = content.index(bytes(stored)) + 40
    flipped = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
    cases = {"short": content[:-500], "flipped": flipped, "empty": b"", "text": b"hello"}
    if damage == "other":
        torch.save({"a": 1}, saved)
    else:
        saved.write_bytes(cases[damage])
    assert find(saved, identity()) is None
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "last.ckpt: cannot be read (" in err
    assert "starting from the beginning" in err


def test_nothing_in_a_checkpoint_runs(tmp_path):
    class Evil:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    torch.save({"fit": Evil(), "configuration": {}, "state_dict": {}}, tmp_path / NAME)
    with pytest.raises(ValueError, match="Weights only load failed"):
        read(tmp_path / NAME)
    (tmp_path / NAME).write_bytes(pickle.dumps(Evil()))
    with pytest.raises(ValueError, match="not a zip file"):
        read(tmp_path / NAME)
    assert not (tmp_path / "ran").exists()


def test_a_loss_that_was_not_finite_is_no_place_to_go_on_from(saved):
    state = read(saved)
    state["fit"]["diverged_at"] = 2
    write(saved, state)
    assert find(saved, identity()) is None
