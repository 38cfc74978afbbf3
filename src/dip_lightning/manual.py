"""What `--help` prints: the groups, the keys and examples, read from where they are defined."""

from dataclasses import Field, fields
from typing import Any

from dip_lightning.config import Config, config_folder
from dip_lightning.keys import default_of, describe_range, kind_of

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


def manual() -> str:
    """Write the text of --help."""
    groups = [
        f"  {folder.name}={'|'.join(sorted(path.stem for path in folder.glob('*.yaml')))}"
        for folder in sorted(config_folder().iterdir())
        if folder.is_dir()
    ]
    width = 2 + max(len(entry.name) for entry in fields(Config))
    keys = [
        f"  {entry.name:{width}}{entry.metadata['text']} ({_limits(entry)}; {default_of(entry)})"
        for entry in fields(Config)
        if not isinstance(default_of(entry), dict)
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
            "Keys (allowed values; default unless task or preset sets another)",
            *keys,
            "",
            "Flags",
            "  -m, --multirun      several values of a key, separated by commas: one job for each",
            "  --cfg job           print the composed configuration (a sweep's first) and stop",
            "  --config-dir DIR    search DIR for configurations, too",
            "  --config-name NAME  start from DIR/NAME.yaml, such as a result's .hydra/rerun.yaml",
            "  --version, --help",
        ]
    )


def _limits(entry: Field[Any]) -> str:
    limits = entry.metadata
    if any(limits[name] not in {None, ()} for name in ("low", "high", "above", "choices")):
        return describe_range(entry)
    return {"str": "text", "float": "number", "bool": "true, false"}[kind_of(entry)]
