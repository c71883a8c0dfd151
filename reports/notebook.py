"""A learner's executed notebook as a page: nbconvert renders it, an allow-list cleans it, nothing runs."""

from __future__ import annotations

import json
from typing import Any, Final

from markupsafe import Markup

from reports.environment import environment

CAP: Final = 16 << 20
SHOWN: Final = ("text/plain", "image/png", "image/jpeg")
TAGS: Final = frozenset(
    [
        "a",
        "b",
        "blockquote",
        "br",
        "code",
        "dd",
        "del",
        "div",
        "dl",
        "dt",
        "em",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "hr",
        "i",
        "img",
        "li",
        "ol",
        "p",
        "pre",
        "span",
        "strong",
        "sub",
        "sup",
        "table",
        "tbody",
        "td",
        "th",
        "thead",
        "tr",
        "ul",
    ]
)
ATTRIBUTES: Final = {"*": ["class"], "a": ["href", "title"], "img": ["src", "alt"]}
PROTOCOLS: Final = frozenset({"data", "http", "https"})


def notebook_page(notebook: str, title: str) -> str:
    """Return a self-contained page for a notebook of format 4 in JSON.

    Of every output only text and pictures stay. What nbconvert renders goes once more
    through an allow-list of elements and attributes, and the page's policy runs no script.

    Raises:
        ValueError: it is no notebook, or over the cap.
    """
    if len(notebook) > CAP:
        raise ValueError("the notebook is too large to show")
    tree = json.loads(notebook)
    if not isinstance(tree, dict) or not isinstance(tree.get("cells"), list):
        raise ValueError("this is no notebook")  # noqa: TRY004 - the value is text, its content is wrong
    for cell in tree["cells"]:
        cell["outputs"] = [_harmless(output) for output in cell.get("outputs") or []]
        cell.pop("attachments", None)
        if cell.get("cell_type") != "code":
            del cell["outputs"]
    return environment().get_template("notebook.html").render(title=title, body=_rendered(tree))


def _harmless(output: dict[str, Any]) -> dict[str, Any]:
    """Return an output with text and pictures only."""
    data = output.get("data")
    if isinstance(data, dict):
        return {**output, "data": {kind: data[kind] for kind in SHOWN if kind in data}}
    return output


def _rendered(tree: dict[str, Any]) -> Markup:
    import bleach
    import nbformat
    from nbconvert import HTMLExporter

    exporter = HTMLExporter(template_name="basic", sanitize_html=True)
    body, _ = exporter.from_notebook_node(nbformat.reads(json.dumps(tree), as_version=4))
    clean = bleach.clean(body, tags=TAGS, attributes=ATTRIBUTES, protocols=PROTOCOLS, strip=True)
    return Markup(clean)  # noqa: S704 - only elements and attributes of the lists above are left
