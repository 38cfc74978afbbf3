"""What conf/ names: the schema of the configuration, and what interpolations call."""

import hashlib
import os
import re
import sys
from datetime import UTC, datetime

from hydra.core.config_store import ConfigStore
from omegaconf import OmegaConf

from dip_lightning.config import Config, image_name
from dip_lightning.presets import CALLED

BYTES_PER_JOB = 2e9  # 256 x 256 pixels take half of it
LONGEST = 120  # bytes of a job's folder
# What Windows refuses in the name of a folder, and the devices that it sees in some names.
REFUSED = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]+')
DEVICES = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?", re.IGNORECASE | re.DOTALL)


def folder_name(name: str) -> str:
    """Write a name so that every system takes it for a folder; an ordinary one stays as it is."""
    text = REFUSED.sub("-", name).rstrip(". ")
    return f"_{text}" if DEVICES.fullmatch(text) else text or "image"


def image_folder(image: str | None, observed: str | None) -> str:
    """Name the folder for the runs of an image.

    What Hydra would take for an interpolation loses its signs.
    """
    return folder_name(re.sub(r"\$\{|(?<=\w)\}", "", image_name(image, observed)))


def job_folder(swept: str) -> str:
    """Name one job of a sweep after its swept values, such as `lr=0.01-seed=1`.

    Where the name does not tell it all (folders of files, unusual letters), twelve digits of
    a checksum keep jobs apart.
    """
    text = re.sub(r"=['\"]?[^=]*/", "=", str(swept))
    plain = re.sub(r"[^\w.=+-]+", "-", text.replace("'", ""))
    text = plain.strip("-")
    is_told = re.fullmatch(r"[\w.=+,-]*", swept) and len(text.encode()) <= LONGEST
    is_told = is_told and text == plain
    if is_told and text and folder_name(text) == text:
        return text
    if not swept:
        return "job"
    digest = hashlib.sha256(swept.encode(errors="surrogateescape")).hexdigest()
    short = text.encode()[:LONGEST].decode(errors="ignore")
    return f"{folder_name(short)}-{digest[:12]}"


def stamp() -> str:
    """Write the local time to the millisecond: two runs started together get two folders."""
    return datetime.now(UTC).astimezone().strftime("%Y-%m-%d_%H-%M-%S.%f")[:-3]


def processes() -> int:
    """Say how many fits at once this machine takes: one for each GPU, else by cores and memory."""
    import torch  # noqa: PLC0415 - slow to import

    from dip_lightning.compute.memory import free_bytes  # noqa: PLC0415 - imports PyTorch

    gpus = torch.cuda.device_count()
    if gpus:
        return gpus
    free = free_bytes(torch.device("cpu"))
    fitting = sys.maxsize if free is None else int(free / BYTES_PER_JOB)
    return max(1, min(cores(), fitting))


def cores() -> int:
    """Count the cores that a cluster or a container leaves to this process."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def register() -> None:
    """Give Hydra the schema of the configuration, and what conf/ calls.

    Whoever composes does so first: the command, and a job in a process of its own.
    """
    schema = OmegaConf.structured(Config)
    OmegaConf.set_struct(schema.operator, value=False)  # takes whatever its operator takes
    ConfigStore.instance().store(name="schema", node=schema)
    for resolver in (*CALLED, image_folder, job_folder, processes):
        OmegaConf.register_new_resolver(resolver.__name__, resolver, replace=True)
    OmegaConf.register_new_resolver("stamp", stamp, use_cache=True, replace=True)
