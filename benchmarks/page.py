"""Where measurements go: docs/benchmarks.md, and the numbers beside it."""

import json
import platform
from pathlib import Path
from typing import Any

import torch

from dip_lightning import engine

DOCS = Path(__file__).parents[1] / "docs"


def hardware(device: str = "cpu") -> str:
    """Name the device, and what was computed on it."""
    place = torch.device(device)
    inside = str(engine.compute_dtype("auto", place)).removeprefix("torch.")
    kind = f"({torch.backends.cpu.get_cpu_capability()}), {torch.get_num_threads()} threads"
    if place.type == "cuda":
        kind = f"(CUDA {torch.version.cuda})"
    return (
        f"{engine.device_name(place)} {kind}, {inside}, PyTorch "
        f"{torch.__version__.partition('+')[0]}, Python {platform.python_version()}"
    )


def write(name: str, text: str, numbers: dict[str, Any], device: str = "cpu") -> None:
    """Put a section between its marks in docs/benchmarks.md and its numbers into NAME.json.

    Args:
        name: of the marks, `<!-- NAME: begin -->` and `<!-- NAME: end -->`.
        text: Markdown.
        numbers: what it was written from.
        device: where they were measured.
    """
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    page = DOCS / "benchmarks.md"
    before, _, rest = page.read_text().partition(begin)
    page.write_text(f"{before}{begin}\n{text}\n{end}{rest.partition(end)[2]}")
    (DOCS / "benchmarks").mkdir(exist_ok=True)
    facts = {"hardware": hardware(device), **numbers}
    (DOCS / "benchmarks" / f"{name}.json").write_text(json.dumps(facts, indent=1) + "\n")
