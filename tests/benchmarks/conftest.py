"""A page for the benchmarks to write to, in place of docs/benchmarks.md."""

from pathlib import Path

import pytest

from benchmarks import page


@pytest.fixture
def docs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in place of docs/; its page has the section `part`."""
    marked = "before\n<!-- part: begin -->\nold\n<!-- part: end -->\nafter\n"
    (tmp_path / "benchmarks.md").write_text(marked)
    monkeypatch.setattr(page, "DOCS", tmp_path)
    return tmp_path
