"""Memory that the control groups of this process leave free: containers, SLURM jobs, services."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT, MEMBERSHIP = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")


@dataclass(frozen=True)
class _Files:
    """What a version of control groups calls its files, and the lines of memory.stat."""

    limit: str
    used: str
    cached: tuple[str, str]  # pages of files: in use as a cache, given back when needed


VERSION_1 = _Files(
    "memory.limit_in_bytes",
    "memory.usage_in_bytes",
    ("total_active_file", "total_inactive_file"),
)
VERSION_2 = _Files("memory.max", "memory.current", ("active_file", "inactive_file"))


def free_bytes(root: Path = ROOT, membership: Path = MEMBERSHIP) -> float | None:
    """Return what is left of the tightest limit on this process, its groups' parents included.

    Args:
        root: where control groups are mounted.
        membership: the file that names the groups of this process.

    Returns:
        Bytes: limit - (used - cache of files); None where there is no limit.
    """
    try:
        lines = membership.read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    left = [
        free
        for line in lines
        for folder, files in _groups(line, root)
        if (free := _left(folder, files)) is not None
    ]
    return min(left) if left else None


def _groups(line: str, root: Path) -> Iterator[tuple[Path, _Files]]:
    """Name the folders of a group and of all that it lies in, from `number:controllers:path`."""
    _, controllers, path = line.split(":", 2)
    if controllers and "memory" not in controllers.split(","):
        return
    mounted = root / "memory" if controllers else root
    files = VERSION_1 if controllers else VERSION_2
    # In a container the path is often the host's: then only the mounted root says anything.
    for group in (Path(path), *Path(path).parents):
        yield mounted / group.relative_to("/"), files


def _left(folder: Path, files: _Files) -> float | None:
    try:
        limit, used = (
            float((folder / name).read_text(encoding="utf-8")) for name in (files.limit, files.used)
        )
        stat = (folder / "memory.stat").read_text(encoding="utf-8")
    except (OSError, ValueError):  # no such file, or "max"
        return None
    lines = (line.split() for line in stat.splitlines())
    cached = sum(float(value) for name, value in lines if name in files.cached)
    return limit - used + cached
