"""Where measurements go: docs/benchmarks.md, and the numbers beside it."""

import argparse
import json
import platform
from collections.abc import Callable, Container, Sequence
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock

from dip_lightning import compute
from dip_lightning.files import whole

DOCS = Path(__file__).parents[1] / "docs"


def hardware(device: str = "cpu") -> str:
    """Name the device, and what was computed on it."""
    place = torch.device(device)
    inside = str(compute.compute_dtype("auto", place)).removeprefix("torch.")
    kind = f"({torch.backends.cpu.get_cpu_capability()}), {torch.get_num_threads()} threads"
    if place.type == "cuda":
        kind = f"(CUDA {torch.version.cuda})"
    return (
        f"{compute.device_name(place)} {kind}, {inside}, PyTorch "
        f"{torch.__version__.partition('+')[0]}, Python {platform.python_version()}"
    )


def check_settings(
    settings: Sequence[str], refused: Container[str], why: str, parser: argparse.ArgumentParser
) -> None:
    """Refuse settings of these keys; take the number of threads for this process."""
    for setting in settings:
        key, _, value = setting.partition("=")
        if key in refused:
            parser.error(f"--setting {setting}: {key} {why}")
        if key == "threads":
            torch.set_num_threads(int(value))


class Section:
    """A section of docs/benchmarks.md, and the numbers it is written from, beside it.

    Cases that are there stay; what was measured in another way, on other hardware for instance, is
    not mixed: the first new case takes the place of all that.

    Args:
        name: of its marks, `<!-- NAME: begin -->` and `<!-- NAME: end -->`, and of NAME.json.
        how: all of its cases were measured.
        shown: writes Markdown from the cases' numbers.
        device: where they were measured.
    """

    def __init__(
        self,
        name: str,
        how: dict[str, Any],
        shown: Callable[[dict[str, Any]], str],
        device: str = "cpu",
    ) -> None:
        self.name, self.shown = name, shown
        self.how = {"hardware": hardware(device), **how}
        self.path = DOCS / "benchmarks" / f"{name}.json"
        before = self._read()
        found = self._changed(before)
        self.different = (
            f"{self.path} was measured with {', '.join(found)}" if before and found else ""
        )
        self.results: dict[str, Any] = {} if found else before["results"]

    def _read(self) -> dict[str, Any]:
        if not self.path.is_file():
            return {}
        found: dict[str, Any] = json.loads(self.path.read_text(encoding="utf-8"))
        return found

    def _changed(self, before: dict[str, Any]) -> list[str]:
        return [f"{k}={before.get(k)}" for k, v in self.how.items() if before.get(k) != v]

    def check(self, named: Sequence[str], parser: argparse.ArgumentParser) -> None:
        """Refuse single cases in place of all that was measured in another way."""
        if named and self.different:
            parser.error(f"{self.different}: measure all cases anew, or use --dry")

    def add(self, case: str, numbers: object) -> None:
        """Write a case, in place of an older one or after the others.

        What another process has written since is kept.
        """
        self.path.parent.mkdir(exist_ok=True)
        with FileLock(self.path.parent / ".lock"):
            before = self._read()
            self.results = {} if self._changed(before) else before["results"]
            self.results[case] = numbers
            _write(self.path, json.dumps({**self.how, "results": self.results}, indent=1) + "\n")
            begin, end = f"<!-- {self.name}: begin -->", f"<!-- {self.name}: end -->"
            page = DOCS / "benchmarks.md"
            above, _, rest = page.read_text(encoding="utf-8").partition(begin)
            below = rest.partition(end)[2]
            _write(page, f"{above}{begin}\n{self.shown(self.results)}\n{end}{below}")


def _write(path: Path, text: str) -> None:
    partial = path.with_name(f".{path.name}.partial")
    with whole(path, partial):
        partial.write_text(text, encoding="utf-8")
