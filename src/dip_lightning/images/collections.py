"""Images by name: files, scikit-image's samples, and the collections of the literature."""

import csv
import os
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

from dip_lightning.errors import UserError
from dip_lightning.files import whole
from dip_lightning.images import SUFFIXES

SAMPLES = (
    *("astronaut", "brick", "camera", "cell", "chelsea", "coffee", "coins", "grass", "gravel"),
    *("hubble_deep_field", "ihc", "moon", "page", "retina", "rocket", "text"),
)
REGISTRY = Path(__file__).with_name("collections.csv")
MIRROR = "https://raw.githubusercontent.com"  # another one: the variable DIP_MIRROR
TIMEOUT = 20.0  # seconds without a byte
MASKED = "bm3d11_masks"  # published as masked images: black is missing


class Source(NamedTuple):
    """Where an image of a collection is published, and its checksum there.

    Attributes:
        name: collection and file, such as `set5/bird.png`.
        sha256: of the published file.
        repository: on GitHub, owner/name.
        commit: 40 hexadecimal digits.
        path: of the file in the repository.
    """

    name: str
    sha256: str
    repository: str
    commit: str
    path: str

    @property
    def address(self) -> str:
        """The URL it is fetched from."""
        mirror = os.environ.get("DIP_MIRROR", MIRROR).rstrip("/")
        return f"{mirror}/{self.repository}/{self.commit}/{self.path}"


@cache
def sources() -> dict[str, Source]:
    """List the images that can be fetched, by `collection/name` without suffix."""
    with REGISTRY.open(encoding="utf-8", newline="") as file:
        rows = [Source(**row) for row in csv.DictReader(file)]
    return {row.name.rpartition(".")[0]: row for row in rows}


def find_image(name: str, key: str = "image") -> Path:
    """Find the file of an image that is given by path or by name.

    Args:
        name: a path, a sample that scikit-image ships (`astronaut`), or `collection/name`
            (`set5/bird`): a file in the folder that the environment variable DIP_DATA names; if
            that is not set, one of `sources`, fetched once.
        key: configuration key that named it, for messages.

    Raises:
        UserError: nothing of that name, or it cannot be fetched.
    """
    found = look_up(name, key)
    return _fetch(found, f"{key}={name}") if isinstance(found, Source) else found


def look_up(name: str, key: str) -> Path | Source:
    """Find an image as `find_image` does; fetch nothing.

    Raises:
        UserError: nothing of that name.
    """
    path = Path(name)
    if os.path.exists(path):
        return path
    if name in SAMPLES:
        return _sample_file(name)
    folder = os.environ.get("DIP_DATA")
    if folder and not path.is_absolute():
        for suffix in ("", *sorted(SUFFIXES)):
            candidate = Path(folder) / f"{name}{suffix}"
            if os.path.isfile(candidate):
                return candidate
    source = sources().get(name) or sources().get(name.rpartition(".")[0])
    if source is not None and not folder:
        return source
    raise UserError(f"{key}={name}: no such file; {_choices(name, folder)}")


def find_mask(name: str, image: str) -> Path:
    """Find the mask of an image.

    Args:
        name: as for `find_image`, or a folder or a collection (`bm3d11_masks`) with one mask for
            each image, of the same name.
        image: the image's name or path.

    Raises:
        UserError: there is none.
    """
    found = look_up_mask(name, image)
    return _fetch(found, f"mask={name}") if isinstance(found, Source) else found


def look_up_mask(name: str, image: str) -> Path | Source:
    """Find a mask as `find_mask` does; fetch nothing.

    Raises:
        UserError: there is none.
    """
    stem = Path(image).stem
    if any(known.startswith(f"{name}/") for known in sources()) and not os.path.exists(name):
        return look_up(f"{name}/{stem}", "mask")
    if not os.path.isdir(name):
        return look_up(name, "mask") if "/" in name else Path(name)
    above = [part for part in Path(image).parent.parts if part not in {"/", ".."}]
    # Folders below folders: the mask whose path ends as the image's does comes first.
    for depth in range(len(above) + 1):
        folder = Path(name, *above[depth:])
        found = folder.iterdir() if folder.is_dir() else ()
        files = [f for f in found if f.stem == stem and f.suffix.lower() in SUFFIXES]
        files = [f for f in files if not os.path.exists(image) or not f.samefile(image)]
        if files:
            return min(files)
    raise UserError(f"mask={name}: the folder holds no mask named {stem}")


def _choices(name: str, folder: str | None) -> str:
    if folder:
        return (
            f"choose a file, a sample ({', '.join(SAMPLES)}), or collection/name in the folder "
            f"DIP_DATA={folder} (unset it to fetch the published collections)"
        )
    collection, _, inner = name.partition("/")
    inside = [known for known in sources() if inner and known.startswith(f"{collection}/")]
    if inside:
        return f"choose one of {', '.join(inside)}"
    collections = sorted({known.partition("/")[0] for known in sources()})
    return (
        f"choose a file, a sample ({', '.join(SAMPLES)}), an image of {', '.join(collections)} "
        "(as in set5/bird), or collection/name in a folder named by the variable DIP_DATA"
    )


def _fetch(source: Source, given: str) -> Path:
    import pooch  # noqa: PLC0415 - slow to import

    pooch.get_logger().setLevel("ERROR")
    folder = Path(os.environ.get("DIP_CACHE") or pooch.os_cache("dip_lightning"))
    target = folder / Path(source.name).with_suffix(Path(source.path).suffix)
    if not target.is_file():
        print(f"fetching {source.name} from {source.address}", flush=True)
    instead = f"set DIP_DATA to a folder that holds {source.name}"
    try:
        found = pooch.retrieve(
            source.address,
            f"sha256:{source.sha256}",
            fname=target.name,
            path=target.parent,
            processor=_as_mask if source.name.startswith(f"{MASKED}/") else None,
            downloader=pooch.HTTPDownloader(timeout=TIMEOUT),
        )
    except (OSError, ValueError) as error:  # no network or file, a full disk; another checksum
        why = "not what was published" if isinstance(error, ValueError) else type(error).__name__
        raise UserError(
            f"{given}: cannot be fetched from {source.address} to {folder} ({why}); try again "
            f"with a network, set DIP_CACHE to a folder that can be written, or {instead}"
        ) from None
    return Path(found)


def _as_mask(file: str, action: str, _pooch: Any) -> str:
    from PIL import Image  # noqa: PLC0415

    mask = Path(file).with_suffix(".mask.png")
    if action != "fetch" or not mask.is_file():
        content = BytesIO()
        with Image.open(file) as masked:
            masked.convert("L").point(lambda level: 255 * (level > 0)).save(content, "PNG")
        partial = mask.with_name(f"{mask.name}{uuid4().hex}.partial")  # other jobs do so, too
        with whole(mask, partial):
            partial.write_bytes(content.getbuffer())
    return str(mask)


def _sample_file(name: str) -> Path:
    # The import of scikit-image's own loaders takes a second; the files lie beside them.
    import skimage.data  # noqa: PLC0415

    folder = Path(skimage.data.__file__).parent
    for suffix in (".png", ".jpg"):
        if (folder / f"{name}{suffix}").is_file():
            return folder / f"{name}{suffix}"
    raise UserError(f"image={name}: this version of scikit-image does not ship it")
