"""What --help says is what a command uses."""

from dataclasses import fields

import pytest

from dip_lightning.cli.composing import Source
from dip_lightning.cli.manual import manual, used
from dip_lightning.config import Config

TASKS = Source().options("task")


@pytest.mark.parametrize("task", TASKS)
def test_the_defaults_are_those_that_hydra_composes(task):
    composed = Source().compose([f"task={task}"])
    for entry in fields(Config):
        if entry.name not in {"network", "logger"}:
            assert used(task)[entry.name] == composed[entry.name], entry.name


def line(key):
    (found,) = (line for line in manual().splitlines() if line.startswith(f"  {key} "))
    return found


@pytest.mark.parametrize(
    ("key", "end"),
    [
        (
            "iterations",
            "inpainting 1200, jpeg 600, operator 1000, restoration 2000, sr 600)",
        ),
        ("optimizer", "; muon)"),
        ("factor", "; 4)"),
        ("operator", "(text; null)"),
        ("keep_known", "; null)"),
        ("observation", "; denoising gaussian, sr lanczos2)"),
        ("chunk", "; null)"),
        ("resume", "; true)"),
        ("task", "; denoising)"),
        ("hydra.run.dir", "outputs/<task>/<image>/<time>)"),
        ("launcher.n_jobs", ")"),
        ("search.n_trials", "; 20)"),
    ],
)
def test_a_key_says_what_is_used(key, end):
    assert line(key).endswith(end)


def test_nothing_is_written_as_python_writes_it():
    assert not {"None", "True", "False"} & set(manual().replace(")", " ").split())
