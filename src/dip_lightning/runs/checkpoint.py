"""last.ckpt: written whole or not at all, read without running code, refused if not this fit's."""

import hashlib
import io
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dip_lightning.compute.memory import is_exhausted
from dip_lightning.errors import FolderError, first_line
from dip_lightning.files import reason, shown_path
from dip_lightning.prior.problem import Problem
from dip_lightning.runs import ownership
from dip_lightning.runs.layout import TILES

NAME = "last.ckpt"


def write(path: Path, state: dict[str, Any]) -> None:
    """Write a checkpoint in one step.

    Raises:
        OSError: it cannot be written; the one before is as it was.
    """
    content = io.BytesIO()
    torch.save(state, content)
    with content.getbuffer() as view:
        ownership.write(path, view)


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


@dataclass(frozen=True)
class Identity:
    """What makes a fit the same fit, so that it can go on from a checkpoint.

    Attributes:
        configuration: settings that the result depends on.
        given: checksums of what it works from, see `fingerprints`.
        computed: number format and kind of device.
    """

    configuration: dict[str, Any]
    given: dict[str, str]
    computed: str


def find(path: Path, identity: Identity) -> Path | None:
    """Find the checkpoint that a fit can go on from.

    Args:
        path: where it would be.
        identity: of the fit, as it is now configured.

    Returns:
        None where the fit has to start from the beginning: there is no checkpoint, it is
        damaged (said on stderr), or it holds a loss that was not finite.

    Raises:
        FolderError: the checkpoint belongs to another fit, or its disk does not give it.
    """
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
    _check_same(shown_path(path), saved, identity)
    return None if saved["fit"]["diverged_at"] is not None else path


def _check_same(path: Path, saved: dict[str, Any], identity: Identity) -> None:
    if "given" not in saved or "discrepancy" not in saved["fit"]:
        raise FolderError(f"{path}: is of an earlier version; start again with resume=false")
    before, now = saved["configuration"], identity.configuration
    for name in sorted(before.keys() | now.keys()):
        if before.get(name) != now.get(name):
            raise FolderError(
                f"{path}: is of another configuration, {name}={before.get(name)} instead of "
                f"{now.get(name)}; name another folder, or start again with resume=false"
            )
    given = saved["given"]
    others = [name for name, checksum in identity.given.items() if given.get(name) != checksum]
    if others:  # another mask makes another y, too, where the image is the user's own
        another = " or ".join(others)
        raise FolderError(f"{path}: is of another {another}; start again with resume=false")
    if saved["fit"]["computed"] != identity.computed:
        raise FolderError(
            f"{path}: was computed in {saved['fit']['computed']}, which is {identity.computed} "
            "now; set precision= and device= as they were, or start again with resume=false"
        )


def fingerprints(problem: Problem, seen: Tensor | None, z: Tensor | None) -> dict[str, str]:
    """Return checksums of what a fit works from, by what a user calls it.

    Args:
        problem: what is asked.
        seen: values of y that the loss may see; None: all that are known.
        z: image used as input of the network, (1, C, H, W); None: drawn.
    """
    kernel = getattr(problem.A, "kernel", None) if problem.unknown is None else None
    named = {"image": problem.y, "mask": problem.mask, "kernel": kernel}
    if (response := getattr(problem, "response", None)) is not None:
        named["operator"] = response
    named |= {"choice of held-out pixels": seen, "input image": z}
    return {name: _checksum(tensor) for name, tensor in named.items()}


def _checksum(tensor: Tensor | None) -> str:
    if tensor is None:
        return ""
    digest = hashlib.sha256(str(tuple(tensor.shape)).encode())
    digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
