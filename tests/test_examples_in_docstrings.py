"""Every name that a user may import has an example in its docstring, and each example runs."""

import doctest
import importlib
import inspect
import re
from pathlib import Path

import pytest

import dip_lightning
from dip_lightning import baselines, generators, losses, metrics, operators, optimizers

ROOT = Path(__file__).parents[1]
PACKAGES = (dip_lightning, operators, generators, optimizers, baselines)
MODULES = (losses, metrics)
DIRECTIVE = re.compile(r"^\.\. auto(?:class|function):: (\S+)$", re.MULTILINE)


def named():
    """Each public object by its full name, whichever way it may be imported."""
    for package in PACKAGES:
        for name in package.__all__:
            yield f"{package.__name__}.{name}", getattr(package, name)
    for module in MODULES:
        for name, held in vars(module).items():
            is_own = getattr(held, "__module__", None) == module.__name__
            if is_own and not name.startswith("_"):
                yield f"{module.__name__}.{name}", held


def in_the_reference():
    """Each object of the reference by its full name."""
    for page in sorted((ROOT / "docs/reference").glob("*.md")):
        for name in DIRECTIVE.findall(page.read_text()):
            module, _, last = name.rpartition(".")
            yield name, getattr(importlib.import_module(module), last)


PUBLIC = {name: held for name, held in named() if not inspect.ismodule(held)}
FOUND = {id(held): (name, held) for name, held in [*PUBLIC.items(), *in_the_reference()]}
NAMES = [name for name, _ in FOUND.values()]


@pytest.mark.parametrize(("name", "held"), FOUND.values(), ids=NAMES)
def test_the_example_runs(name, held):
    finder = doctest.DocTestFinder(recurse=False)
    (example,) = finder.find(held, name, globs={})
    assert example.examples, f"{name} has no example"
    said = []
    result = doctest.DocTestRunner(verbose=False).run(example, out=said.append)
    assert not result.failed, "".join(said)


def test_every_public_name_is_in_the_reference():
    listed = {id(held) for _, held in in_the_reference()}
    assert not [name for name, held in PUBLIC.items() if id(held) not in listed]
