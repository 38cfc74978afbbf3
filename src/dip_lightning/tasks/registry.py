"""The tasks by name, as `task=` picks them: one module each, with a function `problem`."""

from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from dip_lightning.errors import UserError
from dip_lightning.prior.problem import Problem
from dip_lightning.tasks.given import Given

PARTS = {"given", "masked", "registry"}
PACKAGE = "dip_lightning.tasks"


def names() -> list[str]:
    """List the tasks that exist."""
    found = iter_modules(import_module(PACKAGE).__path__)
    return sorted(module.name for module in found if module.name not in PARTS)


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
    found: Problem = import_module(f"{PACKAGE}.{name}").problem(given, keys)
    return found
