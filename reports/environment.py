"""The templates' environment: escapes always, fails on a misspelt name, and shows no unseen character."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from reports import charts, numbers, pictures, sounds, text

TEMPLATES: Final = Path(__file__).parent / "templates"
BACKSTOP: Final = 100_000
"""Characters of any one value that reach a page, whatever the template asks for."""


@cache
def environment() -> Environment:
    """Return the one environment all pages are rendered with; templates are compiled once."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        finalize=_seen,
    )
    filters = (
        *(numbers.points, numbers.needed, numbers.number, numbers.percent, numbers.duration),
        *(numbers.moment, numbers.counted, text.line, text.capped, text.ends, text.prose, text.line_of_code),
    )
    made.filters.update({function.__name__: function for function in filters})
    made.globals.update(gauge=charts.gauge, curve=charts.curve, shown=pictures.shown, heard=sounds.heard)
    style = (TEMPLATES / "style.css").read_text("utf-8")
    made.globals.update(style=Markup(style), policy=policy(style))  # noqa: S704 - a file of this package
    wide = style + (TEMPLATES / "wide.css").read_text("utf-8")
    notebook = style + (TEMPLATES / "notebook.css").read_text("utf-8")
    made.globals.update(notebook_style=Markup(notebook), notebook_policy=policy(notebook))  # noqa: S704
    script = (TEMPLATES / "tables.js").read_text("utf-8")
    made.globals.update(
        wide_style=Markup(wide),  # noqa: S704 - files of this package
        wide_script=Markup(script),  # noqa: S704
        wide_policy=policy(wide, script),
        policy_of_wide=policy(wide),
    )
    return made


def policy(style: str, script: str = "") -> str:
    """Return the Content-Security-Policy that allows this style and script, and nothing from anywhere."""
    allowed = f"default-src 'none'; img-src data:; media-src data:; style-src {_digest(style)}"
    if script:
        allowed += f"; script-src {_digest(script)}"
    return f"{allowed}; base-uri 'none'; form-action 'none'"


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _seen(value: object) -> object:
    """Make what a template prints visible, also where its author forgot to ask for it."""
    return (
        text.visible(value[:BACKSTOP]) if isinstance(value, str) and not isinstance(value, Markup) else value
    )
