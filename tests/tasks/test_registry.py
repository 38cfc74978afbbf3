import pytest

from dip_lightning import tasks
from dip_lightning.config import config_folder
from dip_lightning.errors import UserError


def test_every_task_has_a_class_and_a_configuration():
    configured = {path.stem for path in (config_folder() / "task").glob("*.yaml")}
    assert configured == set(tasks.names())
    for name in tasks.names():
        assert issubclass(tasks.load(name), tasks.RestorationTask)
        assert tasks.load(name).__final__


def test_unknown_task():
    with pytest.raises(UserError, match="task=os: choose one of denoising"):
        tasks.load("os")
