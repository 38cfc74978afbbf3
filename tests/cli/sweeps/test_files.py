"""The W&B sweep files: valid for W&B, and driving keys that exist."""

import itertools
import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from dip_lightning.cli.checking import check, parse

FOLDER = Path(__file__).parents[3] / "sweeps"
FILES = sorted(FOLDER.glob("*.yaml"))
SCHEMA = json.loads(Path(__file__).with_name("schema.json").read_text())
TASKS = (
    *("sr", "inpainting", "restoration", "denoising"),
    *("deblurring", "blind_deblurring", "demosaicing", "jpeg", "operator"),
)


def test_there_is_a_file_for_each_task_and_method():
    names = {f"{task}_{method}" for task in TASKS for method in ("grid", "random", "bayes")}
    assert {path.stem for path in FILES} == names
    readme = (FOLDER / "README.md").read_text()
    assert all(f"({path.name})" in readme for path in FILES)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_wandb_accepts_it(path):
    sweep = yaml.safe_load(path.read_text())
    jsonschema.validate(sweep, SCHEMA)
    assert path.stem.endswith(sweep["method"])
    if sweep["method"] == "grid":
        assert all("min" not in parameter for parameter in sweep["parameters"].values())


@pytest.mark.parametrize(
    ("change", "where"),
    [({"method": "guess"}, "guess"), ({"parameters": {"+study": {"value": 1}}}, "study")],
)
def test_the_schema_refuses(change, where):
    sweep = {**yaml.safe_load(FILES[0].read_text()), **change}
    with pytest.raises(jsonschema.ValidationError, match=where):
        jsonschema.validate(sweep, SCHEMA)


def extremes(parameter):
    if "value" in parameter:
        return [parameter["value"]]
    return parameter.get("values") or [parameter["min"], parameter["max"]]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_command_line_accepts_what_an_agent_makes_of_it(path):
    sweep = yaml.safe_load(path.read_text())
    fixed = [text for text in sweep["command"] if "=" in text]
    assert {"lr", "input_depth", "noise_std", "network"} <= sweep["parameters"].keys()
    values = [[f"{k}={v}" for v in extremes(p)] for k, p in sweep["parameters"].items()]
    jobs = itertools.zip_longest(*values)
    for job in jobs:
        chosen = [v or values[i][0] for i, v in enumerate(job)]
        check(parse([*fixed, *chosen]))
