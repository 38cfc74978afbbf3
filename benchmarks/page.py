"""Where measurements go: docs/benchmarks.md, and the numbers beside it."""

import json
import platform
from pathlib import Path
from typing import Any

import torch

from dip_lightning import engine

DOCS = Path(__file__).parents[1] / "docs"
CPU = torch.device("cpu")


def hardware() -> str:
    """Name the machine."""
    inside = str(engine.compute_dtype("auto", CPU)).removeprefix("torch.")
    isa = torch.backends.cpu.get_cpu_capability()
    threads = torch.get_num_threads()
    return (
        f"{engine.device_name(CPU)} ({isa}), {threads} threads, {inside}, PyTorch "
        f"{torch.__version__.partition('+')[0]}, Python {platform.python_version()}"
    )


def write(name: str, text: str, numbers: dict[str, Any]) -> None:
    """Put a section between its marks in docs/benchmarks.md and its numbers into NAME.json.

    Args:
        name: of the marks, `<!-- NAME: begin -->` and `<!-- NAME: end -->`.
        text: Markdown.
        numbers: what it was written from.
    """
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    page = DOCS / "benchmarks.md"
    before, _, rest = page.read_text().partition(begin)
    page.write_text(f"{before}{begin}\n{text}\n{end}{rest.partition(end)[2]}")
    (DOCS / "benchmarks").mkdir(exist_ok=True)
    facts = {"hardware": hardware(), **numbers}
    (DOCS / "benchmarks" / f"{name}.json").write_text(json.dumps(facts, indent=1) + "\n")
