"""What `--help` prints: the groups, the keys and examples, read from where they are defined."""

import re
from dataclasses import Field, fields
from typing import Any

import yaml

from dip_lightning.config import TASK_KEYS, Config, config_folder
from dip_lightning.keys import default_of, describe_range, kind_of
from dip_lightning.presets import CALLED, layered, load, options

EXAMPLES = """\
  python -m dip_lightning
      denoise a bundled photograph
  python -m dip_lightning task=sr factor=8 -m lr=0.01,0.001
      a sweep: one job for each value, grouped in one folder and one W&B group
  python -m dip_lightning task=inpainting observed=photo.png mask=hole.png
      fill the black parts of hole.png in your own photo
  python -m dip_lightning task=denoising observed=scans/ logger=none
      denoise each image in a folder
  python -m dip_lightning task=sr image=chelsea preset=paper
      the paper's own settings, slower by an order of magnitude
  python -m dip_lightning task=restoration known=0.1 -m network=skip,unet
      compare two networks on a photograph with nine of ten pixels missing"""

CALL, KEY = re.compile(r"\$\{(if_\w+):(.+)\}"), re.compile(r"\$\{(\w+)\}")
WIDTH = 2 + max(len(entry.name) for entry in fields(Config))


def manual() -> str:
    """Write the text of --help."""
    groups = [
        f"  {folder.name}={'|'.join(options(folder.name))}"
        for folder in sorted(config_folder().iterdir())
        if folder.is_dir()
    ]
    return "\n".join(
        [
            "Restore one damaged image by fitting an untrained network to it alone.",
            "",
            "usage: python -m dip_lightning [key=value ...] [-m key=value,value ...] [flags]",
            "",
            "Examples",
            EXAMPLES,
            "",
            "Groups (files in conf/; a task and a preset set several keys at once)",
            *groups,
            "",
            "Keys (allowed values; what is used if nothing is typed, by task where that differs)",
            *_keys(),
            "",
            "Places and numbers of jobs",
            *_places(),
            "",
            "Flags",
            "  -m, --multirun      several values of a key, separated by commas: one job for each",
            "  --cfg job           print the composed configuration (a sweep's first) and stop",
            "  --config-dir DIR    search DIR for configurations, too",
            "  --config-name NAME  start from DIR/NAME.yaml, such as a result's .hydra/rerun.yaml",
            "  --version, --help",
        ]
    )


def _keys() -> list[str]:
    return [
        f"  {entry.name:{WIDTH}}{entry.metadata['text']} ({_limits(entry)}; {_defaults(entry)})"
        for entry in fields(Config)
        if not (config_folder() / entry.name).is_dir() or kind_of(entry) == "str"
    ]


def _places() -> list[str]:
    trials = load(config_folder() / "search" / "optuna.yaml")["hydra"]["sweeper"]["n_trials"]
    texts = {
        "hydra.run.dir": "result folder (text; outputs/<task>/<image>/<time>)",
        "hydra.sweep.dir": "a sweep's (text; outputs/sweeps/<study or task>-<checksum>)",
        "launcher.n_jobs": "launcher=joblib: jobs at a time (integer; by GPUs, cores, memory)",
        "search.n_trials": f"search=optuna: trials (at least 1; {trials})",
    }
    return [f"  {name:{WIDTH}}{text}" for name, text in texts.items()]


def used(task: str) -> dict[str, Any]:
    """Return what a task has if nothing else is typed."""
    values = {entry.name: default_of(entry) for entry in fields(Config)} | layered(task)
    called = {function.__name__: function for function in CALLED}

    def of(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        if call := CALL.fullmatch(value):
            return called[call[1]](*map(of, call[2].split(",")))
        return of(values[found[1]]) if (found := KEY.fullmatch(value)) else yaml.safe_load(value)

    named = {k: v for k, v in values.items() if isinstance(v, str) and v.startswith("${")}
    return values | {name: of(text) for name, text in named.items()}


def _defaults(entry: Field[Any]) -> str:
    tasks = [task for task in options("task") if task in TASK_KEYS.get(entry.name, {task})]
    values = {task: _written(used(task)[entry.name]) for task in tasks}
    if entry.name == "task":
        return _written(default_of(entry))
    if len(set(values.values())) == 1:
        return values[tasks[0]]
    return ", ".join(f"{task} {value}" for task, value in values.items())


def _written(value: Any) -> str:
    if isinstance(value, dict):
        value = value.get("name")
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _limits(entry: Field[Any]) -> str:
    limits = entry.metadata
    if any(limits[name] not in {None, ()} for name in ("low", "high", "above", "choices")):
        return describe_range(entry)
    return {"str": "text", "dict": "text", "float": "number", "bool": "true, false"}[kind_of(entry)]
