"""Runs read back from their result folders, unfinished ones included."""

import os
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from dip_lightning.config import CONFIG_NAME, image_name
from dip_lightning.files import reason, shown_path
from dip_lightning.runs.curve import Curve, read_curve
from dip_lightning.runs.layout import LOCK
from dip_lightning.runs.live import iterations, live, tile_curves
from dip_lightning.runs.lock import is_held
from dip_lightning.runs.untrusted import LONGEST, MOST_BYTES, plain, read_json, read_text, read_yaml

FILES = ("metrics.json", "history.csv", ".hydra/rerun.yaml")
# Hold no result folders.
SKIPPED = {"wandb", "csv", "snapshots", "tiles", ".hydra", ".submitit"}
SILENT_SECONDS = 600  # a fit that wrote nothing for so long is taken to have died
CACHED = 4096  # runs
TYPED_FOLDER = "provider: command-line"  # in hydra.yaml
SNAPSHOT = re.compile(r"[0-9]{1,15}\.webp")  # named by its iteration
STATUSES = {"finished", "interrupted", "diverged", "failed"}  # in metrics.json


@dataclass(frozen=True, eq=False)
class Run:
    """One job; each of its files is read when it is first asked for.

    Attributes:
        folder: its result folder, absolute.
        stamp: when its files were written, ns; another stamp, another content.
    """

    folder: Path
    stamp: tuple[int, ...]

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """metrics.json; empty while the fit runs, and where it cannot be read."""
        return read_metrics(self.folder)

    @cached_property
    def trouble(self) -> str | None:
        """What is wrong with the file that says most of the run, in a sentence; None: nothing."""
        name = FILES[0] if self.stamp[0] else FILES[-1]
        try:
            read = read_json if self.stamp[0] else read_yaml
            found = read(self.folder / name)
        except FileNotFoundError:
            return None
        except OSError as error:
            return f"{name}: cannot be read ({reason(error)})"
        except ValueError as error:
            return f"{name}: {error}"
        return None if isinstance(found, dict) else f"{name}: holds no keys and values"

    @cached_property
    def settings(self) -> dict[str, Any]:
        """Every key of the configuration but the logger's; a network's are `network.down`, ...

        Values are numbers, texts, true, false, null, and lists of these.
        """
        found = _yaml(self.folder / FILES[-1])
        return plain(flatten(found)) if isinstance(found, dict) else {}

    @cached_property
    def overrides(self) -> tuple[str, ...]:
        """What was typed or swept, as key=value."""
        found = _yaml(self.folder / ".hydra" / "overrides.yaml")
        lines = found if isinstance(found, list) else []
        return tuple(t for t in lines if isinstance(t, str) and len(t) <= LONGEST)

    @cached_property
    def config_flags(self) -> tuple[str, ...]:
        """What was typed besides `overrides`: --config-dir and --config-name."""
        path = self.folder / ".hydra" / "hydra.yaml"
        try:
            # Most have none, and to parse them all takes seconds where there are a thousand.
            found = read_yaml(path) if TYPED_FOLDER in read_text(path, MOST_BYTES) else {}
            sources = found["hydra"]["runtime"]["config_sources"] if found else []
            folders = [source["path"] for source in sources if source["provider"] == "command-line"]
            name = found["hydra"]["job"]["config_name"] if found else CONFIG_NAME
        except (OSError, ValueError, LookupError, TypeError):
            return ()
        flags = [part for folder in folders for part in ("--config-dir", shown_path(Path(folder)))]
        return (*map(str, flags), *(() if name == CONFIG_NAME else ("--config-name", str(name))))

    @cached_property
    def history(self) -> Curve:
        """Columns of history.csv, see `read_curve`."""
        return read_curve(self.folder / "history.csv")

    @cached_property
    def curve(self) -> Curve:
        """Loss and PSNR: of every iteration where that was recorded, else `history`."""
        every_one = self.folder / "diagnostics.csv"
        return read_curve(every_one) if every_one.is_file() else self.history

    @cached_property
    def live(self) -> dict[str, int | float | None]:
        """How far the fit is, see `runs.live`; of use while it runs."""
        return live(self.settings, self.history, self._tiles)

    @property
    def status(self) -> str:
        """That of metrics.json, `unreadable` where it is damaged.

        `running` or `lost` where there is none yet, or one of before: the history is newer.
        """
        concluded, wrote = self.stamp[0], max(self.stamp[1], self.stamp[-1])
        if concluded and wrote <= concluded:
            return self._concluded
        held = is_held(self.folder / LOCK)
        if held:
            return "running"
        if concluded:
            return "lost" if held is False and self._has_gone_on else self._concluded
        if self.trouble is not None:
            return "unreadable"
        silent = time.time() - max(self.stamp) / 1e9
        return "running" if held is None and silent < SILENT_SECONDS else "lost"

    @property
    def _concluded(self) -> str:
        if self.trouble is not None:
            return "unreadable"
        status = self.metrics.get("status")
        return status if isinstance(status, str) and status in STATUSES else "unknown"

    @property
    def _has_gone_on(self) -> bool:
        """Whether the fit was taken up again after metrics.json was written."""
        if self._tiles:  # whose sum is the last row of the whole
            return sum(map(iterations, self._tiles)) > iterations(self.history)
        ended = self.metrics.get("iterations")
        return isinstance(ended, int) and iterations(self.history) > ended

    @cached_property
    def _tiles(self) -> list[Curve]:
        return tile_curves(self.folder)

    @property
    def image(self) -> str:
        """Name of the image."""
        if not self.settings:
            name = self.metrics.get("image")
            return name[:LONGEST] if isinstance(name, str) else ""
        named = [self.settings.get(key) for key in ("image", "observed")]
        return image_name(*(name if isinstance(name, str) else None for name in named))

    @property
    def is_whole(self) -> bool:
        """Whether the image is known to have been left whole."""
        return self.metrics.get("cropped") is False


def snapshots(folder: Path) -> list[Path]:
    """List a run's previews, the earliest first."""
    found = (
        path for path in (folder / "snapshots").glob("*.webp") if SNAPSHOT.fullmatch(path.name)
    )
    return sorted(found, key=lambda path: int(path.stem))


def find_runs(root: Path) -> list[Run]:
    """Read every run below a folder.

    Args:
        root: such as outputs/.

    Returns:
        The runs, in the order of their folders.
    """
    return [find_run(folder) for folder in sorted(_folders(root))]


def find_run(folder: Path) -> Run:
    """Return the run of a result folder: the same object as long as its files are the same."""
    return _run(folder.absolute(), _stamp(folder))


def finished(folder: Path) -> dict[str, Any] | None:
    """Return the metrics of a job that has finished in this folder, None if none has."""
    metrics = read_metrics(folder)
    return metrics if metrics.get("status") == "finished" else None


def read_metrics(folder: Path) -> dict[str, Any]:
    """Read metrics.json; empty where there is none, or none that can be read."""
    try:
        found = read_json(folder / FILES[0])
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def walk(root: Path) -> Iterator[tuple[Path, list[str]]]:
    """Give each folder that may hold results, or a sweep, with the names of the files in it."""
    for place, inside, files in os.walk(root):
        yield Path(place), files
        inside[:] = sorted(set(inside) - SKIPPED)


def _folders(root: Path) -> Iterator[Path]:
    for place, files in walk(root):
        if FILES[0] in files or (place / FILES[-1]).is_file():
            yield place


def _stamp(folder: Path) -> tuple[int, ...]:
    stamps = [_written(folder / name) for name in FILES]
    return (*stamps, max(map(_written, _signs_of_life(folder)), default=0))


def _written(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def _signs_of_life(folder: Path) -> Iterator[Path]:
    # A fit of tiles writes its own history at the end, one whose iterations take minutes rarely.
    yield folder / "last.ckpt"
    for name in ("history.csv", "last.ckpt"):
        yield from (folder / "tiles").glob(f"*/{name}")


@lru_cache(CACHED)
def _run(folder: Path, stamp: tuple[int, ...]) -> Run:
    return Run(folder, stamp)


def flatten(settings: dict[str, Any]) -> dict[str, Any]:
    """Name a group by its option and the option's own keys: `network`, `network.down`, ..."""
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        if key == "defaults":
            continue
        if not isinstance(value, dict):
            flat[key] = value
            continue
        flat[key] = value.get("name")
        flat |= {f"{key}.{inner}": item for inner, item in value.items() if inner != "name"}
    return flat


def differs(key: str, settings: Sequence[dict[str, Any]]) -> bool:
    """Say whether runs differ in a setting; in an option of a network, those of the same network.

    Args:
        key: such as `lr` or `network.down`.
        settings: of each run, see `flatten`; runs without the key do not count.
    """
    seen: dict[str, set[str]] = {}
    group = key.partition(".")[0]
    for values in settings:
        if key in values:
            option = str(values.get(group)) if group != key else ""
            seen.setdefault(option, set()).add(str(values[key]))
    return any(len(found) > 1 for found in seen.values())


def _yaml(path: Path) -> Any:
    try:
        return read_yaml(path)
    except (OSError, ValueError):
        return None
