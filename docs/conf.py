"""Sphinx: the pages of docs/, and the reference, which comes from the docstrings."""

import re
from dataclasses import fields
from typing import Any

from sphinx.application import Sphinx

import dip_lightning
from dip_lightning import FitSettings

project = "dip_lightning"
version = release = dip_lightning.__version__
copyright = "The dip_lightning authors"  # noqa: A001 - Sphinx's name
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "dip_lightning"
html_show_sphinx = False
html_copy_source = False
myst_heading_anchors = 3
default_role = "py:obj"
python_maximum_signature_line_length = 88
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True


def _settings() -> list[str]:
    """List the settings of a fit, which carry meaning and range themselves."""
    lines = ["", "Settings:", ""]
    for entry in fields(FitSettings):
        about = entry.metadata
        limits = [
            f"{word} {about[name]:g}"
            for name, word in (("above", "above"), ("low", "from"), ("high", "to"))
            if about.get(name) is not None
        ]
        allowed = " or ".join(f'"{choice}"' for choice in about.get("choices") or ())
        extent = allowed or " ".join(limits)
        lines += [f"- ``{entry.name}={entry.default!r}``: {about['text']}; {extent}".rstrip("; ")]
    return [*lines, ""]


def _as_rst(
    _app: Sphinx, _what: str, _name: str, held: Any, _options: Any, lines: list[str]
) -> None:
    """Turn what our docstrings write plainly into reStructuredText."""
    joined: list[str] = []
    for line in lines:
        goes_on = line.startswith(" ") and joined and joined[-1].startswith("**Source:**")
        if goes_on:
            joined[-1] += f" {line.strip()}"
        elif line.lstrip().startswith((">>>", "...")):
            joined.append(line)
        else:
            joined.append(re.sub(r"^Source:", "**Source:**", line.replace("|", r"\|")))
    if held is FitSettings:
        joined[2:2] = _settings()
    lines[:] = joined


def setup(app: Sphinx) -> None:
    """Register what is above, in front of napoleon."""
    app.connect("autodoc-process-docstring", _as_rst, priority=100)
