"""Restoration tasks: one module each, holding one final `RestorationTask`."""

from importlib import import_module
from pkgutil import iter_modules

from dip_lightning.errors import UserError
from dip_lightning.tasks.base import RestorationTask

PARTS = {"base", "course", "given", "masked"}


def names() -> list[str]:
    """List the tasks that exist."""
    return sorted(m.name for m in iter_modules(__path__) if m.name not in PARTS)


def load(name: str) -> type[RestorationTask]:
    """Import the task of that name.

    Raises:
        UserError: there is none.
    """
    if name not in names():
        raise UserError(f"task={name}: choose one of {', '.join(names())}")
    module = import_module(f"{__name__}.{name}")
    found: list[type[RestorationTask]] = [
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, RestorationTask)
        and value.__module__ == module.__name__
    ]
    (task,) = found
    return task
