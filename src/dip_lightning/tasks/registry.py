"""The tasks by name, as `task=` picks them: one module each, with a function `problem`."""

from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

from dip_lightning.errors import UserError
from dip_lightning.prior.problem import Problem
from dip_lightning.tasks.given import Given

PARTS = {"given", "masked", "registry"}


def names() -> list[str]:
    """List the tasks that exist."""
    here = str(Path(__file__).parent)
    return sorted(module.name for module in iter_modules([here]) if module.name not in PARTS)


def problem(given: Given, keys: dict[str, Any]) -> Problem:
    """Make the problem that the command's keys describe.

    Args:
        given: image and mask.
        keys: every key of the command, `task` among them.

    Raises:
        UserError: there is no such task, or the image does not go with the keys.
    """
    name = keys["task"]
    if name not in names():
        raise UserError(f"task={name}: choose one of {', '.join(names())}")
    found: Problem = import_module(f"dip_lightning.tasks.{name}").problem(given, keys)
    return found
