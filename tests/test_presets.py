"""What conf/ gives a task is the same with Hydra and without."""

from dataclasses import asdict

import pytest

from dip_lightning.cli.composing import Source, to_config
from dip_lightning.errors import UserError
from dip_lightning.presets import configure, options


@pytest.mark.parametrize("preset", options("preset"))
@pytest.mark.parametrize("task", [task for task in options("task") if task != "operator"])
def test_a_call_has_what_the_command_composes(task, preset):
    told = (f"task={task}", f"preset={preset}", "logger=none", "observed=image")
    composed = to_config(Source().compose([*told]))
    assert asdict(configure(task, {}, preset)) == asdict(composed)


def test_an_operator_of_ones_own_is_no_call():
    with pytest.raises(UserError, match=r"in Python, give your operator to dip\.Problem"):
        configure("operator", {})


@pytest.mark.parametrize("network", options("network"))
def test_networks_too(network):
    told = [
        "task=restoration",
        "observed=image",
        f"network={network}",
        "logger=none",
        "factor=null",
    ]
    composed = to_config(Source().compose(told))
    assert configure("restoration", {"network": network}).network == composed.network


def test_keys_that_depend_on_others():
    config = configure("sr", {"factor": 8}, "paper")
    assert (config.iterations, config.noise_std) == (4000, 0.05)


@pytest.mark.parametrize("given", ["image=a", "observed=a"])
@pytest.mark.parametrize("noise", ["gaussian", "poisson"])
def test_the_level_of_the_noise_is_of_its_kind(given, noise):
    composed = Source().compose(["task=denoising", f"noise={noise}", given])
    level = {"gaussian": (25.0, None), "poisson": (None, 30.0)}[noise]
    assert (composed.sigma, composed.peak) == (level if given == "image=a" else (None, None))
    assert composed.observation == noise
    configured = configure("denoising", {"noise": noise})
    assert (configured.sigma, configured.peak, configured.observation) == (None, None, noise)


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        ({"lrr": 1}, "lrr=1: unknown argument; choose one of lr"),
        ({"observed": "a.png"}, "observed=a.png: unknown argument; choose one of"),
        ({"lr": -1}, "lr=-1.0: expected more than 0, at most 10"),
        ({"lr": "fast"}, "lr=fast: "),
        ({"factor": 4}, "factor=4: only for task=sr, but task=denoising"),
        ({"network": "x"}, "network=x: choose one of deep_decoder, "),
    ],
)
def test_a_mistake_is_one_sentence(keys, sentence):
    with pytest.raises(UserError) as error:
        configure("denoising", keys)
    assert str(error.value).startswith(sentence)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("task", "preset", "sentence"),
    [("x", "fast", "task=x: choose one of"), ("sr", "x", "preset=x: choose one of")],
)
def test_unknown_options(task, preset, sentence):
    with pytest.raises(UserError, match=sentence):
        configure(task, {}, preset)
