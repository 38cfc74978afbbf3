"""last.ckpt: written whole or not at all, read without running code, refused if not this fit's."""

import io
import sys
import zipfile
from pathlib import Path
from typing import Any

import torch

from dip_lightning.engine.memory import is_exhausted
from dip_lightning.errors import FolderError, first_line
from dip_lightning.results import ownership
from dip_lightning.results.files import reason
from dip_lightning.results.naming import shown_path
from dip_lightning.tasks.base import RestorationTask
from dip_lightning.tasks.given import fingerprints

NAME = "last.ckpt"
TILES = "tiles"  # inside a result folder: a folder for each tile, with a checkpoint of its own


def write(path: Path, state: dict[str, Any]) -> None:
    """Write a checkpoint in one step.

    Raises:
        OSError: it cannot be written; the one before is as it was.
    """
    content = io.BytesIO()
    torch.save(state, content)
    ownership.write(path, content.getbuffer())


def exists(folder: Path) -> bool:
    """Say whether a result folder holds a checkpoint, of the whole image or of a tile."""
    return (folder / NAME).exists() or any((folder / TILES).glob(f"*/{NAME}"))


def read(path: Path) -> dict[str, Any]:
    """Read a checkpoint to the CPU; nothing in it can run.

    Raises:
        ValueError: it is damaged, or no checkpoint of a fit.
        OSError: it cannot be read.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
    except zipfile.BadZipFile as error:
        raise ValueError(str(error)) from None
    if damaged is not None:
        raise ValueError(f"{damaged} has another checksum")
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except OSError:
        raise
    except Exception as error:
        if is_exhausted(error):
            raise
        raise ValueError(first_line(error)) from None
    if not isinstance(found, dict) or not {"fit", "configuration", "state_dict"} <= found.keys():
        raise ValueError("it is no checkpoint of a fit")
    return found


def find(
    folder: Path,
    task: RestorationTask,
    device: torch.device,
    given: dict[str, str] | None = None,
) -> Path | None:
    """Find the checkpoint that a fit can go on from.

    Args:
        folder: result folder.
        task: the fit, as it is now configured.
        device: where it will be computed.
        given: checksums of what the fit works from; None: the task's.

    Returns:
        None where the fit has to start from the beginning: there is no checkpoint, it is
        damaged (said on stderr), or it holds a loss that was not finite.

    Raises:
        FolderError: the checkpoint belongs to another fit, or its disk does not give it.
    """
    path = folder / NAME
    if not path.exists():
        return None
    try:
        saved = read(path)
    except OSError as error:  # a file server that does not answer has damaged nothing
        raise FolderError(
            f"{shown_path(path)}: cannot be read now ({reason(error)}); resume=false starts again"
        ) from None
    except ValueError as error:
        print(
            f"{shown_path(path)}: cannot be read ({error}); starting from the beginning",
            file=sys.stderr,
        )
        return None
    given = given or fingerprints(task.y, task.mask, task.used, task.given.z)
    _check_same(shown_path(path), saved, task, device, given)
    return None if saved["fit"]["diverged_at"] is not None else path


def _check_same(
    path: Path,
    saved: dict[str, Any],
    task: RestorationTask,
    device: torch.device,
    given: dict[str, str],
) -> None:
    before, now = saved["configuration"], task.config.identity()
    for name in sorted(before.keys() | now.keys()):
        if before.get(name) != now.get(name):
            raise FolderError(
                f"{path}: is of another configuration, {name}={before.get(name)} instead of "
                f"{now.get(name)}; name another folder, or start again with resume=false"
            )
    if "given" not in saved["fit"]:
        raise FolderError(f"{path}: is of an earlier version; start again with resume=false")
    before = saved["fit"]["given"]
    others = [name for name, checksum in given.items() if before.get(name) != checksum]
    if others:  # another mask makes another y, too, where the image is the user's own
        another = " or ".join(others)
        raise FolderError(f"{path}: is of another {another}; start again with resume=false")
    here = task.computed(device)
    if saved["fit"]["computed"] != here:
        raise FolderError(
            f"{path}: was computed in {saved['fit']['computed']}, which is {here} now; set "
            "precision= and device= as they were, or start again with resume=false"
        )
