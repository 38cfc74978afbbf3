import pytest

from dip_lightning import tasks
from dip_lightning.config import config_folder
from dip_lightning.errors import UserError


def test_every_task_has_a_module_and_a_configuration():
    configured = {path.stem for path in (config_folder() / "task").glob("*.yaml")}
    assert configured == set(tasks.names())


def test_unknown_task():
    with pytest.raises(UserError, match=r"task=os: choose one of .*denoising"):
        tasks.problem(tasks.Given(), {"task": "os"})
